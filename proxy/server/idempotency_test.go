package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

func TestIdempotencyKeys(t *testing.T) {
	const (
		bare  = "what is not in quotation marks has no spaces, quotation marks and commas"
		noStr = "it is no string of RFC 9651, section 3.3.3"
	)
	long := strings.Repeat("k", 255)
	for _, test := range []struct {
		values []string
		key    string
		fault  string // "" where there is none
	}{
		{nil, "", ""},
		{[]string{`"8e03978e-40d5-43e8-bc93-6894a57f9324"`}, "8e03978e-40d5-43e8-bc93-6894a57f9324", ""},
		{[]string{`8e03978e-40d5-43e8-bc93-6894a57f9324`}, "8e03978e-40d5-43e8-bc93-6894a57f9324", ""},
		{[]string{" a\t"}, "a", ""},
		{[]string{`"a b, c"`}, "a b, c", ""},
		{[]string{`"a\"b\\c"`}, `a"b\c`, ""},
		{[]string{`a.b*c>d;e=f`}, `a.b*c>d;e=f`, ""},
		{[]string{long}, long, ""},
		{[]string{`"` + long + `"`}, long, ""},
		{[]string{long + "k"}, "", "it has 256 bytes, and 255 at most are taken"},
		{[]string{""}, "", "it is empty"},
		{[]string{"  "}, "", "it is empty"},
		{[]string{`""`}, "", "it is empty"},
		{[]string{"a", "b"}, "", "there is more than one"},
		{[]string{"a", "a"}, "", "there is more than one"},
		{[]string{"a, b"}, "", bare},
		{[]string{"a,b"}, "", bare},
		{[]string{"a b"}, "", bare},
		{[]string{`a"b"`}, "", bare},
		{[]string{`"a`}, "", noStr},
		{[]string{`"`}, "", noStr},
		{[]string{`"a\`}, "", noStr},
		{[]string{`"a\x"`}, "", noStr},
		{[]string{`"a"b`}, "", noStr},
		{[]string{`"a";b=c`}, "", noStr},
		{[]string{`"a", "b"`}, "", noStr},
		{[]string{"é"}, "", "it has characters other than printable ASCII"},
		{[]string{"\"a\tb\""}, "", "it has characters other than printable ASCII"},
		{[]string{"a\x00"}, "", "it has characters other than printable ASCII"},
		{[]string{"\xff"}, "", "it has characters other than printable ASCII"},
	} {
		key, err := idempotencyKey(http.Header{keyHeader: test.values})
		require.Equal(t, test.key, key, "%q", test.values)
		if test.fault == "" {
			require.NoError(t, err, "%q", test.values)
			continue
		}
		require.EqualError(t, err, "rpc error: code = InvalidArgument desc = header Idempotency-Key: "+test.fault, "%q", test.values)
	}
}

func FuzzIdempotencyKey(f *testing.F) {
	f.Add("a")
	f.Add(`"a\"b"`)
	f.Fuzz(func(t *testing.T, value string) {
		key, err := idempotencyKey(http.Header{keyHeader: {value}})
		if err != nil {
			require.Empty(t, key)
			return
		}
		require.NotEmpty(t, key)
		require.LessOrEqual(t, len(key), maxKey)
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		again, err := idempotencyKey(http.Header{keyHeader: {quoted}})
		require.NoError(t, err)
		require.Equal(t, key, again)
	})
}

// named is a call option that a test sees.
type named struct {
	grpc.EmptyCallOption
	principal, key string
}

// The key reaches commands alone, under the caller's principal or else its address.
func TestKeysAreTheirCallers(t *testing.T) {
	option := keys(func(principal, key string) grpc.CallOption { return named{principal: principal, key: key} })
	server := newServer(t, &users{}, Config{})
	methods := map[string]int{}
	for i, b := range server.API().Bindings() {
		methods[string(b.Method.Name())] = i
	}
	create := server.API().Bindings()[methods["CreateUser"]].Method
	request := func(address string, values ...string) *http.Request {
		return &http.Request{RemoteAddr: address, Header: http.Header{keyHeader: values}}
	}
	for address, want := range map[string]string{
		"192.0.2.1:1234":     "address 192.0.2.1",
		"[2001:db8::1]:1234": "address 2001:db8::1",
		"@":                  "address @",
		"":                   "address ",
	} {
		got, err := option.callOptions(t.Context(), create, request(address, "key"))
		require.NoError(t, err)
		require.Equal(t, []grpc.CallOption{named{principal: want, key: "key"}}, got)
	}
	ctx, _, err := server.config.Auth.Authorize(t.Context(), create, nil)
	require.NoError(t, err)
	got, err := option.callOptions(ctx, create, request("192.0.2.1:1234", `"key"`))
	require.NoError(t, err)
	require.Regexp(t, "^[A-Z2-7]{52}$", got[0].(named).principal)

	for _, values := range [][]string{{"key"}, {""}} {
		get := server.API().Bindings()[methods["GetUser"]].Method
		got, err = option.callOptions(ctx, get, request("192.0.2.1:1234", values...))
		require.NoError(t, err, "to a query it means nothing")
		require.Empty(t, got)
	}
	got, err = option.callOptions(ctx, create, request("192.0.2.1:1234"))
	require.NoError(t, err)
	require.Empty(t, got)
}

// Callers without a principal have keys, but no operations.
func TestOperationsArePrincipals(t *testing.T) {
	server := newServer(t, &users{}, Config{})
	binding := server.API().Bindings()[0]
	require.False(t, async{}.Takes(t.Context(), binding))
	ctx, _, err := server.config.Auth.Authorize(t.Context(), binding.Method, nil)
	require.NoError(t, err)
	require.True(t, async{}.Takes(ctx, binding))
}

func TestAWrongKeyIsABadRequest(t *testing.T) {
	server := newServer(t, &users{}, Config{IdempotencyKey: func(string, string) grpc.CallOption { return grpc.EmptyCallOption{} }})
	w := do(server, "POST", "/api/users", "Idempotency-Key: a b")
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), `"message":"header Idempotency-Key: what is not in quotation marks`)
	w = do(server, "POST", "/rating.v1.UserService/CreateUser", "Idempotency-Key: a b", "Content-Type: application/json")
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), `"message":"header Idempotency-Key: what is not in quotation marks`)
	require.Contains(t, do(server, "GET", "/openapi.json").Body.String(), `"Idempotency-Key":{"name":"Idempotency-Key","in":"header"`)
}
