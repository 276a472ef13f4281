import {
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";

import { Code } from "./code.js";
import type { Metadata } from "./metadata.js";
import { StatusError } from "./status.js";

/** What a handler is told of its call, and what it says beside its answer. */
export interface CallContext {
  readonly method: DescMethod;
  /** Names the call, in each of its attempts: what a handler stores with its effect to act once. */
  readonly id: string;
  /** 1, or more for a call that was tried before. */
  readonly attempt: number;
  /** The SHA-256 of the encoded request in base64, of a call with an idempotency key. */
  readonly digest: string | undefined;
  /** What the caller sent. */
  readonly metadata: Metadata;
  /** When the caller gives up; undefined for never. */
  readonly deadline: Date | undefined;
  /**
   * Aborted at the deadline, when the caller of a query leaves, and when another worker may have the call. Its reason is
   * the error to throw.
   */
  readonly signal: AbortSignal;
  /** Header metadata of the answer. */
  readonly header: Metadata;
  /** Trailer metadata of the answer. */
  readonly trailer: Metadata;
  /** Sends the header of a stream before its first message. The header of an answer goes with that. */
  sendHeader(): void;
}

/** What a handler may return for a message. */
type Answer<Output extends DescMessage> = MessageInitShape<Output>;

/**
 * The handlers of a service, by the names that protobuf-es gives its methods. Calls of methods that are left out are handed
 * over to a worker that knows them, and UNIMPLEMENTED where there is none for half of their time.
 *
 * A handler answers by what it returns or by the StatusError that it throws. It is tried again, while the method's
 * attempts last, when it throws a RetryError, or what JavaScript itself throws: TypeError, RangeError, ReferenceError.
 * Any other error is answered UNKNOWN with its message.
 *
 * The handler of a stream reads messages from an AsyncIterable, or sends those of the one that it returns, such as an async
 * generator, or both. It runs at most once, and what would be tried again is INTERNAL.
 *
 * A handler that computes without a break stops the heartbeats of all calls of its process: after 9/10 of an ack wait
 * they are other workers'. Such work belongs in a worker thread.
 */
export type Handlers<Service extends DescService> = {
  [Name in keyof Service["method"]]?: Service["method"][Name] extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageShape<Input>, context: CallContext) => Answer<Output> | Promise<Answer<Output>>
    : Service["method"][Name] extends DescMethodServerStreaming<infer Input, infer Output>
      ? (request: MessageShape<Input>, context: CallContext) => AsyncIterable<Answer<Output>>
      : Service["method"][Name] extends DescMethodClientStreaming<infer Input, infer Output>
        ? (requests: AsyncIterable<MessageShape<Input>>, context: CallContext) => Promise<Answer<Output>>
        : Service["method"][Name] extends DescMethodBiDiStreaming<infer Input, infer Output>
          ? (requests: AsyncIterable<MessageShape<Input>>, context: CallContext) => AsyncIterable<Answer<Output>>
          : never;
};

/** A handler whose messages are any. */
export type Handler = (request: Message, context: CallContext) => Promise<MessageInitShape<DescMessage>>;

/** A handler of a stream of any kind. */
export type StreamHandler = (requests: AsyncIterable<Message>, context: CallContext) => AsyncIterable<Answer<DescMessage>>;

/** Wraps handlers of unary methods: it calls next, or throws. */
export type Interceptor = (request: Message, context: CallContext, next: Handler) => Promise<MessageInitShape<DescMessage>>;

/** A handler with interceptors around it, the first outermost. */
export function intercept(handler: Handler, interceptors: readonly Interceptor[]): Handler {
  return interceptors.reduceRight<Handler>(
    (next, interceptor) => (request, context) => interceptor(request, context, next),
    handler,
  );
}

/** Makes one kind of the three that handlers of streams have. */
export function streamHandler(kind: Exclude<DescMethod["methodKind"], "unary">, handler: (...args: never[]) => unknown): StreamHandler {
  switch (kind) {
    case "bidi_streaming":
      return handler as StreamHandler;
    case "server_streaming":
      return async function* (requests, context) {
        for await (const request of requests) {
          yield* (handler as (request: Message, context: CallContext) => AsyncIterable<Answer<DescMessage>>)(request, context);
          return;
        }
        throw new StatusError(Code.INTERNAL, "cardinality violation: received no request message from non-client-streaming RPC");
      };
    case "client_streaming":
      return async function* (requests, context) {
        yield await (handler as (requests: AsyncIterable<Message>, context: CallContext) => Promise<Answer<DescMessage>>)(requests, context);
      };
  }
}
