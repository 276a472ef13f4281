// Package server is the proxy's HTTP server: REST, gRPC, gRPC-Web and Connect, health and the page under /ui, with
// everything around them that a listener needs. It takes any grpc.ClientConnInterface.
//
//	/api/…            the API as REST, see package transcode; the prefix is configurable, and where clients see another one because
//	                  a gateway strips it, so is that
//	/pkg.Service/…    the API's services by gRPC, gRPC-Web and Connect, see package rpc; there is server reflection, which
//	                  needs a token where tokens are checked
//	/docs             a page to read and try the REST API, and /openapi.json, its document, see package openapi
//	/healthz          200 while the process lives
//	/readyz           200 while it takes requests; 503 with the reason while it does not, or is draining
//	/ui, /ui/         the web app, or a page that says that there is none
//	/                 redirects to /ui/
//
// HTTP/1.1 and HTTP/2 are spoken on the same port. Without TLS a client has to know that HTTP/2 is, as gRPC clients do.
//
// REST, the documents and the web app are compressed for clients that ask for it, see package compress. gRPC, gRPC-Web and
// Connect compress by themselves.
//
// Anything else is a 404 as transcode.WriteError writes it, in the shape that the client likes, and so is a panic's 500.
//
// Who may call the API is package auth's to say, for all protocols alike. Where tokens are checked,
// /.well-known/oauth-protected-resource tells clients where they get them, if the API's URL is known.
//
// Where there are too many requests, package admission says which are refused. Health, the documents and the web app never
// are.
//
// Each request has an id: the client's X-Request-Id if it is 1 to 128 letters, digits, `.`, `_` or `-`, or else a random
// one. It is in the answer, in the access log, and in the gRPC metadata (x-request-id) of the call.
//
// Limits of time, size and number, TLS, the origins of other sites and whom to believe about where a request comes from are
// in docs/security.md.
package server
