import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { type Duration, durationMs, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

import { method as methodOption, service as serviceOption } from "./gen/natsgrpc/v1/delivery_pb.js";

/** A queue's kind, as subjects begin. */
export type Kind = "qry" | "cmd";

/** How the calls of a method are delivered. Times are in milliseconds. */
export interface MethodDelivery {
  readonly attempts: number;
  readonly backoff: number;
  /** For how long an answer is kept, where the method says so. */
  readonly keepAnswer: number | undefined;
}

/** The delivery of methods without options. */
export const defaultDelivery: MethodDelivery = { attempts: 5, backoff: 100, keepAnswer: undefined };

/** The delivery that a method's options say. */
export function methodDelivery(method: DescMethod): MethodDelivery {
  const options = getOption(method, methodOption);
  return {
    attempts: options.attempts || defaultDelivery.attempts,
    backoff: milliseconds(options.backoff) || defaultDelivery.backoff,
    keepAnswer: milliseconds(options.keepAnswer) || undefined,
  };
}

/** One of a service's queues. */
export interface QueueDelivery {
  readonly shards: number;
  /** In milliseconds. */
  readonly ackWait: number;
}

/** The delivery of a service's queue. */
export function queueDelivery(service: DescService, kind: Kind): QueueDelivery {
  const options = hasOption(service, serviceOption) ? getOption(service, serviceOption) : undefined;
  const queue = kind === "qry" ? options?.queries : options?.commands;
  return { shards: queue?.shards || 1, ackWait: milliseconds(queue?.ackWait) || 5000 };
}

/** The kind of the queue that a method's calls wait in. */
export function kindOf(method: DescMethod): Kind {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ? "qry" : "cmd";
}

/** The full name of a service as one token of a subject. */
export function token(service: DescService): string {
  return service.typeName.replaceAll(".", "_");
}

/** The wait before the next attempt, in milliseconds: doubled for each up to 32 times, changed by up to a fifth. */
export function backoffOf(delivery: MethodDelivery, attempt: number): number {
  return delivery.backoff * 2 ** Math.min(attempt - 1, 5) * (0.8 + 0.4 * Math.random());
}

function milliseconds(duration: Duration | undefined): number {
  return duration === undefined ? 0 : durationMs(duration);
}
