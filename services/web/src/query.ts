// What is read from the API: loaded, shown with the changes that are under way, and loaded again when it may be old.
import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Page, PageRequest } from "./backend";
import { type Change, type Resource, withChanges } from "./change";

/** How many are loaded at first and with each "Load more". */
export const pageSize = 20;
const maxPageSize = 1_000; // the API's

export type Phase = "loading" | "ready" | "failed";

/** Runs one load at a time: a later one ends those before it, whose answers may be older. */
export abstract class Query {
  readonly phase = signal<Phase>("loading");
  /** Why the last load has failed. What was loaded before stays. */
  readonly error = signal<unknown>(undefined);
  #running: AbortController | undefined;

  /** Loads anew. It ends when that has, and never fails: phase and error tell. */
  abstract refresh(): Promise<void>;

  protected async load<R>(read: (signal: AbortSignal) => Promise<R>, show: (result: R) => void): Promise<void> {
    this.stop();
    const controller = new AbortController();
    this.#running = controller;
    try {
      const result = await read(controller.signal);
      if (controller.signal.aborted) return;
      batch(() => {
        show(result);
        this.phase.value = "ready";
        this.error.value = undefined;
      });
    } catch (error) {
      if (controller.signal.aborted) return;
      batch(() => {
        this.error.value = error;
        if (this.phase.value === "loading") this.phase.value = "failed";
      });
    }
  }

  /** Begins again after a failure. */
  async retry(): Promise<void> {
    batch(() => {
      if (this.phase.value === "failed") this.phase.value = "loading";
      this.error.value = undefined;
    });
    await this.refresh();
  }

  /** Ends what is being loaded. */
  stop(): void {
    this.#running?.abort();
  }
}

/** A list that grows by pages. */
export class List<T extends Resource> extends Query {
  readonly items: ReadonlySignal<readonly T[]>;
  readonly nextPageToken = signal("");
  readonly loadingMore = signal(false);
  readonly #loaded = signal<readonly T[]>([]);
  readonly #created = new Set<string>();

  constructor(
    changes: ReadonlySignal<readonly Change<T>[]>,
    private readonly matches: (item: T) => boolean,
    private readonly read: (page: PageRequest, signal: AbortSignal) => Promise<Page<T>>,
  ) {
    super();
    this.items = computed(() => withChanges(this.#loaded.value, changes.value, matches));
  }

  override refresh(): Promise<void> {
    const size = Math.min(Math.max(pageSize, this.#loaded.value.length), maxPageSize);
    return this.load(
      (signal) => this.read({ pageSize: size }, signal),
      (page) => this.#show([], page),
    );
  }

  async more(): Promise<void> {
    const pageToken = this.nextPageToken.value;
    if (!pageToken || this.loadingMore.value) return;
    this.loadingMore.value = true;
    await this.load(
      (signal) => this.read({ pageSize, pageToken }, signal),
      (page) => this.#show(this.#loaded.value, page),
    );
    this.loadingMore.value = false;
  }

  /** Takes a change that the server has made into what is loaded. */
  settle(change: Change<T>): void {
    if (!change.before && change.after) this.#created.add(change.after.name);
    this.#loaded.value = withChanges(this.#loaded.value, [change], this.matches).filter(this.matches);
  }

  /** Shows a page behind what was before. What was created here stays at the end until its own page is loaded. */
  #show(before: readonly T[], page: Page<T>) {
    const known = new Set(page.items.map((item) => item.name));
    const older = before.filter((item) => !known.has(item.name) && !this.#created.has(item.name));
    const created = this.#loaded.value.filter((item) => this.#created.has(item.name) && !known.has(item.name));
    this.#loaded.value = [...older, ...page.items, ...(page.nextPageToken ? created : [])];
    this.nextPageToken.value = page.nextPageToken;
  }
}

/** One thing. */
export class Item<T> extends Query {
  readonly value: ReadonlySignal<T | undefined>;
  readonly #loaded = signal<T | undefined>(undefined);
  #deleted = false;

  constructor(
    private readonly read: (signal: AbortSignal) => Promise<T>,
    /** Returns what the thing will look like, undefined if it will be no more. */
    change: (value: T) => T | undefined,
  ) {
    super();
    this.value = computed(() => this.#loaded.value && change(this.#loaded.value));
  }

  override refresh(): Promise<void> {
    if (this.#deleted) return Promise.resolve();
    return this.load(this.read, (value) => {
      this.#loaded.value = value;
    });
  }

  /** Takes into what is loaded what the server has done. */
  settle(change: (value: T) => T | undefined): void {
    if (!this.#loaded.value) return;
    this.#loaded.value = change(this.#loaded.value);
    this.#deleted = !this.#loaded.value;
  }
}
