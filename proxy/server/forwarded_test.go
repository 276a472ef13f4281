package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestForwardedIsBelievedOfTrustedProxiesOnly(t *testing.T) {
	const gateway, other = "10.0.0.1:4711", "203.0.113.9:4711"
	tests := []struct {
		name, header, peer string
		headers            []string
		client             string
		https              bool
		kept               []string // of the headers
	}{
		{"from others", ForwardedX, other, []string{
			"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a", "X-Forwarded-Port: 1",
			"X-Forwarded-Prefix: /a", "X-Real-Ip: 192.0.2.1", "Forwarded: for=192.0.2.1",
		}, other, false, nil},
		{"without a header", ForwardedX, gateway, nil, gateway, false, nil},
		{"one hop", ForwardedX, gateway, []string{"X-Forwarded-For: 192.0.2.1"}, "192.0.2.1:0", false, []string{"X-Forwarded-For"}},
		{"scheme", ForwardedX, gateway, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: HTTPS"}, "192.0.2.1:0", true,
			[]string{"X-Forwarded-For", "X-Forwarded-Proto"}},
		{"scheme alone", ForwardedX, gateway, []string{"X-Forwarded-Proto: https"}, gateway, false, nil},
		{"two schemes", ForwardedX, gateway, []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https, http"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For", "X-Forwarded-Proto"}},
		{"the client's own is before the proxy's", ForwardedX, gateway, []string{"X-Forwarded-For: 127.0.0.1, 192.0.2.1"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"in two lines", ForwardedX, gateway, []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 192.0.2.1"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"nonsense before the proxy's", ForwardedX, gateway, []string{`X-Forwarded-For: "a,,';--, 192.0.2.1`}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"proxies in a row", ForwardedX, gateway, []string{"X-Forwarded-For: 8.8.8.8, 192.0.2.1, 10.9.9.9, fd00::1"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"proxies only", ForwardedX, gateway, []string{"X-Forwarded-For: 10.3.3.3, 10.9.9.9"}, "10.3.3.3:0", false, []string{"X-Forwarded-For"}},
		{"IPv6", ForwardedX, "[fd00::2]:1", []string{"X-Forwarded-For: 2001:db8::1"}, "[2001:db8::1]:0", false, []string{"X-Forwarded-For"}},
		{"with ports", ForwardedX, gateway, []string{"X-Forwarded-For: [2001:db8::1]:80, 10.1.1.1:80"}, "[2001:db8::1]:0", false,
			[]string{"X-Forwarded-For"}},
		{"IPv4 in IPv6", ForwardedX, "[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For: ::ffff:192.0.2.1"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"malformed", ForwardedX, gateway, []string{"X-Forwarded-For: 192.0.2.1, 192.0.2.999"}, gateway, false, nil},
		{"empty", ForwardedX, gateway, []string{"X-Forwarded-For: "}, gateway, false, nil},
		{"hidden behind proxies", ForwardedX, gateway, []string{"X-Forwarded-For: unknown, 10.1.1.1"}, gateway, false, nil},
		{"the other header", ForwardedX, gateway, []string{"Forwarded: for=192.0.2.1"}, gateway, false, nil},
		{"both headers", ForwardedX, gateway, []string{"Forwarded: for=192.0.2.7", "X-Forwarded-For: 192.0.2.1"}, "192.0.2.1:0", false,
			[]string{"X-Forwarded-For"}},
		{"of no address", ForwardedX, "@", []string{"X-Forwarded-For: 192.0.2.1"}, "@", false, nil},

		{"RFC 7239", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.1;proto=https;by=10.0.0.1`}, "192.0.2.1:0", true,
			[]string{"Forwarded"}},
		{"RFC 7239, quoted", ForwardedStandard, gateway, []string{`Forwarded: For="[2001:db8:cafe::17]:4711" ; Proto="http\s"`}, "[2001:db8:cafe::17]:0",
			true, []string{"Forwarded"}},
		{"RFC 7239, proxies in a row", ForwardedStandard, gateway,
			[]string{`Forwarded: for=8.8.8.8;proto=https,for=192.0.2.1;proto=http`, `Forwarded: for=10.1.1.1;proto=https`}, "192.0.2.1:0", false,
			[]string{"Forwarded"}},
		{"RFC 7239, empty parts", ForwardedStandard, gateway, []string{`Forwarded: ,;for=192.0.2.1;`}, "192.0.2.1:0", false, []string{"Forwarded"}},
		{"RFC 7239, hidden", ForwardedStandard, gateway, []string{`Forwarded: for=_hidden`}, gateway, false, nil},
		{"RFC 7239, without for", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.1, proto=https`}, gateway, false, nil},
		{"RFC 7239, an open quote", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.7, for=";for=192.0.2.1`}, gateway, false, nil},
		{"RFC 7239, a quote that swallows", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.7;x=", for="192.0.2.1"`}, gateway, false, nil},
		{"RFC 7239, an open escape", ForwardedStandard, gateway, []string{`Forwarded: for="192.0.2.1\`}, gateway, false, nil},
		{"RFC 7239, twice", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.1;for=192.0.2.2`}, gateway, false, nil},
		{"RFC 7239, without a value", ForwardedStandard, gateway, []string{`Forwarded: for`}, gateway, false, nil},
		{"RFC 7239, an empty value", ForwardedStandard, gateway, []string{`Forwarded: for=`}, gateway, false, nil},
		{"RFC 7239, something between", ForwardedStandard, gateway, []string{`Forwarded: for=192.0.2.1 for=192.0.2.2`}, gateway, false, nil},
		{"RFC 7239, the other header", ForwardedStandard, gateway, []string{"X-Forwarded-For: 192.0.2.1"}, gateway, false, nil},
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := newForwarding(trusted, test.header)
			require.NoError(t, err)
			var got *http.Request
			handler := f.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.peer
			for _, header := range test.headers {
				name, value, _ := strings.Cut(header, ": ")
				r.Header.Add(name, value)
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)
			require.Equal(t, test.client, got.RemoteAddr)
			require.Equal(t, test.https, isSecure(got))
			var kept []string
			for _, name := range forwardingHeaders {
				if len(got.Header.Values(name)) > 0 {
					kept = append(kept, name)
				}
			}
			require.ElementsMatch(t, test.kept, kept)
		})
	}
}

// Whom nobody trusts can tell neither the log nor the service anything about where it is.
func TestForwardedHeadersOfClientsAreDropped(t *testing.T) {
	var (
		log       logBuffer
		forwarded metadata.MD
	)
	server := newServer(t, &users{get: func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		forwarded, _ = metadata.FromIncomingContext(ctx)
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, Config{
		RequestHeaders: []string{"X-Forwarded-For"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Logger:         slog.New(slog.NewJSONHandler(&log, nil)),
	})
	get := func(peer string) {
		r := httptest.NewRequest(http.MethodGet, "/api/users/1", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		server.ServeHTTP(httptest.NewRecorder(), r)
	}
	get("203.0.113.9:1")
	require.Empty(t, forwarded.Get("x-forwarded-for"))
	get("10.0.0.1:1")
	require.Equal(t, []string{"192.0.2.1"}, forwarded.Get("x-forwarded-for"))
	entries := log.entries(t)
	require.Equal(t, "203.0.113.9", entries[0]["client"])
	require.Equal(t, "192.0.2.1", entries[1]["client"])
}

func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{`for=192.0.2.1;proto=https, for="[::1]:1"`, `a="\"`, `;,=`} {
		f.Add(seed)
	}
	// What the proxy appends to whatever a client sends is believed, or nothing is.
	f.Fuzz(func(t *testing.T, text string) {
		hops, ok := readForwarded(http.Header{forwardedHeader: {text + `, for=192.0.2.1;by="[fd00::1]"`}})
		if ok {
			require.Equal(t, hop{client: netip.MustParseAddr("192.0.2.1")}, hops[len(hops)-1])
		}
	})
}
