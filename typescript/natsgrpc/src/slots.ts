/** The slots of one queue's worker, each of which runs one call at a time. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** Called when one more slot is free. */
  onFree: () => void = () => undefined;

  constructor(readonly count: number) {
    this.#free = count;
  }

  /** How many are free. */
  get free(): number {
    return this.#free;
  }

  /** Takes those that are free, most at most, whether they are promised to a pull or not, and returns how many these are. */
  take(most: number): number {
    const taken = Math.min(most, this.#free);
    this.#free -= taken;
    return taken;
  }

  /** Takes one, and waits for it where none is free: who has waited longest has the next. */
  async acquire(): Promise<void> {
    if (this.take(1) === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Frees one that was taken. */
  release(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#free++;
    this.onFree();
  }
}
