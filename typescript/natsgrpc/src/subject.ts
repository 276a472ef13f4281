/** What the subject of a delivery's acks says. */
export interface AckSubject {
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
  const [attempt, , delivered, time, pending] = tokens.slice(tokens.length === 9 ? 4 : 6);
  if (![attempt, delivered, time, pending].every((token) => token !== undefined && /^\d+$/.test(token))) {
    return undefined;
  }
  return { attempt: Number(attempt), delivered: Number(delivered), time: BigInt(time ?? 0), pending: Number(pending) };
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
