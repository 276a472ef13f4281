// Idempotency keys: one for each thing that a person wants done, however often it has to be sent.
import { isUnsettled } from "./errors";

/** Returns a key that nobody guesses. (crypto.randomUUID is there in secure contexts only.) */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Gives the key of what a person submits. While it is not known whether a request has acted, the same values are sent
 * under the same key; after a definite answer, or with other values, under a new one.
 */
export class Submission {
  #key = "";
  #body = "";

  async run<T>(values: unknown, send: (key: string) => Promise<T>): Promise<T> {
    const body = JSON.stringify(values);
    if (!this.#key || body !== this.#body) this.#key = newKey();
    this.#body = body;
    try {
      const answer = await send(this.#key);
      this.#key = "";
      return answer;
    } catch (error) {
      if (!isUnsettled(error)) this.#key = "";
      throw error;
    }
  }
}
