/** A value: bytes under a key that ends in "-bin", else printable ASCII. */
type Value = string | Uint8Array;

/** gRPC metadata: keys, in lower case, with one or more values each, in their order. */
export class Metadata implements Iterable<[string, Value]> {
  readonly #values = new Map<string, Value[]>();

  /** Whether there are no values. */
  get empty(): boolean {
    return this.#values.size === 0;
  }

  /** The first value of a key, or undefined. */
  get(key: string): Value | undefined {
    return this.#values.get(key.toLowerCase())?.[0];
  }

  /** All values of a key. */
  getAll(key: string): readonly Value[] {
    return this.#values.get(key.toLowerCase()) ?? [];
  }

  /**
   * Adds a value. It throws a RangeError for a key with characters other than a-z, 0-9, "-", "_" and ".", for a string
   * that is not printable ASCII, and a TypeError for bytes under a key that does not end in "-bin" and the reverse.
   */
  append(key: string, value: Value): this {
    const name = key.toLowerCase();
    if (!/^[0-9a-z_.-]+$/.test(name)) {
      throw new RangeError(`metadata key ${JSON.stringify(key)} contains illegal characters not in [0-9a-z-_.]`);
    }
    if ((typeof value !== "string") !== name.endsWith("-bin")) {
      throw new TypeError(`metadata key ${JSON.stringify(key)}: keys that end in -bin have bytes, others have strings`);
    }
    if (typeof value === "string" && !/^[\x20-\x7e]*$/.test(value)) {
      throw new RangeError(`metadata key ${JSON.stringify(key)} contains value with non-printable ASCII characters`);
    }
    const values = this.#values.get(name);
    if (values === undefined) {
      this.#values.set(name, [value]);
    } else {
      values.push(value);
    }
    return this;
  }

  /** All pairs of a key and a value. */
  *[Symbol.iterator](): Iterator<[string, Value]> {
    for (const [key, values] of this.#values) {
      for (const value of values) {
        yield [key, value];
      }
    }
  }
}
