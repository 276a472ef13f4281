import { createHash, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { gzipSync } from "node:zlib";

import { create, type DescFile, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { headers as newHeaders } from "@nats-io/transport-node";

import { token } from "./delivery.js";
import { Header } from "./header.js";
import { type JetStream, JetStreamError, type StoredMessage } from "./jetstream.js";
import { jsonLogger, type Logger } from "./logger.js";

const stream = "KV_DESCRIPTORS";

/** How long a lease lasts, in seconds, and how often it is renewed, in milliseconds. */
const leaseSeconds = 15;
const renewal = 5000;

/** How long the marker of a removed key stays, in seconds. */
const markerSeconds = 600;

/** The most bytes of a value. */
const maxValue = 960 << 10;

/** JetStream's error for a message that expects another last sequence of its subject than there is. */
const wrongLastSequence = 10071;

export interface PublisherOptions {
  /**
   * The comments of the descriptors, which generated code has not: a google.protobuf.FileDescriptorSet in its wire form,
   * whose files have a name and source_code_info.
   */
  readonly comments?: Uint8Array;
  /** What the leases say of the instance, for people. Default: the name of the NATS connection's client. */
  readonly name?: string;
  readonly logger?: Logger;
}

/**
 * Publishes the descriptors of a service in the bucket DESCRIPTORS, as natsgrpc/registry/doc.go specifies, so that proxies
 * have its routes.
 */
export class DescriptorPublisher {
  readonly #prefix: string;
  readonly #value: Uint8Array;
  readonly #version: string;
  readonly #lease: string;
  readonly #description: Uint8Array;
  readonly #logger: Logger;
  #revision = 0;

  /** It throws a RangeError for descriptors that are too large. */
  constructor(
    private readonly js: JetStream,
    service: DescService,
    options: PublisherOptions = {},
  ) {
    const set = descriptorSet(service.file, options.comments);
    this.#value = gzipSync(set);
    if (this.#value.length > maxValue) {
      throw new RangeError(`the descriptors of ${service.typeName} have ${this.#value.length} bytes, more than ${maxValue}`);
    }
    this.#version = createHash("sha256").update(set).digest("hex").slice(0, 32);
    this.#prefix = `$KV.DESCRIPTORS.${token(service)}`;
    this.#lease = `${this.#prefix}.instance.${this.#version}.${randomUUID()}`;
    this.#description = Buffer.from(
      JSON.stringify({ name: options.name ?? "", host: hostname(), pid: process.pid, started: new Date().toISOString() }),
    );
    this.#logger = options.logger ?? jsonLogger;
  }

  /** Publishes, keeps the lease until the signal is aborted, and then removes it. What fails is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    let published = false;
    while (!signal.aborted) {
      try {
        if (published) {
          await this.#renew();
        } else {
          await this.#publish();
          published = true;
        }
      } catch (error) {
        published &&= !(error instanceof JetStreamError && error.errorCode === wrongLastSequence);
        this.#logger.warn("cannot publish descriptors", { error: (error as Error).message });
      }
      await pause(published ? renewal : renewal / 5, signal);
    }
    if (published) {
      await this.#remove(this.#lease);
    }
  }

  /** Puts the lease, the version and what is latest, and removes versions without a lease. */
  async #publish(): Promise<void> {
    this.#revision = await this.js.publish(this.#lease, this.#description, ttl(leaseSeconds));
    await this.#createVersion();
    await this.js.publish(`${this.#prefix}.latest`, Buffer.from(this.#version));
    await this.#sweep();
  }

  async #createVersion(): Promise<void> {
    const subject = `${this.#prefix}.version.${this.#version}`;
    const last = await this.js.lastOf(stream, subject);
    if (isValue(last)) {
      return;
    }
    const headers = newHeaders();
    headers.set(Header.expectedRevision, String(last?.sequence ?? 0)); // a marker's, if the key was removed
    try {
      await this.js.publish(subject, this.#value, headers);
    } catch (error) {
      if (!(error instanceof JetStreamError && error.errorCode === wrongLastSequence)) {
        throw error;
      } // another instance has created it
    }
  }

  async #sweep(): Promise<void> {
    const versions = await this.#versions("version.*");
    const leased = new Set(await this.#versions("instance.*.*"));
    for (const version of versions) {
      if (version !== this.#version && !leased.has(version)) {
        await this.#remove(`${this.#prefix}.version.${version}`);
      }
    }
  }

  /** The versions in the keys that match a pattern and have a value. */
  async #versions(pattern: string): Promise<string[]> {
    const versions: string[] = [];
    for (const subject of await this.js.subjects(stream, `${this.#prefix}.${pattern}`)) {
      const version = subject.slice(this.#prefix.length + 1).split(".")[1];
      if (version !== undefined && isValue(await this.js.lastOf(stream, subject))) {
        versions.push(version);
      }
    }
    return versions;
  }

  async #renew(): Promise<void> {
    const headers = ttl(leaseSeconds);
    headers.set(Header.expectedRevision, String(this.#revision));
    this.#revision = await this.js.publish(this.#lease, this.#description, headers);
  }

  async #remove(subject: string): Promise<void> {
    const headers = ttl(markerSeconds);
    headers.set("KV-Operation", "PURGE");
    headers.set("Nats-Rollup", "sub");
    await this.js.publish(subject, new Uint8Array(), headers);
  }
}

/** Whether a key has a value: neither KV's own marker of a removal is one nor the server's where a value has expired. */
function isValue(message: StoredMessage | undefined): boolean {
  return message !== undefined && !message.headers.has("KV-Operation") && !message.headers.has("Nats-Marker-Reason");
}

function ttl(seconds: number) {
  const headers = newHeaders();
  headers.set(Header.ttl, `${seconds}s`);
  return headers;
}

/** Waits until the time is over or the signal is aborted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    return;
  }
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/** A file and all that it imports, with comments, in its wire form. */
function descriptorSet(file: DescFile, comments: Uint8Array | undefined): Uint8Array {
  const files = new Set<DescFile>();
  const add = (next: DescFile) => {
    if (!files.has(next)) {
      next.dependencies.forEach(add);
      files.add(next);
    }
  };
  add(file);
  const commented = new Map(
    comments && fromBinary(FileDescriptorSetSchema, comments).file.map((each) => [each.name, each.sourceCodeInfo]),
  );
  const set = create(FileDescriptorSetSchema, {
    file: Array.from(files, ({ proto }) => {
      const sourceCodeInfo = commented.get(proto.name);
      return sourceCodeInfo === undefined ? proto : { ...proto, sourceCodeInfo };
    }),
  });
  return toBinary(FileDescriptorSetSchema, set);
}
