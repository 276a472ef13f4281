import { Code } from "./code.js";
import { creditStep, type Frame, frameCost, initialCredit, readNumber } from "./frame.js";
import { StatusError } from "./status.js";

/** A message of a stream that has come whole. */
interface Received {
  readonly data: Uint8Array;
  /** What of its cost the reader has not been credited with yet. */
  readonly cost: number;
}

/** What comes of the messages of one direction of a stream: it keeps them until they are read, and credits their sender. */
export class Inbound {
  readonly #ready: Received[] = [];
  #parts: Uint8Array[] = [];
  #length = 0;
  #have = 0;
  /** The cost of the message that is coming, as far as it is not taken. */
  #coming = 0;
  #received = 0;
  #taken = 0;
  #credit = initialCredit;
  #closed = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** limit is that of one message in bytes; onCredit is called when the sender is to be told of its credit. */
  constructor(
    private readonly limit: number,
    private readonly onCredit: () => void,
  ) {}

  /** The credit in total that the sender has. */
  get credit(): number {
    return this.#credit;
  }

  /** Takes an M or a C. It returns false for one that breaks the stream, and throws the status of a message that is too large. */
  part(frame: Frame): boolean {
    const first = frame.kind === "M";
    if (first !== (this.#have === this.#length && this.#parts.length === 0)) {
      return false;
    }
    const part = first ? frame.body.subarray(4) : frame.body;
    if (first) {
      const length = readNumber(frame.body, 4);
      if (length === undefined) {
        return false;
      }
      if (length > this.limit) {
        throw new StatusError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${length} vs. ${this.limit})`);
      }
      this.#length = length;
      this.#have = 0;
    }
    const cost = part.length + frameCost;
    this.#received += cost;
    this.#have += part.length;
    if (this.#received > this.#credit || this.#have > this.#length || this.#closed) {
      return false;
    }
    this.#parts.push(part);
    this.#coming += cost;
    if (this.#have === this.#length) {
      this.#ready.push({ data: this.#parts.length === 1 ? part : Buffer.concat(this.#parts), cost: this.#coming });
      this.#parts = [];
      this.#coming = 0;
      this.#length = this.#have = 0;
      this.#wake?.();
    } else if (this.#wake !== undefined) {
      this.#take(this.#coming); // it is being read
      this.#coming = 0;
    }
    return true;
  }

  /** Notes the half-close. It returns false in the midst of a message. */
  close(): boolean {
    this.#closed = true;
    this.#wake?.();
    return this.#parts.length === 0;
  }

  /** Ends the reading with an error, before messages that have not been read. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** The next message; undefined after the last. It throws what the stream was ended with. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#error !== undefined) {
        throw this.#error;
      }
      const message = this.#ready.shift();
      if (message !== undefined) {
        this.#take(message.cost);
        return message.data;
      }
      if (this.#closed) {
        return undefined;
      }
      if (this.#coming > 0) {
        this.#take(this.#coming);
        this.#coming = 0;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  #take(cost: number): void {
    this.#taken += cost;
    if (initialCredit + this.#taken - this.#credit >= creditStep) {
      this.#credit = initialCredit + this.#taken;
      this.onCredit();
    }
  }
}
