/**
 * Serves gRPC services from NATS JetStream work queues. The wire is specified by the package comment of natsgrpc, in
 * natsgrpc/doc.go; this is the worker's half of it.
 *
 *     const server = new Server(nc).service(ModerationService, { checkComment });
 *     await server.serve(signal);
 *
 * @module
 */
export { Code } from "./code.js";
export type { CallContext, Handlers, Interceptor } from "./handler.js";
export { jsonLogger, type Logger } from "./logger.js";
export { Metadata } from "./metadata.js";
export type { PublisherOptions } from "./registry.js";
export { Server, type ServerOptions } from "./server.js";
export { RetryError, StatusError } from "./status.js";
export {
  BadRequestSchema,
  BadRequest_FieldViolationSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
