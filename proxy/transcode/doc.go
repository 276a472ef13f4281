// Package transcode serves gRPC methods as REST: it turns HTTP requests with JSON into calls on a
// grpc.ClientConnInterface, as the google.api.http annotations of the methods say. Everything is read from descriptors;
// there is no generated code per API, and nothing here knows what carries the calls.
//
//	handler, err := transcode.New(conn, services)
//
// The rules are those of google/api/http.proto; where it is silent, the AIPs and grpc-gateway decide. In short:
//
// # Routes
//
// A method is routed at the path template of its annotation and of each of the additional_bindings. Templates of all
// services share one trie. In each path segment a literal goes before `*`, and `*` before `**`; where the better match
// leads nowhere the next one is tried, so a request is refused only when no template matches it. Two bindings with the
// same HTTP method and the same pattern are an error.
//
// Matching works on the escaped path, segment by segment. Variables are unescaped afterwards: one that covers a single
// segment completely, one that covers several except for %2F, which stays as it is. A custom verb is what follows the
// last colon of the path; an escaped colon (%3A) starts none. `*` does not match an empty segment, and a path with a dot
// segment (`.` or `..`, escaped or not) matches nothing: RFC 3986 clients remove these before they send.
//
// HEAD is answered like GET unless a custom binding of the kind HEAD matches, and OPTIONS with 204 and Allow. The custom
// kind `*` stands for the HTTP methods that no other binding of the pattern has.
//
// # Requests
//
// The request message is put together from the body, the query and the path, in this order; where the body and the path
// give the same field the path wins. A query parameter is a field path, each part by its proto or its JSON name. What the
// path binds or the body covers is refused as a parameter, and so is anything unknown. See [Param] for the values.
//
// A body is JSON as protojson reads it: an unknown field is an error. It may nest 100 messages. Its content type must be
// application/json. A binding without a body accepts none, but an empty JSON object. An empty body leaves the field of the
// binding unset.
//
// A google.api.HttpBody takes the place of JSON: a binding whose body is one, as the whole message or as a field, takes the
// bytes of the body as its data and the Content-Type, any or none, as its content_type. Beware that a page of another
// site may send such a body without asking, where it may not send JSON. A compressed body is refused here, too.
//
// When the binding is a PATCH with a message field as body, and the query does not set the request's update_mask, the
// mask is inferred from the body (see [Binding.Mask]).
//
// # Responses
//
// JSON as protojson writes it, compact, with zero scalars and empty lists and maps, without unset messages and unset
// optional fields. Metadata goes neither way, except for the headers of [WithRequestHeaders] and [WithResponseHeaders],
// and for what [WithAuthorizer] adds.
//
// A response, or a response_body, that is a google.api.HttpBody is answered as it is: its data under its content_type, or
// under application/octet-stream where that is empty or no media type, and with X-Content-Type-Options: nosniff.
//
// # Streams of responses
//
// The responses of a method with server streaming are one body, in the format that the Accept header likes best; of equals
// the first is taken, and of none that is accepted too.
//
//	application/json      an array with a line for each message: [{"name":"a"},\n{"name":"b"}]; empty: []
//	application/x-ndjson  a line for each message; also as application/jsonl and application/ndjson
//	text/event-stream     an event for each message, and at the end one of the type `end` with the data {}
//
// A message is sent as soon as it is here; those that follow each other without a pause are sent together, up to 32 KiB. A
// stream of google.api.HttpBody messages is the concatenation of their data, with the content type of the first.
//
// An error before the first message is an ordinary answer. After it, the status 200 has been sent, and the error comes
// at the end in AIP-193's shape, {"error":{…}}: as the last element of the array, which then has no closing bracket and is
// no valid JSON; as the last line; as an event of the type `error`. Bytes of an HttpBody have no place for it: there the
// connection, or with HTTP/2 the stream, is aborted, as it is in all formats where the proxy itself is lost. The trailer
// Grpc-Status is the code, 0 for a good end: it tells an error from a message that has a field of that name. Trailing
// metadata of [WithResponseHeaders] comes in trailers, too.
//
// Server-Sent Events have an id if the method can go on where a stream has broken off: its request has a string field
// resume_token and its responses have one, or page_token and next_page_token (AIP-158); none of them in a oneof, and the
// request's neither bound by the path nor the binding's body field. The id of an event is the token of its message,
// wherever response_body is, if that is visible ASCII. A request with the header Last-Event-ID, as browsers send it when
// they connect again, has that as its token, whatever query and body say; in other formats the header means nothing. An
// event without an id leaves the last one in force. While there is no message, a comment is sent every 15 seconds
// ([WithHeartbeat]), also before the first one; then the answer has begun, without headers from metadata, and an error
// is an event.
//
// HEAD makes the call, waits for the first message, answers with the headers and cancels the call.
//
// # Answers that are fetched later
//
// Where there is a [WithAsync], `Prefer: respond-async` (RFC 7240) on a unary method with side effects is answered with 202,
// its operation, and a Location to ask there again. [WithCallOptions] lets other headers mean something to the connection, such
// as Idempotency-Key.
//
// # Streams of requests
//
// The body of a method with client streaming is NDJSON: application/x-ndjson, application/ndjson or application/jsonl. Each
// line is what the body of a unary request is, and together with the path and the query one message; blank lines are
// skipped, and without a line there is no message. [WithMaxBody] bounds a line, and nothing the body. A malformed line is
// answered with 400 and its number, and cancels the call. So does a body that breaks off in the middle of a line. A binding
// without a body has no messages, and is not served, see [Handler.Skipped].
//
// A body that is a google.api.HttpBody is cut into messages as it comes, of at most 32 KiB of data each; all have the
// content type and the parameters of the path and the query, and an empty body is one message.
//
// The answer of a method with streams both ways begins while the body is read, with HTTP/1.1 as well, whose connection is
// closed afterwards. A client that is still sending when the answer is complete is given half a second to read it.
//
// # Flow control
//
// Nothing is kept of a stream but two messages in each direction and what was said above, beside the windows of HTTP/2 and
// the transport and the buffers of TCP. So a client that does not read stops the handler, in its Send, and a handler that
// does not receive stops the client; other calls go on, also on the same HTTP/2 connection where http.Server.HTTP2 makes
// the window of the connection larger than that of a stream. A client that leaves cancels the call; over HTTP/1.1 it is
// noticed only by reading and writing, so not while neither the handler receives nor the client is answered.
//
// A stream lasts as long as both ends want ([WithStreamTimeout]): the deadlines of the http.Server are lifted, and where it
// waits for its client, for bytes of the body or to take the answer, that has 2 minutes ([WithStreamIdle]). A
// client with nothing to say sends a blank line.
//
// # Deadlines
//
// A client says how long it waits for its answer, counted from the headers of its request, in Request-Timeout, in seconds
// as a decimal number (2.5), or in Grpc-Timeout as gRPC has it (2500m); of both the shorter time counts. It bounds a call of
// any kind, and goes on to the service. It cannot go beyond [WithTimeout], [WithStreamTimeout] and what the transport
// allows, such as the timeout of the method's natsgrpc.v1.method. A header that cannot be read, or is there twice, is 400. A
// time that has passed is 504, whether the client still waits or not.
//
// # Errors
//
// A google.rpc.Status in one of two shapes, see [WriteError]: AIP-193's JSON, or the problem of RFC 9457 where the Accept
// header likes application/problem+json better than application/json. Of equals AIP-193's is taken, so it is what clients
// get that say nothing, `*/*`, or both; and it is what those get who want neither. No request is refused for its Accept
// header, 406 is never answered. HEAD gets the headers alone.
//
// The HTTP status is that of the gRPC code ([HTTPStatus]), except for what HTTP tells apart:
//
//	400  a malformed request, with a google.rpc.BadRequest that names the field, as a path from the request message by
//	     proto names (`user.display_name`, `requests[1].rating`); INVALID_ARGUMENT
//	404  no template matches the path; NOT_FOUND
//	405  none of those that match has the method; Allow names those that have one; UNIMPLEMENTED
//	408  the body took too long; DEADLINE_EXCEEDED
//	413  the body, or a line of it that is a message, is larger than [WithMaxBody], or a message than the transport takes; RESOURCE_EXHAUSTED
//	415  a body of another media type, with Accept, and Accept-Post or Accept-Patch; or a compressed one, with
//	     Accept-Encoding; INVALID_ARGUMENT
//	422  the idempotency key was used for a request with another body; INVALID_ARGUMENT
//
// What clients may know is what [Presentable] leaves. Reasons of the transport, natsgrpc, are interpreted in its domain
// only: MESSAGE_TOO_LARGE is 413, IDEMPOTENCY_KEY_REUSED 422, and QUEUE_FULL, BACKLOG (429), NO_WORKERS and NOT_CONNECTED (503) have a Retry-After even
// without a google.rpc.RetryInfo. What is not for clients goes to [WithObserver].
package transcode
