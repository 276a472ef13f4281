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
// A body is JSON as protojson reads it: an unknown field is an error. Its content type must be application/json. A
// binding without a body accepts none, but an empty JSON object. An empty body leaves the field of the binding unset.
//
// When the binding is a PATCH with a message field as body, and the query does not set the request's update_mask, the
// mask is inferred from the body (see [Binding.Mask]).
//
// # Responses
//
// JSON as protojson writes it, compact, with zero scalars and empty lists and maps, without unset messages and unset
// optional fields. Metadata goes neither way, except for the headers of [WithRequestHeaders] and [WithResponseHeaders].
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
//	413  the body is larger than [WithMaxBody], or a message than the transport takes; RESOURCE_EXHAUSTED
//	415  a body of another media type, with Accept, and Accept-Post or Accept-Patch; or a compressed one, with
//	     Accept-Encoding; INVALID_ARGUMENT
//
// What clients may know is what [Presentable] leaves. Reasons of the transport, natsgrpc, are interpreted in its domain
// only: MESSAGE_TOO_LARGE is 413, and QUEUE_FULL, BACKLOG (429), NO_WORKERS and NOT_CONNECTED (503) have a Retry-After even
// without a google.rpc.RetryInfo. What is not for clients goes to [WithObserver].
package transcode
