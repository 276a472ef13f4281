import type { NatsConnection } from "@nats-io/transport-node";

/**
 * A request that this worker has: it says so every 3/10 of the ack wait. When the last word that was replied to is 9/10 of
 * an ack wait old the request is lost: by then it may be another worker's.
 */
export class Hold {
  readonly #timer: NodeJS.Timeout;
  #since: number;
  #released = false;
  #lost = false;

  /**
   * since is when the request may have been delivered at the earliest, on the clock of performance.now; ackWait is in
   * milliseconds. onLost is called at most once, and not after release.
   */
  constructor(
    private readonly nc: NatsConnection,
    private readonly ackSubject: string,
    since: number,
    private readonly ackWait: number,
    private readonly onLost: () => void,
  ) {
    this.#since = since;
    this.#timer = setInterval(() => this.beat(), ackWait * 0.3);
  }

  /** Whether the request is this worker's to settle. It looks at the clock, since a busy event loop beats late. */
  get held(): boolean {
    if (!this.#lost && !this.#released && performance.now() - this.#since >= this.ackWait * 0.9) {
      this.#lose();
    }
    return !this.#lost && !this.#released;
  }

  /** Whether JetStream has heard of the request within half an ack wait: another server that gets it begins with that. */
  get fresh(): boolean {
    return this.held && performance.now() - this.#since < this.ackWait / 2;
  }

  /** Ends the heartbeats. */
  release(): void {
    this.#released = true;
    clearInterval(this.#timer);
  }

  /** Says that this worker has the request. */
  beat(): void {
    if (!this.held) {
      return;
    }
    const sent = performance.now();
    this.nc.request(this.ackSubject, "+WPI", { timeout: this.ackWait }).then(
      () => {
        this.#since = Math.max(this.#since, sent);
      },
      () => undefined, // what was not replied to does not count
    );
  }

  #lose(): void {
    this.#lost = true;
    clearInterval(this.#timer);
    this.onLost();
  }
}
