import { setTimeout as pause } from "node:timers/promises";

import type { NatsConnection } from "@nats-io/transport-node";

/**
 * Waits until the server has what was published, for so many milliseconds at most. It rejects when the connection is lost. It leaves
 * no timer, which would keep a process that has stopped alive until its end.
 */
export async function flush(nc: Pick<NatsConnection, "flush">, longest: number): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([nc.flush(), pause(longest, undefined, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}
