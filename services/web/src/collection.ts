// A kind of resource: the queries that show it, and the changes to it, which show before the server has made them.
import { batch, signal } from "@preact/signals";
import type { Backend } from "./backend";
import type { Change, Resource } from "./change";
import { Item, List } from "./query";
import { newKey } from "./submission";
import { announceChange, type Kind } from "./tabs";
import { traceparent } from "./trace";

export interface Editable extends Resource {
  readonly etag: string;
}

const getTimeout = 10_000; // milliseconds

type Settled<T> = (change: Change<T>) => void;

export class Collection<T extends Editable, Query> {
  /** The changes that the server has not confirmed yet, in the order in which they were made. */
  readonly changes = signal<readonly Change<T>[]>([]);
  readonly #lists = new Set<List<T>>();
  readonly #items = new Map<Item<T>, string>();
  readonly #settled = new Set<Settled<T>>();

  constructor(
    readonly kind: Kind,
    private readonly backend: Backend<T, Query>,
    private readonly matches: (item: T, query: Query) => boolean,
  ) {}

  /** Returns a list of what matches a query, which is kept up to date until close is called. */
  list(query: Query): { list: List<T>; close(): void } {
    const list = new List<T>(
      this.changes,
      (item) => this.matches(item, query),
      (page, signal) => this.backend.list(query, page, signal),
    );
    this.#lists.add(list);
    const close = () => {
      list.stop();
      this.#lists.delete(list);
    };
    return { list, close };
  }

  /** Returns the resource of a name, which is kept up to date until close is called. */
  item(name: string): { item: Item<T>; close(): void } {
    const item = new Item<T>(
      (signal) => this.backend.get(name, signal),
      (value) => this.changes.value.reduce<T | undefined>((now, change) => applied(now, change), value),
    );
    this.#items.set(item, name);
    const close = () => {
      item.stop();
      this.#items.delete(item);
    };
    return { item, close };
  }

  /** Gets a resource as the server has it now, within some seconds. */
  get(name: string): Promise<T> {
    return this.backend.get(name, AbortSignal.timeout(getTimeout));
  }

  /** Calls a function with each change that the server has made, when it shows. */
  onSettled(settled: Settled<T>): void {
    this.#settled.add(settled);
  }

  /** Loads again all that is shown. */
  refresh(): void {
    for (const query of [...this.#lists, ...this.#items.keys()]) void query.refresh();
  }

  /** Creates a resource, which shows at once. */
  create(value: T, key: string): Promise<T> {
    const pending = { ...value, name: `pending/${newKey()}`, createTime: new Date().toISOString() };
    return this.#perform(
      { after: pending },
      () => this.backend.create(value, key),
      (after) => ({ after }),
    );
  }

  /**
   * Changes fields of a resource, which shows at once. It fails with ABORTED if before, the resource as the person knew it,
   * is not what the server has.
   */
  update(before: T, values: Partial<T>, key: string): Promise<T> {
    const sent = { ...values, etag: before.etag } as Partial<T>;
    return this.#perform(
      { before, after: { ...before, ...values } },
      () => this.backend.update(before.name, sent, key),
      (after) => ({ before, after }),
    );
  }

  /**
   * Hides a resource. What it returns does the deletion, or shows the resource again. The deletion fails with ABORTED if the
   * resource is not as the person knew it.
   */
  hide(before: T, force: boolean): { remove(keepalive: boolean): Promise<void>; show(): void } {
    const change: Change<T> = { before };
    const key = newKey();
    const trace = traceparent();
    this.#begin(change);
    return {
      show: () => this.#end(change),
      remove: (keepalive) =>
        this.#finish(
          change,
          () => this.backend.remove(before.name, { etag: before.etag, force, key, keepalive, traceparent: trace }),
          () => change,
        ),
    };
  }

  #perform<R>(change: Change<T>, send: () => Promise<R>, settled: (answer: R) => Change<T>): Promise<R> {
    this.#begin(change);
    return this.#finish(change, send, settled);
  }

  async #finish<R>(change: Change<T>, send: () => Promise<R>, settled: (answer: R) => Change<T>): Promise<R> {
    try {
      const answer = await send();
      batch(() => {
        this.#end(change);
        this.#settle(settled(answer));
      });
      return answer;
    } catch (error) {
      this.#end(change); // what shows is rolled back
      throw error;
    } finally {
      announceChange(this.kind); // it may have acted without an answer
    }
  }

  #begin(change: Change<T>) {
    this.changes.value = [...this.changes.value, change];
  }

  #end(change: Change<T>) {
    this.changes.value = this.changes.value.filter((one) => one !== change);
  }

  #settle(change: Change<T>) {
    for (const list of this.#lists) list.settle(change);
    for (const item of this.#items.keys()) item.settle((value) => applied(value, change));
    for (const settled of this.#settled) settled(change);
  }
}

function applied<T extends Resource>(value: T | undefined, { before, after }: Change<T>): T | undefined {
  return before && value && before.name === value.name ? after : value;
}
