/** How often the clock ticks, in milliseconds. */
const tick = 50;

/** Tells since when a message that is read now may have waited for this process. */
export class LoopClock {
  #before = performance.now();
  #last = this.#before;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      this.#before = this.#last;
      this.#last = performance.now();
    }, tick).unref();
  }

  /**
   * The tick before the last, on the clock of performance.now: mostly 50 to 100 ms ago, and longer after a handler that
   * has blocked the event loop. The last tick itself may come after such a handler and before the socket is read.
   */
  get earliest(): number {
    return this.#before;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
