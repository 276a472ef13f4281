import { setTimeout as pause } from "node:timers/promises";

import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { headers as newHeaders, type Msg, type MsgHdrs } from "@nats-io/transport-node";

import { type Answer, failure, pack, reset } from "./answer.js";
import type { Backlog } from "./backlog.js";
import { Code } from "./code.js";
import { checkEncoding, compress } from "./compress.js";
import { backoffOf, type Kind, kindOf } from "./delivery.js";
import type { CallContext, Handler, StreamHandler } from "./handler.js";
import { copyHeaders, Header } from "./header.js";
import { Hold } from "./hold.js";
import type { JetStream } from "./jetstream.js";
import type { Link } from "./link.js";
import type { Logger } from "./logger.js";
import type { LoopClock } from "./loopclock.js";
import { Metadata } from "./metadata.js";
import { parseParts, type Parts } from "./parts.js";
import { decode, decoded, type Delivery, encodingOf, expandBody, mayReply, parseDeadline, takeHeaderMetadata, versionOf, wireVersion } from "./request.js";
import type { ServedMethod, ServedService } from "./service.js";
import { isPanic, reasoned, RetryError, StatusError, statusOf } from "./status.js";
import type { Stray, Strays } from "./strays.js";
import { Stream } from "./stream.js";
import { type AckSubject, parseAckSubject, parseRequestSubject, validToken } from "./subject.js";

/** The wait before a publish without a PubAck is repeated, in milliseconds. */
const repeatDelay = 1000;

/** How often a lost connection is looked at, in milliseconds. */
const reconnectDelay = 50;

/** The longest delay of a Node timer, in milliseconds. */
const maxTimer = 2 ** 31 - 1;

/** What the tasks of one queue share. */
export interface TaskQueue {
  readonly js: JetStream;
  readonly link: Link;
  readonly service: ServedService;
  readonly kind: Kind;
  readonly shard: number;
  readonly stream: string;
  readonly consumer: string;
  /** In milliseconds. */
  readonly ackWait: number;
  readonly backlog: Backlog;
  readonly clock: LoopClock;
  /** The most bytes of a request, encoded and not compressed. */
  readonly maxMessageBytes: number;
  readonly logger: Logger;
}

/** Why a handler is aborted whose call this worker leaves to others. */
class LeftError extends StatusError {
  constructor(message: string) {
    super(Code.UNAVAILABLE, message);
  }
}

/** One delivery of a request, from the queue, or the server that has pulled it, to its ack or to another server. */
export class Task implements Stray {
  readonly #abort = new AbortController();
  readonly #hold: Hold;
  readonly #ack: AckSubject;
  readonly #method: string;
  readonly #id: string;
  readonly #headers: MsgHdrs;
  #parts: Parts | undefined;
  #opened: Stream | undefined;
  #deadline: number | undefined;

  /** Takes a delivery, or returns undefined for a message that is none: it is terminated. */
  static take(queue: TaskQueue, { subject, reply = "", headers, data }: Msg): Task | undefined {
    const task = Task.#make(queue, { subject, reply, headers, data }, queue.clock.earliest);
    if (task !== undefined) {
      queue.backlog.note(task.#ack);
    }
    return task;
  }

  /**
   * Takes a request that another server has pulled, likewise. confirmed is when JetStream was heard of for sure, on the clock
   * of performance.now.
   */
  static takeOver(queue: TaskQueue, delivery: Delivery, confirmed: number): Task | undefined {
    const task = Task.#make(queue, delivery, confirmed);
    if (task !== undefined) {
      task.#hold.beat();
    }
    return task;
  }

  static #make(queue: TaskQueue, delivery: Delivery, since: number): Task | undefined {
    const ack = parseAckSubject(delivery.reply);
    const subject = parseRequestSubject(delivery.subject);
    if (ack === undefined || subject === undefined) {
      queue.logger.error("a message in the queue is no request", { subject: delivery.subject });
      if (delivery.reply !== "") {
        queue.js.nc.publish(delivery.reply, "+TERM");
      }
      return undefined;
    }
    return new Task(queue, delivery, ack, subject, since);
  }

  private constructor(
    private readonly queue: TaskQueue,
    private readonly message: Delivery,
    ack: AckSubject,
    subject: { method: string; id: string },
    since: number,
  ) {
    this.#ack = ack;
    this.#method = subject.method;
    this.#id = subject.id;
    this.#headers = message.headers ?? newHeaders();
    this.#hold = new Hold(queue.js.nc, message.reply, since, queue.ackWait, () => {
      queue.logger.warn("a request was lost: its heartbeats had no reply", this.fields);
      this.#abort.abort(new LeftError("another worker may have the call"));
    });
  }

  /** What a log says of the call. */
  get fields(): Record<string, unknown> {
    return { service: this.queue.service.desc.typeName, method: this.#method, id: this.#id, attempt: this.#ack.attempt };
  }

  /** Ends the handler of a query whose caller has left. */
  cancel(): void {
    this.#abort.abort(new StatusError(Code.CANCELLED, "the caller has left"));
  }

  /** Gives up a call whose handler outlives the drain: another worker gets it at once. */
  leave(): void {
    this.#opened?.break();
    this.#abort.abort(new LeftError("the worker stops"));
    this.#settle("-NAK");
  }

  /**
   * Does what the delivery is for. free is called when its slot is free again, before the answer is settled. It returns false for
   * a call that this server does not know, which is still in hand: handOn is what to do with it.
   */
  async run(free: () => void): Promise<boolean> {
    let known = true;
    try {
      const settle = await this.#decide();
      known = settle !== undefined;
      free();
      await settle?.();
    } finally {
      if (known) {
        this.#hold.release();
      }
    }
    return known;
  }

  /** Hands the call over to a server that knows it, or settles it where there is none. */
  async handOn(strays: Strays): Promise<void> {
    const { service, kind } = this.queue;
    if (kind === "qry") {
      service.queries.set(this.#id, this);
    }
    try {
      switch (validToken(this.version) ? await strays.find(this) : "unknown") {
        case "left":
          this.#settle("+ACK");
          break;
        case "expired":
          await this.#answer(failure(new StatusError(Code.DEADLINE_EXCEEDED, "the deadline passed before a worker that knows it had the call")), "+ACK");
          break;
        case "unknown":
          await this.#answer(failure(new StatusError(Code.UNIMPLEMENTED, `unknown method ${this.#method} for service ${service.desc.typeName}`)), "+ACK");
          break;
        case "stopped":
          this.#settle("-NAK");
      }
    } finally {
      service.queries.delete(this.#id);
      this.#hold.release();
    }
  }

  get method(): string {
    return this.#method;
  }

  get version(): string {
    return versionOf(this.#headers.get(Header.version), this.#headers.get(Header.stream));
  }

  get opensStream(): boolean {
    return this.#headers.has(Header.stream);
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  get held(): boolean {
    return this.#hold.held;
  }

  get left(): boolean {
    return this.#abort.signal.aborted;
  }

  handOver(offer: string): boolean {
    if (!this.#hold.fresh || !this.queue.link.connected || this.left) {
      return false;
    }
    const { subject, reply, headers, data } = this.message;
    try {
      this.queue.js.nc.publish(`${offer}.${subject}.${reply}`, data, headers === undefined ? {} : { headers });
    } catch (error) {
      this.queue.logger.error("cannot hand a call over", { ...this.fields, error: (error as Error).message });
      return false;
    }
    this.#hold.release();
    return true;
  }

  /** Goes through the specification's list, and returns what is left to do; undefined for a call that this server does not know. */
  async #decide(): Promise<(() => Promise<void> | void) | undefined> {
    if (!this.#hold.held) {
      return () => undefined; // it waited for a slot
    }
    const { service, kind } = this.queue;
    const { attempt } = this.#ack;
    if (kind === "cmd" && attempt > 1 && !this.#headers.has(Header.stream) && (await this.#wasAnswered())) {
      return () => this.#settle("+ACK");
    }
    if (kind === "qry" && service.wasCancelled(this.#id)) {
      return () => this.#settle("+ACK");
    }
    let deadline: number | undefined;
    try {
      deadline = this.#deadline = parseDeadline(this.#headers.get(Header.deadline));
      const parts = this.#headers.get(Header.parts);
      this.#parts = parts === "" ? undefined : parseParts(parts);
    } catch (error) {
      return this.#answering(failure(new StatusError(Code.INTERNAL, (error as Error).message)));
    }
    if (deadline !== undefined && deadline <= Date.now()) {
      return this.#answering(failure(new StatusError(Code.DEADLINE_EXCEEDED, "the deadline passed before a worker had the call")));
    }
    const method = service.methods.get(this.#method);
    if (method === undefined || !this.#knows(method)) {
      return undefined;
    }
    if (attempt > method.delivery.attempts) {
      return () => this.#giveUp(method);
    }
    if (method.stream !== undefined) {
      await this.#stream(method, method.stream, deadline);
      return () => undefined;
    }
    return await this.#call(method, method.handler, deadline);
  }

  /** Whether this version knows the request's, and serves the method as it is called: as a query or not, as a stream or not. */
  #knows(method: ServedMethod): boolean {
    const version = this.#headers.get(Header.version);
    const stream = this.#headers.get(Header.stream);
    return kindOf(method.desc) === this.queue.kind && (version === "" || version === wireVersion) && stream === (method.stream === undefined ? "" : wireVersion);
  }

  /** Whether RESPONSES has an answer that is not older than the request. It asks until it knows. */
  async #wasAnswered(): Promise<boolean> {
    const subject = `rsp.${this.queue.service.token}.${this.#id}.*`;
    let answered = false;
    await this.#until("look its answer up", async () => {
      const answer = await this.queue.js.lastOf("RESPONSES", subject);
      answered = answer !== undefined && answer.time >= this.#ack.time;
    });
    return answered;
  }

  async #call(method: ServedMethod, handler: Handler, deadline: number | undefined): Promise<() => Promise<void> | void> {
    const { service, kind } = this.queue;
    const encoding = encodingOf(this.#headers);
    const stopClock = this.#startClock(deadline);
    if (kind === "qry") {
      service.queries.set(this.#id, this);
    }
    const header = new Metadata();
    const trailer = new Metadata();
    try {
      checkEncoding(encoding);
      const request = await this.#request(method);
      const context = this.#context(method, deadline, header, trailer, () => undefined);
      const response = await handler(request, context);
      const body = toBinary(method.desc.output, create(method.desc.output, response));
      return this.#answering({ body: await compress(body, encoding), status: undefined, header, trailer, encoding });
    } catch (thrown) {
      if (this.#abort.signal.reason instanceof LeftError) {
        return () => undefined; // what the handler says now may only be due to its signal
      }
      if (thrown instanceof RetryError || isPanic(thrown)) {
        const delay = (thrown instanceof RetryError ? thrown.delay : undefined) ?? backoffOf(method.delivery, this.#ack.attempt);
        this.queue.logger.warn("a call is tried again", { ...this.fields, delay, error: isPanic(thrown) ? (thrown as Error).stack : (thrown as Error).message });
        return () => this.#giveBack(delay);
      }
      return this.#answering({ ...failure(statusOf(thrown)), header, trailer });
    } finally {
      stopClock();
      service.queries.delete(this.#id);
    }
  }

  #context(method: ServedMethod, deadline: number | undefined, header: Metadata, trailer: Metadata, sendHeader: () => void): CallContext {
    return {
      method: method.desc,
      id: this.#id,
      attempt: this.#ack.attempt,
      digest: this.#headers.get(Header.digest) || undefined,
      metadata: takeHeaderMetadata(this.#headers),
      deadline: deadline === undefined ? undefined : new Date(deadline),
      signal: this.#abort.signal,
      header,
      trailer,
      sendHeader,
    };
  }

  /** Claims a stream and runs its handler. */
  async #stream(method: ServedMethod, handler: StreamHandler, deadline: number | undefined): Promise<void> {
    const { service, kind, js, ackWait, maxMessageBytes } = this.queue;
    const header = new Metadata();
    const trailer = new Metadata();
    const encoding = encodingOf(this.#headers);
    const { stream, remove } = service.addStream((from) => new Stream({
      nc: js.nc,
      to: this.#headers.get(Header.replyTo),
      from,
      encoding,
      limit: maxMessageBytes,
      header,
      abort: (reason) => this.#abort.abort(reason),
    }));
    this.#opened = stream;
    if (!mayReply(this.#headers, service.token, kind, this.#id) || !(await stream.claim(() => this.#ackOpening(), ackWait * 0.9))) {
      stream.reset(undefined);
      remove();
      return;
    }
    const stopClock = this.#startClock(deadline);
    const { signal } = this.#abort;
    const fail = () => stream.fail(signal.reason as Error);
    signal.addEventListener("abort", fail);
    if (signal.aborted) {
      fail();
    }
    try {
      checkEncoding(encoding);
      const context = this.#context(method, deadline, header, trailer, () => stream.sendHeader());
      for await (const response of handler(decoded(stream, method), context)) {
        await stream.send(toBinary(method.desc.output, create(method.desc.output, response)));
      }
      stream.end(undefined, trailer);
    } catch (thrown) {
      const failed = isPanic(thrown) || thrown instanceof RetryError;
      if (failed) {
        this.queue.logger.error("the handler of a stream failed", { ...this.fields, error: (thrown as Error).stack });
      }
      stream.end(failed ? new StatusError(Code.INTERNAL, (thrown as Error).message) : statusOf(thrown), trailer);
    } finally {
      stopClock();
      stream.fail(new StatusError(Code.CANCELLED, "the stream is over"));
      remove();
    }
  }

  /** Acks an opening, and returns whether JetStream has heard it. From then on nobody else gets the stream. */
  async #ackOpening(): Promise<boolean> {
    if (!this.#mayPublish) {
      return false;
    }
    this.#hold.release();
    return await this.queue.js.nc.request(this.message.reply, "+ACK", { timeout: this.queue.ackWait * 0.9 }).then(
      () => true,
      () => false,
    );
  }

  /** Ends the handler's signal at the deadline. */
  #startClock(deadline: number | undefined): () => void {
    if (deadline === undefined) {
      return () => undefined;
    }
    const timer = setTimeout(
      () => this.#abort.abort(new StatusError(Code.DEADLINE_EXCEEDED, "the deadline has passed")),
      Math.min(Math.max(deadline - Date.now(), 0), maxTimer),
    );
    return () => clearTimeout(timer);
  }

  /** Decodes the request. It throws the status for the caller. */
  async #request(method: ServedMethod): Promise<Message> {
    const limit = this.queue.maxMessageBytes;
    const parts = this.#parts;
    const body = parts === undefined ? this.message.data : await this.queue.service.parts.read(parts, limit);
    return decode(method, await expandBody(this.#headers, body, limit));
  }

  /** Writes the dead letter of a command, answers, and terminates the request. */
  async #giveUp(method: ServedMethod): Promise<void> {
    const tried = this.#ack.attempt - 1;
    this.queue.logger.error("a call was given up", { ...this.fields, tried });
    if (this.queue.kind === "cmd") {
      const headers = copyHeaders(this.#headers, [Header.messageId, Header.deadline]);
      headers.set(Header.attempts, String(tried));
      headers.set(Header.subject, this.message.subject);
      const subject = `dead.${this.queue.service.token}.${this.#method}.${this.#id}`;
      if (!(await this.#until("store its dead letter", () => this.queue.js.publish(subject, this.message.data, headers)))) {
        return;
      }
      this.#parts = undefined; // the dead letter keeps them
    }
    const status = reasoned(Code.INTERNAL, "ATTEMPTS_EXHAUSTED", `${method.desc.parent.typeName}/${method.desc.name} failed ${tried} times`);
    await this.#answer(failure(status), "+TERM");
  }

  #answering(answer: Answer): () => Promise<void> {
    return () => this.#answer(answer, "+ACK");
  }

  /** Publishes the answer and settles the request after it. */
  async #answer(answer: Answer, settlement: "+ACK" | "+TERM"): Promise<void> {
    const { service, kind, js, backlog } = this.queue;
    const keep = kind === "cmd" ? service.methods.get(this.#method)?.delivery.keepAnswer : undefined;
    const keepSeconds = keep === undefined ? undefined : Math.ceil(keep / 1000) + 1;
    const { body, headers } = this.#headers.has(Header.stream)
      ? reset(answer)
      : await pack(js.nc, service.parts, answer, this.#headers.get(Header.digest), keepSeconds);
    const told = backlog.tell();
    if (told !== undefined) {
      headers.set(Header.backlog, told);
    }
    const subject = this.#headers.get(Header.replyTo);
    if (!mayReply(this.#headers, service.token, kind, this.#id)) {
      this.queue.logger.error("a request has no subject for its answer", { ...this.fields, replyTo: subject });
      this.#settle(settlement);
      return;
    }
    if (kind === "cmd" && !this.#headers.has(Header.stream)) {
      if (keepSeconds !== undefined) {
        headers.set(Header.ttl, `${keepSeconds}s`);
      }
      if (!(await this.#until("store its answer", () => js.publish(subject, body, headers)))) {
        return;
      }
    } else if (this.#mayPublish) {
      js.nc.publish(subject, body, { headers });
    }
    this.#settle(settlement);
  }

  /** Does what must not fail, once a second until it is done. It returns false when the request was lost before. */
  async #until(what: string, attempt: () => Promise<unknown>): Promise<boolean> {
    while (this.#hold.held) {
      if (!this.queue.link.connected) {
        await pause(reconnectDelay);
        continue;
      }
      try {
        await attempt();
        return this.#hold.held;
      } catch (error) {
        this.queue.logger.warn(`cannot ${what}`, { ...this.fields, error: (error as Error).message });
        await pause(repeatDelay);
      }
    }
    return false;
  }

  #giveBack(milliseconds: number): void {
    this.#settle(`-NAK ${JSON.stringify({ delay: Math.round(milliseconds * 1e6) })}`);
  }

  /** Whether what is published now is said while the request is this worker's. */
  get #mayPublish(): boolean {
    return this.#hold.held && this.queue.link.connected;
  }

  /** Says what became of the request, once. */
  #settle(word: string): void {
    if (!this.#mayPublish) {
      return;
    }
    this.#hold.release();
    this.queue.js.nc.publish(this.message.reply, word);
    if (this.#parts !== undefined && !word.startsWith("-NAK")) {
      this.queue.service.parts.free(this.#parts);
    }
  }
}
