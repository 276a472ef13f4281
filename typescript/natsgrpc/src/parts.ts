import { randomUUID } from "node:crypto";

import { headers as newHeaders, type NatsConnection } from "@nats-io/transport-node";

import { Code } from "./code.js";
import { Header } from "./header.js";
import type { JetStream } from "./jetstream.js";
import { reasoned, StatusError } from "./status.js";

/** The most parts of one message. */
const maxParts = 4096;

/** Where the parts of a body are: the value of Natsgrpc-Parts. */
export interface Parts {
  readonly token: string;
  readonly count: number;
  readonly bytes: number;
}

/** Reads the header's value. It throws an Error for a malformed one. */
export function parseParts(value: string): Parts {
  const match = /^([A-Za-z0-9_-]{1,128}) ([1-9]\d{0,3}) (\d{1,10})$/.exec(value);
  if (match === null || Number(match[2]) > maxParts) {
    throw new Error(`header ${Header.parts}: not "<token> <count> <bytes>": ${JSON.stringify(value)}`);
  }
  return { token: match[1] ?? "", count: Number(match[2]), bytes: Number(match[3]) };
}

/** The parts of the large messages of one service, in the stream PARTS. */
export class PartsStore {
  constructor(
    private readonly js: JetStream,
    private readonly service: string,
  ) {}

  /**
   * Joins a body's parts. It throws the status for the caller: RESOURCE_EXHAUSTED for more bytes than the limit,
   * UNAVAILABLE where a part is missing.
   */
  async read(parts: Parts, limit: number): Promise<Uint8Array> {
    if (parts.bytes > limit) {
      throw new StatusError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${parts.bytes} vs. ${limit})`);
    }
    const body: Uint8Array[] = [];
    for (let i = 0; i < parts.count; i++) {
      const part = await this.js.lastOf("PARTS", this.#subject(parts, i));
      if (part === undefined || part.data.length === 0) {
        throw reasoned(Code.UNAVAILABLE, "PARTS_LOST", `part ${i} of ${parts.count} of the message is lost`);
      }
      body.push(part.data);
    }
    const joined = Buffer.concat(body);
    if (joined.length !== parts.bytes) {
      throw reasoned(Code.UNAVAILABLE, "PARTS_LOST", `the parts of the message have ${joined.length} bytes, not ${parts.bytes}`);
    }
    return joined;
  }

  /** Stores a body for some seconds, and returns where. It throws when a part cannot be stored. */
  async write(body: Uint8Array, seconds: number): Promise<Parts> {
    const size = maxPayload(this.js.nc) - 1024; // room for a part's headers
    const parts = { token: randomUUID(), count: Math.ceil(body.length / size), bytes: body.length };
    const headers = newHeaders();
    headers.set(Header.ttl, `${seconds}s`);
    await Promise.all(
      Array.from({ length: parts.count }, (_, i) =>
        this.js.publish(this.#subject(parts, i), body.subarray(i * size, (i + 1) * size), headers),
      ),
    );
    return parts;
  }

  /** Frees the parts of a settled request. What is not freed is removed by its age. */
  free(parts: Parts): void {
    const headers = newHeaders();
    headers.set(Header.ttl, "1s");
    for (let i = 0; i < parts.count; i++) {
      this.js.nc.publish(this.#subject(parts, i), "", { headers });
    }
  }

  #subject(parts: Parts, i: number): string {
    return `part.${this.service}.${parts.token}.${i}`;
  }
}

/** What the NATS server takes in one message, headers included, in bytes. */
export function maxPayload(nc: NatsConnection): number {
  return nc.info?.max_payload ?? 1 << 20;
}
