package faults

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/server"
)

// violation is a refusal that names a field.
func violation(field, description string) string {
	quoted := func(text string) string {
		data, _ := json.Marshal(text) // text cannot fail
		return string(data)
	}
	message := description
	if field != "" {
		message = field + ": " + description
	}
	return fmt.Sprintf(`400 {"error":{"code":400,"message":%s,"status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest",`+
		`"fieldViolations":[{"field":%s,"description":%s}]}]}}`, quoted(message), quoted(field), quoted(description))
}

// TestPaths has paths that lead elsewhere where they are cleaned or unescaped twice. Here they are neither: a name is what
// stands between two slashes, unescaped once, and `.` and `..` are none. What reaches the service is what its name says.
func TestPaths(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	named := func(name string) string { return "users/" + name }
	tests := []struct {
		path    string
		want    string // "" for the user that reaches the service
		reached string
	}{
		{"/api/users/..", notFound, ""},
		{"/api/users/.", notFound, ""},
		{"/api/users/%2e%2e", notFound, ""},
		{"/api/users/%2E.", notFound, ""},
		{"/api/users/%2e", notFound, ""},
		{"/api/users/../users/a", notFound, ""},
		{"/api/users/a/../b", notFound, ""},
		{"/api/./users/a", notFound, ""},
		{"/api/../api/users/a", notFound, ""},
		{"/api/%2e%2e/healthz", notFound, ""},
		{"/api/users/", notFound, ""},
		{"/api/users/a/", notFound, ""},
		{"/api/users//a", notFound, ""},
		{"/api//users/a", notFound, ""},
		{"//api/users/a", notFound, ""},
		{"/api%2fusers%2fa", notFound, ""},
		{"/%61pi/users/a", notFound, ""},
		{"/API/users/a", notFound, ""},
		{"/.", notFound, ""},
		{"/..", notFound, ""},
		{"//", notFound, ""},
		{"/etc/passwd", notFound, ""},
		{"/..%2f..%2fetc/passwd", notFound, ""},
		{"/.git/config", notFound, ""},

		// Within a name: that of one user, and no part of a path to anything.
		{"/api/users/..%2fa", "", named("..%2fa")},
		{"/api/users/%2e%2e%2Fa", "", named("..%2Fa")},
		{"/api/users/a%2f..%2fb", "", named("a%2f..%2fb")},
		{"/api/users/%252e%252e", "", named("%2e%2e")},
		{`/api/users/..\a`, "", named(`..\a`)},
		{"/api/users/%5c..%5ca", "", named(`\..\a`)},
		{"/api/users/a%3fb%23c", "", named("a?b#c")},
		{"/api/users/a;b=c", "", named("a;b=c")},
		{"/api/users/*", "", named("*")}, // in NATS a name is in the message, and in no subject
		{"/api/users/%3e", "", named(">")},
		{"/api/users/a.b", "", named("a.b")},
		{"/api/users/a%00b", "", named("a\x00b")},
		{"/api/users/a%0d%0ab", "", named("a\r\nb")},
		{"/api/users/%C3%A9", "", named("é")},
		{"/api/users/\xc3\xa9", "", named("é")},

		// No UTF-8: a byte of none, an overlong dot and slash, half of a pair, six bytes.
		{"/api/users/%ff", violation("name", `"users/\xff" is not valid UTF-8`), ""},
		{"/api/users/\xff", violation("name", `"users/\xff" is not valid UTF-8`), ""},
		{"/api/users/%c0%ae", violation("name", `"users/\xc0\xae" is not valid UTF-8`), ""},
		{"/api/users/%e0%80%af", violation("name", `"users/\xe0\x80\xaf" is not valid UTF-8`), ""},
		{"/api/users/%ed%a0%80", violation("name", `"users/\xed\xa0\x80" is not valid UTF-8`), ""},
		{"/api/users/%fc%80%80%80%80%af", violation("name", `"users/\xfc\x80\x80\x80\x80\xaf" is not valid UTF-8`), ""},
		{"/api/users?page_token=%ff", violation("page_token", `"\xff" is not valid UTF-8`), ""},
		{"/api/users?page_token=\xff", violation("page_token", `"\xff" is not valid UTF-8`), ""},
		{"/api/users?%ff=1", violation("\uFFFD", "unknown query parameter \"\uFFFD\""), ""},

		// No escape.
		{"/api/users/%", badRequest, ""},
		{"/api/users/%2", badRequest, ""},
		{"/api/users/%zz", badRequest, ""},
		{"/api/users/%u002e", badRequest, ""},
		{"/api/users?page_token=%zz", violation("page_token", `the query is malformed: invalid URL escape "%zz"`), ""},

		// Beside the API.
		{"/ui/..", notFound, ""},
		{"/ui/../healthz", notFound, ""},
		{"/ui/..%2fhealthz", notFound, ""},
		{"/ui/%2e%2e/healthz", notFound, ""},
		{`/ui/\`, notFound, ""},
		{"/ui/%00", notFound, ""},
		{"/ui%2f", notFound, ""},
		{"/docs/", notFound, ""},
		{"/docs/..", notFound, ""},
		{"/docs%00", notFound, ""},
		{"/openapi.json/..", notFound, ""},
		{"/openapi.json%2f..", notFound, ""},
		{"/healthz/", notFound, ""},
		{"/healthz%20", notFound, ""},
		{"/rating.v1.UserService/../GetUser", notFound, ""},
		{"/rating.v1.UserService/%47etUser", `501 {"code":"unimplemented","message":"there is no such method"}`, ""},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			var reached []string
			if test.want == "" {
				reached = []string{test.reached}
				quoted, err := json.Marshal(test.reached)
				require.NoError(t, err)
				test.want = fmt.Sprintf(`200 {"name":%s,"displayName":"","email":"","etag":""}`, strings.ReplaceAll(string(quoted), `\u003e`, ">"))
			}
			got := w.exchange("GET " + test.path + " HTTP/1.1\r\nHost: x\r\n\r\n" + last)
			require.Equal(t, test.want, got[0])
			require.Equal(t, reached, w.users.take())
		})
	}
	w.requireHealthy()
}
