import { create, fromBinary, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";

import { Code } from "./code.js";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";

/** The domain of this transport's ErrorInfo details. */
const domain = "natsgrpc";

/** An answer that is an error: what a handler throws for its caller to get. */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(
    readonly code: Code,
    message: string,
    readonly details: readonly Any[] = [],
  ) {
    super(message);
  }

  /** The same status with one detail more. */
  with<Desc extends DescMessage>(schema: Desc, detail: MessageInitShape<Desc>): StatusError {
    return new StatusError(this.code, this.message, [...this.details, anyPack(schema, create(schema, detail))]);
  }

  /** The google.rpc.Status in its wire form. */
  encode(): Uint8Array {
    return toBinary(StatusSchema, create(StatusSchema, { code: this.code, message: this.message, details: [...this.details] }));
  }

  /** The status that a google.rpc.Status in its wire form is. */
  static decode(data: Uint8Array): StatusError {
    const status = fromBinary(StatusSchema, data);
    return new StatusError(status.code, status.message, status.details);
  }
}

/** A status of this transport's own, with its reason. */
export function reasoned(code: Code, reason: string, message: string): StatusError {
  return new StatusError(code, message).with(ErrorInfoSchema, { reason, domain });
}

/** What is kept of the message of an error whose headers were too large, in UTF-16 units: each may take 9 bytes. */
const maxBareMessage = 4096;

/** What is said where the headers of something are too large: an error without its details, or that they are too large. */
export function withoutDetails(status: StatusError | undefined, what: string): StatusError {
  return status === undefined
    ? reasoned(Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", `the headers of the ${what} have more than NATS takes`)
    : new StatusError(status.code, status.message.slice(0, maxBareMessage));
}

/**
 * Thrown by a handler that has not answered: the call is tried again, by whoever pulls it, while its method's attempts
 * last.
 */
export class RetryError extends Error {
  override readonly name = "RetryError";

  /** With a delay, in milliseconds, the call waits that long instead of its method's back-off. */
  constructor(
    message: string,
    readonly delay?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Whether what a handler threw is a failure of the program, which is tried again, and not an answer. JavaScript throws
 * such errors where Go panics.
 */
export function isPanic(thrown: unknown): boolean {
  return thrown instanceof TypeError || thrown instanceof ReferenceError || thrown instanceof RangeError;
}

/** What a handler threw, as the status that its caller gets: UNKNOWN, with the message, for what is none. */
export function statusOf(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) {
    // An error with the code OK is a mistake, and gRPC has this word for it.
    return thrown.code === Code.OK ? new StatusError(Code.UNKNOWN, thrown.message, thrown.details) : thrown;
  }
  if (thrown instanceof Error) {
    if (thrown.cause instanceof StatusError && thrown.name === "AbortError") {
      return thrown.cause; // Node's own functions wrap the reason of a signal so
    }
    return new StatusError(Code.UNKNOWN, thrown.message);
  }
  return new StatusError(Code.UNKNOWN, String(thrown));
}
