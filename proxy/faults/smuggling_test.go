package faults

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/server"
)

// The answers of net/http itself to what is no request. They close the connection.
const (
	badRequest  = "400 400 Bad Request"
	badHost     = badRequest + ": malformed Host header"
	badName     = badRequest + ": invalid header name"
	noHost      = badRequest + ": missing required Host header"
	badEncoding = "501 Unsupported transfer encoding"
	badVersion  = "505 505 HTTP Version Not Supported: unsupported protocol version"
	healthy     = "200 ok\n" // of the request behind the one that is tried
)

// refusal is an error as the proxy writes it.
func refusal(code int, message, status string) string {
	return fmt.Sprintf(`%d {"error":{"code":%d,"message":%q,"status":%q}}`, code, code, message, status)
}

var (
	unreadable = refusal(400, "the body cannot be read", "INVALID_ARGUMENT")
	noBody     = refusal(400, "GET /{name=users/*} takes no body", "INVALID_ARGUMENT")
	notFound   = refusal(404, "there is nothing at this path", "NOT_FOUND")
)

func user(name, displayName string) string {
	return fmt.Sprintf(`200 {"name":%q,"displayName":%q,"email":"","etag":""}`, name, displayName)
}

func notAllowed(method string) string {
	return refusal(405, "method "+method+" is not allowed here; allowed are DELETE, GET, HEAD, OPTIONS, PATCH", "UNIMPLEMENTED")
}

// TestSmuggling sends what two parties may take for different requests, each followed by a good one on the same
// connection. What is ambiguous is refused or ends the connection; nothing within a body reaches the service.
func TestSmuggling(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	w.requireHealthy()
	const (
		head     = "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		old      = "POST /api/users HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
		get      = "GET /api/users/a HTTP/1.1\r\nHost: x\r\n"
		smuggled = "GET /api/users/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
		chunks   = "\r\n\r\n13\r\n{\"displayName\":\"a\"}\r\n0\r\n\r\n"
		chunked  = head + "Transfer-Encoding: chunked\r\n\r\n"
	)
	a, empty, gotA := user("", "a"), user("", ""), user("users/a", "")
	tests := []struct {
		name, request string
		want          []string // answers
		reached       []string // what the service has got
	}{
		// One of both lengths counts, and nothing after it.
		{"CL.TE", head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{empty}, []string{""}},
		{"TE.CL", head + "Transfer-Encoding: chunked\r\nContent-Length: 4" + chunks + smuggled, []string{a}, []string{"a"}},
		{"TE alone", head + "Transfer-Encoding: chunked" + chunks + smuggled, []string{a}, []string{"a"}},
		{"TE of HTTP/1.0", old + "Transfer-Encoding: chunked" + chunks, []string{empty, badRequest}, []string{""}},
		{"CL.TE of HTTP/1.0", old + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}" + smuggled, []string{empty}, []string{""}},

		// Transfer-Encoding that is not one.
		{"TE in other letters", head + "transfer-encoding: CHUNKED" + chunks, []string{a}, []string{"a"}},
		{"TE after a tab", head + "Transfer-Encoding:\tchunked" + chunks, []string{a}, []string{"a"}},
		{"TE folded", head + "Transfer-Encoding:\r\n chunked" + chunks, []string{a}, []string{"a"}},
		{"TE unknown", head + "Transfer-Encoding: xchunked" + chunks, []string{badEncoding}, nil},
		{"TE identity", head + "Transfer-Encoding: identity" + chunks, []string{badEncoding}, nil},
		{"TE quoted", head + "Transfer-Encoding: \"chunked\"" + chunks, []string{badEncoding}, nil},
		{"TE compressed", head + "Transfer-Encoding: gzip, chunked" + chunks, []string{badEncoding}, nil},
		{"TE in a list", head + "Transfer-Encoding: chunked, chunked" + chunks, []string{badEncoding}, nil},
		{"TE twice", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + chunks, []string{badEncoding}, nil},
		{"TE and another", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" + chunks, []string{badEncoding}, nil},
		{"TE before a space", head + "Transfer-Encoding : chunked" + chunks, []string{badName}, nil},
		{"TE with a NUL", head + "Transfer-Encoding: chunked\x00" + chunks, []string{badRequest}, nil},
		{"TE after a vertical tab", head + "Transfer-Encoding: \vchunked" + chunks, []string{badRequest}, nil},
		{"TE with an underscore", head + "Transfer_Encoding: chunked" + chunks, []string{empty, badRequest}, []string{""}},
		{"TE after a bare CR", head + "X: a\rTransfer-Encoding: chunked" + chunks, []string{badRequest}, nil},
		{"TE after a bare LF", head + "X: a\nTransfer-Encoding: chunked" + chunks, []string{a}, []string{"a"}},

		// Content-Length that is none.
		{"CL", head + "Content-Length: 2\r\n\r\n{}", []string{empty, healthy}, []string{""}},
		{"CL of a GET", get + "Content-Length: 45\r\n\r\n" + smuggled, []string{noBody, healthy}, nil},
		{"CL named by Connection", get + "Connection: Content-Length\r\nContent-Length: 45\r\n\r\n" + smuggled, []string{noBody, healthy}, nil},
		{"CL with zeros", head + "Content-Length: 002\r\n\r\n{}", []string{empty, healthy}, []string{""}},
		{"CL twice", head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", []string{empty, healthy}, []string{""}},
		{"CL and another", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", []string{badRequest}, nil},
		{"CL in a list", head + "Content-Length: 2, 2\r\n\r\n{}", []string{badRequest}, nil},
		{"CL with +", head + "Content-Length: +2\r\n\r\n{}", []string{badRequest}, nil},
		{"CL with -", head + "Content-Length: -2\r\n\r\n{}", []string{badRequest}, nil},
		{"CL in hexadecimal", head + "Content-Length: 0x2\r\n\r\n{}", []string{badRequest}, nil},
		{"CL with a space", head + "Content-Length: 2 2\r\n\r\n{}", []string{badRequest}, nil},
		{"CL with a fraction", head + "Content-Length: 2.0\r\n\r\n{}", []string{badRequest}, nil},
		{"CL empty", head + "Content-Length:\r\n\r\n{}", []string{badRequest}, nil},
		{"CL beyond 64 bits", head + "Content-Length: 18446744073709551618\r\n\r\n{}", []string{badRequest}, nil},
		{"CL before a space", head + "Content-Length : 2\r\n\r\n{}", []string{badName}, nil},
		{"CL folded", head + "Content-Length: 2\r\n 3\r\n\r\n{}", []string{badRequest}, nil},
		{"CL folded into another", head + " Content-Length: 2\r\n\r\n{}", []string{empty, badRequest}, []string{""}},

		// Chunks.
		{"chunk extension", chunked + "2;a=b\r\n{}\r\n0\r\n\r\n", []string{empty}, []string{""}},
		{"trailer", chunked + "2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n" + smuggled, []string{empty}, []string{""}},
		{"chunk size with +", chunked + "+2\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk size with -", chunked + "-2\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk size with 0x", chunked + "0x2\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk size after a space", chunked + " 2\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk size beyond 64 bits", chunked + "10000000000000002\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk size before a bare LF", chunked + "2\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk extension before a bare LF", chunked + "2;a\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk before a bare LF", chunked + "2\r\n{}\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk longer than its size", chunked + "2\r\n{} \r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk extension of 5 kB", chunked + "2;" + strings.Repeat("a", 5000) + "\r\n{}\r\n0\r\n\r\n", []string{unreadable}, nil},
		{"chunk extensions of 100 kB", chunked + strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\n \r\n", 100) + "0\r\n\r\n", []string{unreadable}, nil},
		{"trailer of 9 kB", chunked + "2\r\n{}\r\n0\r\nA: " + strings.Repeat("a", 9000) + "\r\n\r\n", []string{unreadable}, nil},

		// The request line.
		{"absolute form", "GET http://other/api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{gotA, healthy}, []string{"users/a"}},
		{"authority form", "GET other:80 HTTP/1.1\r\nHost: x\r\n\r\n", []string{notFound, healthy}, nil},
		{"CONNECT", "CONNECT other:80 HTTP/1.1\r\nHost: x\r\n\r\n", []string{notFound, healthy}, nil},
		{"CONNECT with a path", "CONNECT /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{notAllowed("CONNECT"), healthy}, nil},
		{"TRACE", "TRACE /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{notAllowed("TRACE"), healthy}, nil},
		{"method in lower case", "get /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{notAllowed("get"), healthy}, nil},
		{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []string{"200 ", healthy}, nil},
		{"asterisk form of GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", []string{notFound, healthy}, nil},
		{"no slash", "GET api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"no version", "GET /api/users/a\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"HTTP/2.0", "GET /api/users/a HTTP/2.0\r\nHost: x\r\n\r\n", []string{badVersion}, nil},
		{"half a preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", []string{notFound}, nil},
		{"HTTP/9.9", "GET /api/users/a HTTP/9.9\r\nHost: x\r\n\r\n", []string{badVersion}, nil},
		{"space after the version", "GET /api/users/a HTTP/1.1 \r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"two spaces", "GET  /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"space in the path", "GET /api/users/a b HTTP/1.1\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"NUL in the path", "GET /api/users/a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"NUL in the method", "G\x00T /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n", []string{badRequest}, nil},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []string{badRequest}, nil},

		// Headers.
		{"no Host", "GET /api/users/a HTTP/1.1\r\n\r\n", []string{noHost}, nil},
		{"two Hosts", get + "Host: y\r\n\r\n", []string{badRequest}, nil},
		{"Host with a space", "GET /api/users/a HTTP/1.1\r\nHost: x y\r\n\r\n", []string{badHost}, nil},
		{"Host with a path", "GET /api/users/a HTTP/1.1\r\nHost: x/../y\r\n\r\n", []string{badHost}, nil},
		{"Host with a NUL", "GET /api/users/a HTTP/1.1\r\nHost: x\x00\r\n\r\n", []string{badRequest}, nil},
		{"header with a NUL", get + "X-Tenant: a\x00b\r\n\r\n", []string{badRequest}, nil},
		{"header with a bare CR", get + "X-Tenant: a\rb\r\n\r\n", []string{badRequest}, nil},
		{"header folded", get + "X-Tenant: a\r\n b\r\n\r\n", []string{gotA, healthy}, []string{"users/a"}},
		{"header without a name", get + ": a\r\n\r\n", []string{badRequest}, nil},
		{"header with a space in its name", get + "X Tenant: a\r\n\r\n", []string{badName}, nil},
		{"header without a colon", get + "X-Tenant\r\n\r\n", []string{badRequest}, nil},
		{"header that is not UTF-8", get + "X-Tenant: \xff\r\n\r\n",
			[]string{refusal(400, "header X-Tenant has characters other than printable ASCII", "INVALID_ARGUMENT"), healthy}, nil},
		{"another expectation", get + "Expect: 200-ok\r\n\r\n", []string{"417 "}, nil},
		{"upgrade to h2c", get + "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
			[]string{gotA, healthy}, []string{"users/a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.users.take()
			require.Equal(t, test.want, w.exchange(test.request+last))
			require.Equal(t, test.reached, w.users.take())
		})
	}
	w.requireHealthy()
}
