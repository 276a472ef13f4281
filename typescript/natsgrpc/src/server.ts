import { setTimeout as pause } from "node:timers/promises";

import type { DescService } from "@bufbuild/protobuf";
import type { NatsConnection } from "@nats-io/transport-node";

import { Backlog } from "./backlog.js";
import { type Kind, methodDelivery, queueDelivery } from "./delivery.js";
import { flush } from "./flush.js";
import { type Handler, type Handlers, intercept, type Interceptor, streamHandler } from "./handler.js";
import { type ConsumerInfo, JetStream } from "./jetstream.js";
import { Link } from "./link.js";
import { jsonLogger, type Logger } from "./logger.js";
import { LoopClock } from "./loopclock.js";
import { DescriptorPublisher, type PublisherOptions } from "./registry.js";
import { type ServedMethod, ServedService } from "./service.js";
import type { TaskQueue } from "./task.js";
import { Worker } from "./worker.js";

/** The name of each queue's consumer. */
const consumer = "workers";

/** The wait before queues that are not there are looked at again, in milliseconds. */
const verifyDelay = 1000;

/** How long a flush is waited for, in milliseconds. */
const flushTimeout = 2000;

export interface ServerOptions {
  /** How many queries and commands of each service run at once. Default: 16 and 16. */
  readonly slots?: { readonly queries?: number; readonly commands?: number };
  /** The JetStream domain of the streams, where it is not the one that the connection's server is in. */
  readonly domain?: string;
  /** What the replies' subjects begin with: the connection's own inboxPrefix, if it has one. */
  readonly inboxPrefix?: string;
  /** How long running calls may take when the server stops, in milliseconds. Default: 25,000. */
  readonly drainTimeout?: number;
  /** The most bytes of a request. Default: 4 MiB, as in gRPC. */
  readonly maxMessageBytes?: number;
  /** Wrapped around the handlers of unary methods, the first outermost. */
  readonly interceptors?: readonly Interceptor[];
  /** Publishes the services' descriptors, so that proxies have their routes. Default: it does not. */
  readonly publish?: PublisherOptions;
  /** Default: JSON lines on standard error. */
  readonly logger?: Logger;
}

/** One queue that is pulled from: a shard of a service's queries or commands. */
interface Queue extends TaskQueue {
  readonly slots: number;
}

/** Serves gRPC services from their work queues. */
export class Server {
  readonly #js: JetStream;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #services = new Map<string, ServedService>();
  readonly #ready = new AbortController();
  #why: string | undefined = "it does not serve yet";

  constructor(
    private readonly nc: NatsConnection,
    private readonly options: ServerOptions = {},
  ) {
    for (const [name, value] of Object.entries({ "slots.queries": options.slots?.queries, "slots.commands": options.slots?.commands })) {
      if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
        throw new RangeError(`${name}: ${value} is not a positive number`);
      }
    }
    this.#js = new JetStream(nc, options.domain);
    this.#link = new Link(nc);
    this.#logger = options.logger ?? jsonLogger;
  }

  /** Adds a service. It throws a TypeError for one that is there already. */
  service<Service extends DescService>(desc: Service, handlers: Handlers<Service>): this {
    if (this.#services.has(desc.typeName)) {
      throw new TypeError(`${desc.typeName} is served already`);
    }
    const methods = new Map<string, ServedMethod>();
    for (const method of desc.methods) {
      const handler = (handlers as Record<string, Handler | undefined>)[method.localName]?.bind(handlers);
      if (handler === undefined) {
        continue;
      }
      const served = { desc: method, delivery: methodDelivery(method) };
      if (method.methodKind === "unary") {
        const unary: Handler = async (request, context) => handler(request, context);
        methods.set(method.name, { ...served, handler: intercept(unary, this.options.interceptors ?? []) });
      } else {
        methods.set(method.name, { ...served, stream: streamHandler(method.methodKind, handler) });
      }
    }
    this.#services.set(desc.typeName, new ServedService(this.#js, desc, methods));
    return this;
  }

  /** Resolves when the server pulls. */
  get ready(): Promise<void> {
    return aborted(this.#ready.signal);
  }

  /** Why the server does not pull, for a readiness probe; undefined when it does. */
  get notReady(): string | undefined {
    return this.#why;
  }

  /**
   * Waits for the queues, pulls until the signal is aborted, and then drains: it stops pulling, waits for the handlers, and
   * returns when every answer is acked. Handlers that outlast the drain are aborted and their calls given to other workers.
   *
   * It throws when the connection is closed. Queues that are not there, or not as the services' options have them, are
   * waited for.
   */
  async serve(signal: AbortSignal): Promise<void> {
    const clock = new LoopClock();
    const stopping = new AbortController();
    const closed = this.nc.closed().then((error) => {
      stopping.abort();
      if (!signal.aborted) {
        throw error ?? new Error("the connection to NATS was closed");
      }
    });
    const stop = () => stopping.abort();
    signal.addEventListener("abort", stop);
    if (signal.aborted) {
      stop();
    }
    try {
      await Promise.race([this.#serve(stopping.signal, clock), closed]);
    } finally {
      signal.removeEventListener("abort", stop);
      clock.stop();
    }
  }

  async #serve(signal: AbortSignal, clock: LoopClock): Promise<void> {
    const queues = [...this.#services.values()].flatMap((service) => service.kinds.flatMap((kind) => this.#queues(service, kind, clock)));
    await this.#verify(queues, signal);
    if (signal.aborted) {
      return;
    }
    for (const service of this.#services.values()) {
      service.start();
    }
    const workers = queues.map((queue) => new Worker(queue, queue.slots, this.options.inboxPrefix));
    const { publish } = this.options;
    const publishing = publish === undefined ? [] : [...this.#services.values()].map((service) =>
      new DescriptorPublisher(this.#js, service.desc, { logger: this.#logger, ...publish }).run(signal),
    );
    await this.#flush();
    this.#why = undefined;
    this.#logger.info("serving", { services: [...this.#services.keys()] });
    this.#ready.abort();
    await aborted(signal);
    this.#why = "it stops";
    await Promise.all(workers.map((worker) => worker.stop()));
    await this.#finish(workers);
    this.#services.forEach((service) => service.stop());
    await Promise.allSettled(publishing);
    await this.#flush();
  }

  /** The shards of one queue, among which its slots are divided. */
  #queues(service: ServedService, kind: Kind, clock: LoopClock): Queue[] {
    const { shards, ackWait } = queueDelivery(service.desc, kind);
    const slots = (kind === "qry" ? this.options.slots?.queries : this.options.slots?.commands) ?? 16;
    return Array.from({ length: shards }, (_, shard) => ({
      js: this.#js,
      link: this.#link,
      service,
      kind,
      shard,
      ackWait,
      backlog: new Backlog(`${kind}.${service.token}.${shard}`),
      clock,
      maxMessageBytes: this.options.maxMessageBytes ?? 4 << 20,
      logger: this.#logger,
      stream: `${kind.toUpperCase()}_${service.token}_${shard}`,
      consumer,
      slots: Math.max(1, Math.ceil((slots - shard) / shards)),
    }));
  }

  /** Waits until every queue has its consumer as the specification and the options have it. */
  async #verify(queues: readonly Queue[], signal: AbortSignal): Promise<void> {
    for (const queue of queues) {
      while (!signal.aborted) {
        const why = await this.#js.consumerInfo(queue.stream, consumer).then(
          (info) => difference(info, queue.ackWait),
          (error: Error) => error.message,
        );
        if (why === undefined) {
          break;
        }
        const text = `the consumer ${consumer} of ${queue.stream}: ${why}`;
        if (this.#why !== text) {
          this.#logger.warn("waiting for the queues", { why: text });
        }
        this.#why = text;
        await pause(verifyDelay);
      }
    }
  }

  /** Waits until the server has what was published, if there is a connection. */
  async #flush(): Promise<void> {
    if (this.#link.connected) {
      await flush(this.nc, flushTimeout);
    }
  }

  /** Waits for what runs and for what is handed over, as long as the drain may take, and then gives it up. */
  async #finish(workers: readonly Worker[]): Promise<void> {
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      timeout.abort();
      workers.forEach((worker) => worker.leave());
    }, this.options.drainTimeout ?? 25_000);
    await Promise.race([Promise.all(workers.map((worker) => worker.finished())), aborted(timeout.signal)]);
    clearTimeout(timer);
    workers.forEach((worker) => worker.close());
  }
}

/** How a consumer is not as it must be, or undefined. */
function difference({ config }: ConsumerInfo, ackWait: number): string | undefined {
  const differences = Object.entries({
    ack_policy: [config.ack_policy, "explicit"],
    ack_wait: [config.ack_wait, ackWait * 1e6],
    max_deliver: [config.max_deliver ?? -1, -1],
    max_ack_pending: [config.max_ack_pending ?? -1, -1],
    backoff: [config.backoff?.length ?? 0, 0],
  } satisfies Record<string, [unknown, unknown]>).filter(([, [is, must]]) => is !== must);
  return differences.length === 0 ? undefined : differences.map(([name, [is, must]]) => `${name} is ${is}, not ${must}`).join(", ");
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
}
