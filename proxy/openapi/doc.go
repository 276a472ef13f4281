// Package openapi tells people of an API that package transcode serves: as an OpenAPI 3.1 document
// (https://spec.openapis.org/oas/v3.1.1), and as a page to read the document and to try each call. Both are made from the
// bindings, so they say what is routed.
//
//	api, err := openapi.New(handler.Bindings(), openapi.Config{Prefix: "/api"})
//	mux.Handle("/openapi.json", api.Document())
//	mux.Handle("/docs", api.Page())
//
// The same bindings and config make the same bytes. When the bindings change a new API takes the place of the old one.
//
// # Operations
//
// Each binding is an operation. Its id is Service_Method, with the package in front where two services share a name, and
// with _2, _3 and so on behind for the additional bindings. Its tag is the service, by full name.
//
// In paths a variable's template is written out: /{name=users/*}:ban is /users/{user}:ban. A wildcard has the name that
// the resource's pattern (google.api.resource) gives it, or else the field's, if it is the variable's only segment, or the
// singular of the literal before it. OpenAPI has no parameter for several segments: `**` is one with the extension
// x-multi-segment, whose value may hold slashes.
//
// What OpenAPI 3.1 cannot say is not among the paths, but in the document's extension x-unlisted with the reason: HTTP
// methods of one's own, and the second of two patterns, such as /* and /**, that OpenAPI takes for the same.
//
// Query parameters are those of [transcode.Binding.QueryFields], by JSON names; beyond 256 they are left out, and the
// operation says so.
//
// # Schemas
//
// Each message and enum is a schema under its full name. Schemas say what package jsonwire writes. It reads more: proto
// names, numbers for enum values, numbers where 64-bit ones are strings, base64url, and null for what is not set.
//
//	int64, uint64          strings of digits       Timestamp             string, date-time
//	float, double          number, or NaN,         Duration              string such as 1.5s
//	                       Infinity, -Infinity     FieldMask             string
//	bytes                  string, base64          Struct, Value, …      any JSON of that kind
//	enum                   string, a value's name  wrappers              the wrapped value, or null
//	map                    object                  Any                   object with @type
//
// The schema of a message that is answered tells what is always there: all but members of oneofs, messages and what is
// `optional`, unless it is REQUIRED. Where what is sent is not the same, it has a second schema, with -input behind its
// name. A third, with -patch, is that of the body of a PATCH with an inferred update mask: in it nothing is required. A google.api.HttpBody that is a whole body is any media type. The messages of a stream are the
// elements of an array, the lines of NDJSON, or events. Of two messages with the same full name, as two versions of a
// service have them during an update, the first is described. Extensions of proto2 are not described.
//
// From google.api.field_behavior come required; in what is sent readOnly (OUTPUT_ONLY, and IDENTIFIER, which the path
// says); and writeOnly. Of the constraints of buf.validate those are stated that JSON Schema has a keyword for, and the others where
// they have a text of their own. At most one member of a oneof may be there.
//
// # Texts
//
// Summaries and descriptions are the comments of the protos, where descriptors have source_code_info: those from `buf build`
// do, those from protoc with --include_source_info, and those linked into a Go binary only if package proto/comments has
// added it. What AIP-192 calls internal, (-- like this --), is left out.
package openapi
