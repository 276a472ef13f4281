import type { Kind } from "./delivery.js";

/** What the subject of a delivery's acks says. */
export interface AckSubject {
  readonly stream: string;
  readonly consumer: string;
  /** The number of the delivery: the attempt. */
  readonly attempt: number;
  /** How many messages the consumer has delivered so far. */
  readonly delivered: number;
  /** When the request was stored, in nanoseconds since the Unix epoch. */
  readonly time: bigint;
  /** How many messages wait in the queue. */
  readonly pending: number;
}

/**
 * Reads an ack subject of either form (ADR-15 of NATS), or returns undefined:
 *
 *     $JS.ACK.<stream>.<consumer>.<attempt>.<stream seq>.<consumer seq>.<time>.<pending>
 *     $JS.ACK.<domain>.<account hash>.<stream>.<consumer>.<attempt>.<stream seq>.<consumer seq>.<time>.<pending>[.<token>…]
 */
export function parseAckSubject(subject: string | undefined): AckSubject | undefined {
  const tokens = subject?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9 || tokens.length === 10) {
    return undefined;
  }
  const [stream, consumer, attempt, , delivered, time, pending] = tokens.slice(tokens.length === 9 ? 2 : 4);
  if (stream === undefined || consumer === undefined || ![attempt, delivered, time, pending].every((token) => token !== undefined && /^\d+$/.test(token))) {
    return undefined;
  }
  return { stream, consumer, attempt: Number(attempt), delivered: Number(delivered), time: BigInt(time ?? 0), pending: Number(pending) };
}

/** The last part of a request's subject, "<kind>.<svc>.<shard>.<method>.<id>", or undefined for another subject. */
export function parseRequestSubject(subject: string): { method: string; id: string } | undefined {
  const tokens = subject.split(".");
  const [, , , method, id] = tokens;
  return tokens.length === 5 && method !== undefined && validToken(id) ? { method, id } : undefined;
}

/** Whether a text can be an id or the name of a connection or a server. */
export function validToken(text: string | undefined): text is string {
  return text !== undefined && /^[\x21-\x7e]{1,128}$/.test(text) && !/[.*>]/.test(text);
}

/**
 * Where a server asks for slots for requests that it does not know. Those subscribe to it that know the method and the version
 * of the requests' wire.
 */
export function seekSubject(service: string, kind: Kind, shard: number, method: string, version: string): string {
  return `seek.${service}.${kind}.${shard}.${method}.${version}`;
}

/** Where a server takes the requests for which it has offered slots. Behind it come a request's subject and that of its acks. */
export function offerSubject(service: string, server: string, number: string): string {
  return `hand.${service}.${server}.${number}`;
}

/** What a server subscribes to for the requests of one queue that are handed over to it. */
export function handOverFilter(service: string, server: string, kind: Kind, shard: number): string {
  return `${offerSubject(service, server, "*")}.${kind}.${service}.${shard}.*.*.>`;
}

/** Reads the subject of a request that is handed over: the number of the offer, the request's subject, and that of its acks. */
export function parseHandOver(subject: string): { offer: string; request: string; reply: string } | undefined {
  const tokens = subject.split(".");
  const [hand, , , offer] = tokens;
  if (hand !== "hand" || offer === undefined || tokens.length < 10) {
    return undefined;
  }
  return { offer, request: tokens.slice(4, 9).join("."), reply: tokens.slice(9).join(".") };
}

/** An answer to who asks for slots. */
export interface SlotOffer {
  readonly slots: number;
  /** "" where there are none. */
  readonly subject: string;
}

/** Reads an offer. One whose subject is none of the service's is of no slots. It throws a SyntaxError for what is no offer. */
export function parseSlotOffer(data: Uint8Array, service: string): SlotOffer {
  const { slots, subject } = parseObject(data);
  if (!isCount(slots)) {
    throw new SyntaxError(`slots: ${JSON.stringify(slots)} is no number of slots`);
  }
  const [, , server, number] = typeof subject === "string" ? subject.split(".") : [];
  if (!validToken(server) || !validToken(number) || subject !== offerSubject(service, server, number)) {
    return { slots: 0, subject: "" };
  }
  return { slots, subject };
}

/** Reads for how many requests a server asks for slots: 0 where that cannot be read. */
export function parseSlotSeek(data: Uint8Array): number {
  try {
    const { calls } = parseObject(data);
    return isCount(calls) ? calls : 0;
  } catch {
    return 0;
  }
}

function parseObject(data: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}
