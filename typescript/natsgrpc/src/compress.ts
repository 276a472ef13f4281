import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";

import { Code } from "./code.js";
import { StatusError } from "./status.js";

/** A way to compress bodies, and to expand them to at most so many bytes. */
interface Compressor {
  compress(data: Uint8Array): Promise<Uint8Array>;
  expand(data: Uint8Array, limit: number): Promise<Uint8Array>;
}

const compressors: Record<string, Compressor> = {
  gzip: {
    compress: promisify<Uint8Array, Uint8Array>(gzip),
    expand: (data, maxOutputLength) => promisify(gunzip)(data, { maxOutputLength }),
  },
};

/** Throws the status for a caller whose encoding is not known: UNIMPLEMENTED. "" is none. */
export function checkEncoding(encoding: string): void {
  if (encoding !== "" && !Object.hasOwn(compressors, encoding)) {
    throw new StatusError(Code.UNIMPLEMENTED, `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`);
  }
}

/** Compresses an answer as its request was, by an encoding that is known. An empty body stays empty. */
export async function compress(data: Uint8Array, encoding: string): Promise<Uint8Array> {
  const compressor = compressors[encoding];
  return data.length === 0 || compressor === undefined ? data : await compressor.compress(data);
}

/**
 * Expands a body by an encoding that is known. It throws the status for the caller: RESOURCE_EXHAUSTED for more than the
 * limit in bytes, INTERNAL for what cannot be expanded.
 */
export async function expand(data: Uint8Array, encoding: string, limit: number): Promise<Uint8Array> {
  const compressor = compressors[encoding];
  if (data.length === 0 || compressor === undefined) {
    return data;
  }
  try {
    return await compressor.expand(data, limit);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new StatusError(Code.RESOURCE_EXHAUSTED, `grpc: received message after decompression larger than max ${limit}`);
    }
    throw new StatusError(Code.INTERNAL, `grpc: failed to decompress the received message: ${(error as Error).message}`);
  }
}
