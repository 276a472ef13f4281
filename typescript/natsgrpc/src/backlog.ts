import type { AckSubject } from "./subject.js";

/** The least time between two tellings, in milliseconds. */
const interval = 50;

/** What a worker tells its callers of the length of one queue. */
export class Backlog {
  #pending = 0;
  #delivered = 0;
  #toldPending = 0;
  #toldAt = -Infinity;

  /** queue is "<kind>.<svc>.<shard>". */
  constructor(private readonly queue: string) {}

  /** Notes what the newest request's ack subject says. */
  note(ack: AckSubject): void {
    this.#pending = ack.pending;
    this.#delivered = ack.delivered;
  }

  /** The header's value, or undefined when there is nothing to tell. */
  tell(now = performance.now()): string | undefined {
    if ((this.#pending === 0 && this.#toldPending === 0) || now - this.#toldAt < interval) {
      return undefined;
    }
    this.#toldPending = this.#pending;
    this.#toldAt = now;
    return `${this.queue} ${this.#pending} ${this.#delivered}`;
  }
}
