// For unit tests: a backend in memory, whose answers wait until a test lets them go, or fails them.
import type { Backend, Deletion, Page, PageRequest } from "./backend";

export interface Thing {
  readonly name: string;
  readonly displayName: string;
  readonly etag: string;
}

export interface Query {
  readonly prefix?: string;
}

/** A call that waits for its answer. */
interface Call {
  readonly method: string;
  readonly key: string | undefined;
  answer(): void;
  fail(error: unknown): void;
}

export class Memory implements Backend<Thing, Query> {
  readonly calls: Call[] = [];
  /** Whether answers wait for answer() and fail(). */
  held = false;
  readonly deletions: Deletion[] = [];
  #version = 0;

  constructor(public things: readonly Thing[] = []) {}

  list({ prefix = "" }: Query, { pageSize, pageToken = "0" }: PageRequest, signal: AbortSignal): Promise<Page<Thing>> {
    return this.#call(
      "list",
      undefined,
      () => {
        const start = Number(pageToken);
        const found = this.things.filter(({ displayName }) => displayName.startsWith(prefix));
        const end = start + pageSize;
        return { items: found.slice(start, end), nextPageToken: end < found.length ? String(end) : "" };
      },
      signal,
    );
  }

  get(name: string, signal: AbortSignal): Promise<Thing> {
    return this.#call("get", undefined, () => this.#find(name), signal);
  }

  create(value: Thing, key: string): Promise<Thing> {
    return this.#call("create", key, () => {
      const created = { ...value, name: `things/${++this.#version}`, etag: "1" };
      this.things = [...this.things, created];
      return created;
    });
  }

  update(name: string, values: Partial<Thing>, key: string): Promise<Thing> {
    return this.#call("update", key, () => {
      const updated = { ...this.#find(name), ...values, etag: `${values.etag}'` };
      this.things = this.things.map((one) => (one.name === name ? updated : one));
      return updated;
    });
  }

  remove(name: string, deletion: Deletion): Promise<void> {
    return this.#call("remove", deletion.key, () => {
      this.deletions.push(deletion);
      this.things = this.things.filter((one) => one.name !== name);
    });
  }

  #find(name: string): Thing {
    const found = this.things.find((one) => one.name === name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  }

  #call<R>(method: string, key: string | undefined, act: () => R, signal?: AbortSignal): Promise<R> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      const call: Call = {
        method,
        key,
        answer: () => {
          try {
            resolve(act());
          } catch (error) {
            reject(error);
          }
        },
        fail: reject,
      };
      this.calls.push(call);
      if (!this.held) call.answer();
    });
  }

  /** Returns the newest call of a method. */
  last(method: string): Call {
    const found = this.calls.filter((call) => call.method === method).at(-1);
    if (!found) throw new Error(`no ${method} was called`);
    return found;
  }
}
