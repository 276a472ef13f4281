import { headers as newHeaders, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";

import { Header } from "./header.js";

/** How long a request to JetStream may take, in milliseconds. */
const apiTimeout = 2000;

/** An error in a reply of JetStream. */
export class JetStreamError extends Error {
  override readonly name = "JetStreamError";

  constructor(
    readonly code: number,
    readonly errorCode: number,
    description: string,
  ) {
    super(description);
  }
}

/** A message that is in a stream. */
export interface StoredMessage {
  readonly data: Uint8Array;
  readonly headers: MsgHdrs;
  readonly sequence: number;
  /** When it was stored, in nanoseconds since the Unix epoch. */
  readonly time: bigint;
}

/** What JetStream says of a consumer, as far as a worker asks. Times are in nanoseconds. */
export interface ConsumerInfo {
  readonly config: {
    readonly ack_policy: string;
    readonly ack_wait?: number;
    readonly max_deliver?: number;
    readonly max_ack_pending?: number;
    readonly backoff?: readonly number[];
    readonly filter_subject?: string;
    readonly filter_subjects?: readonly string[];
  };
}

/**
 * The few requests of JetStream's API that a worker makes, each of which the least permissions of its NATS user allow.
 * The client library's consumers ask for more, and do not count what they have asked for as the wire has it.
 */
export class JetStream {
  readonly #prefix: string;

  /** With a domain the streams are those of a leaf node's hub. */
  constructor(
    readonly nc: NatsConnection,
    domain: string | undefined,
  ) {
    this.#prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
  }

  /** The subject that pulls are published to. */
  next(stream: string, consumer: string): string {
    return `${this.#prefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  }

  async consumerInfo(stream: string, consumer: string): Promise<ConsumerInfo> {
    return (await this.#ask(`CONSUMER.INFO.${stream}.${consumer}`, "")) as unknown as ConsumerInfo;
  }

  /** The subjects of a stream that match a filter. It asks once for each 100,000 of them. */
  async subjects(stream: string, filter: string): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const request = JSON.stringify({ subjects_filter: filter, offset: names.length });
      const reply = await this.#ask(`STREAM.INFO.${stream}`, request);
      const page = Object.keys((reply["state"] as { subjects?: Record<string, number> }).subjects ?? {});
      names.push(...page);
      if (page.length === 0 || names.length >= Number(reply["total"] ?? 0)) {
        return names;
      }
    }
  }

  /** The last message of a subject, by a direct get whose own subject ends with that; undefined for none. */
  async lastOf(stream: string, subject: string): Promise<StoredMessage | undefined> {
    const reply = await this.nc.request(`${this.#prefix}.DIRECT.GET.${stream}.${subject}`, "", { timeout: apiTimeout });
    const { headers } = reply;
    if (headers === undefined || headers.code === 404) {
      return undefined;
    }
    if (headers.code > 0) {
      throw new JetStreamError(headers.code, 0, headers.description);
    }
    return {
      data: reply.data,
      headers,
      sequence: Number(headers.get(Header.sequence)),
      time: nanoseconds(headers.get(Header.timestamp)),
    };
  }

  /** Publishes to a stream, waits for the PubAck, and returns the message's sequence. */
  async publish(subject: string, data: Uint8Array, headers: MsgHdrs = newHeaders()): Promise<number> {
    const reply = await this.nc.request(subject, data, { headers, timeout: apiTimeout });
    return Number(parse(reply)["seq"]);
  }

  async #ask(subject: string, data: string): Promise<Record<string, unknown>> {
    return parse(await this.nc.request(`${this.#prefix}.${subject}`, data, { timeout: apiTimeout }));
  }
}

function parse(reply: Msg): Record<string, unknown> {
  const value = reply.json<Record<string, unknown>>();
  const error = value["error"] as { code?: number; err_code?: number; description?: string } | undefined;
  if (error !== undefined) {
    throw new JetStreamError(error.code ?? 0, error.err_code ?? 0, error.description ?? "unknown error");
  }
  return value;
}

/** Nanoseconds since the Unix epoch of a time as RFC 3339 has it, in UTC. */
export function nanoseconds(time: string): bigint {
  const match = /^(.+T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time);
  const seconds = Date.parse(`${match?.[1]}Z`);
  if (match === null || Number.isNaN(seconds)) {
    throw new Error(`not a time in UTC: ${JSON.stringify(time)}`);
  }
  return BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
}
