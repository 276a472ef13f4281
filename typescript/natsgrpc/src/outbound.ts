import { firstPart, type FrameKind, frameCost, initialCredit, maxPart } from "./frame.js";

/** The messages of one direction of a stream to its other end, as its credit allows. */
export class Outbound {
  #sent = 0;
  #credit = initialCredit;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** partBytes is what of a message fits into a frame; send numbers a frame and publishes it. */
  constructor(
    private readonly partBytes: number,
    private readonly send: (kind: FrameKind, body: Uint8Array) => void,
  ) {}

  /** The bytes of a part on a NATS server that takes so many in one message. */
  static partBytes(maxPayload: number): number {
    return Math.max(1, Math.min(maxPart, maxPayload - 1024));
  }

  /** Notes what a ping says. */
  raise(credit: number): void {
    this.#credit = Math.max(this.#credit, credit);
    this.#wake?.();
  }

  /** Ends the sending with an error. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Sends a message. One is sent at a time. It throws what the stream was ended with. */
  async message(data: Uint8Array): Promise<void> {
    let offset = 0;
    do {
      const part = data.subarray(offset, offset + this.partBytes);
      const cost = part.length + frameCost;
      while (this.#error === undefined && this.#sent + cost > this.#credit) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
      if (this.#error !== undefined) {
        throw this.#error;
      }
      this.#sent += cost;
      this.send(offset === 0 ? "M" : "C", offset === 0 ? firstPart(data.length, part) : part);
      offset += part.length;
    } while (offset < data.length);
  }
}
