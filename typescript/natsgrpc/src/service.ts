import { randomUUID } from "node:crypto";

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Msg, Subscription } from "@nats-io/transport-node";

import { type Kind, kindOf, type MethodDelivery, token } from "./delivery.js";
import { decodeFrame, encodeFrame } from "./frame.js";
import type { Handler, StreamHandler } from "./handler.js";
import type { JetStream } from "./jetstream.js";
import { PartsStore } from "./parts.js";
import type { Stream } from "./stream.js";
import type { Task } from "./task.js";

/** How long the id of a cancelled query is remembered that has not come yet, in milliseconds. */
const cancelMemory = 30_000;

/** How many such ids are remembered at most: what a broken caller may cost. */
const maxCancelled = 100_000;

/** A method that is served. */
export type ServedMethod = {
  readonly desc: DescMethod;
  readonly delivery: MethodDelivery;
} & ({ readonly handler: Handler; readonly stream?: never } | { readonly handler?: never; readonly stream: StreamHandler });

/** A service that is served, and what all its queues share. */
export class ServedService {
  readonly token: string;
  readonly kinds: readonly Kind[];
  readonly parts: PartsStore;
  /** The name of this server in subjects. */
  readonly server = randomUUID();
  /** The queries that run or wait for another server, by their ids. */
  readonly queries = new Map<string, Task>();
  readonly #streams = new Map<string, Stream>();
  #opened = 0;
  readonly #cancelled = new Map<string, number>();
  #subscriptions: Subscription[] = [];

  constructor(
    private readonly js: JetStream,
    readonly desc: DescService,
    readonly methods: ReadonlyMap<string, ServedMethod>,
  ) {
    this.token = token(desc);
    this.kinds = [...new Set(desc.methods.map(kindOf))];
    this.parts = new PartsStore(js, this.token);
  }

  /** Answers probes and listens for callers who leave. */
  start(): void {
    const { nc } = this.js;
    const subscribe = (subject: string, callback: (message: Msg) => void) =>
      nc.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) {
            callback(message);
          }
        },
      });
    this.#subscriptions = [
      subscribe(`alive.${this.token}`, (message) => message.respond()),
      subscribe(`cancel.${this.token}`, (message) => this.#cancel(message.string())),
      subscribe(`str.${this.token}.${this.server}.*`, (message) => this.#frame(message)),
    ];
  }

  /** Does so no more. */
  stop(): void {
    this.#subscriptions.forEach((subscription) => subscription.unsubscribe());
  }

  /** Adds a stream, made with the subject of its frames to this server, until it is removed. */
  addStream(make: (from: string) => Stream): { stream: Stream; remove: () => void } {
    const from = `str.${this.token}.${this.server}.${++this.#opened}`;
    const stream = make(from);
    this.#streams.set(from, stream);
    return { stream, remove: () => this.#streams.delete(from) };
  }

  /** Gives a frame to its stream. Who pings one that is over is told so. */
  #frame(message: Msg): void {
    const stream = this.#streams.get(message.subject);
    if (stream !== undefined) {
      stream.receive(message);
      return;
    }
    const tokens = message.reply?.split(".") ?? [];
    if (decodeFrame(message.data)?.kind === "P" && tokens.length === 4 && tokens[0] === "rep" && tokens[1] === this.token && message.reply !== undefined) {
      this.js.nc.publish(message.reply, encodeFrame("R", 0), { reply: message.subject });
    }
  }

  /** Whether the caller of a query has left before it came. */
  wasCancelled(id: string): boolean {
    const until = this.#cancelled.get(id);
    return until !== undefined && until > performance.now();
  }

  #cancel(id: string): void {
    const task = this.queries.get(id);
    if (task !== undefined) {
      task.cancel();
      return;
    }
    const now = performance.now();
    for (const [old, until] of this.#cancelled) { // the oldest first
      if (until > now && this.#cancelled.size < maxCancelled) {
        break;
      }
      this.#cancelled.delete(old);
    }
    this.#cancelled.set(id, now + cancelMemory);
  }
}
