// Package rpc serves gRPC methods by the protocols gRPC, gRPC-Web and Connect, at `/package.Service/Method`: it turns
// their requests into calls on a grpc.ClientConnInterface. Everything is read from descriptors; there is no generated
// code per API, and nothing here knows what carries the calls. Package connectrpc.com/connect does the framing.
//
//	handler, err := rpc.New(conn, services)
//
// # Protocols
//
// Unary calls and all three kinds of streams are served, with binary messages (`proto`) and with JSON (`json`), gzipped or
// not. gRPC needs HTTP/2, and so does bidirectional streaming; all else works over HTTP/1.1 too. A unary method that is
// declared NO_SIDE_EFFECTS also takes Connect's GET. A method that is not there is UNIMPLEMENTED in the request's own
// protocol; a content type that no protocol has is 415, another HTTP method 405.
//
// Binary messages are not decoded. JSON is what protojson reads and writes, but unknown fields are ignored, as Connect's
// servers do: a client may be newer than the descriptors. JSON that is malformed is INVALID_ARGUMENT with a
// google.rpc.BadRequest that names the field.
//
// # Metadata
//
// Request headers become metadata, and response metadata headers and trailers, by the lists of [WithRequestHeaders] and
// [WithResponseHeaders]; nothing else passes. Names that end in -bin hold bytes, in base64 on the outside.
//
// [WithAuthorizer] decides who may call, and gives metadata that no client can.
//
// # Deadlines and cancellation
//
// A call ends at the client's own timeout (grpc-timeout, Connect-Timeout-Ms), or at that of [WithTimeout] and
// [WithStreamTimeout] if it is earlier or the client has none. A client that leaves cancels its call.
//
// # Streams
//
// At most one message of each direction is held, beside what HTTP/2 and the connection buffer: a reader that is slow, or
// has stopped, stops its sender. Header metadata is sent on as soon as it comes, except to clients that are sending over
// HTTP/1.1. The server's read and write timeouts do not bound a stream.
//
// # Errors
//
// Code, message and details are those of the call, as far as clients may know them, see [WithPublicStatus]. What the
// framing refuses has the code that connect gives it, such as RESOURCE_EXHAUSTED for a message that is too large.
//
// # Reflection
//
// With [WithReflection] the handler answers grpc.reflection.v1.ServerReflection itself, from the descriptors, so that
// tools such as grpcurl need no protos. Any other service, grpc.health.v1.Health included, is served if it is in the list.
package rpc
