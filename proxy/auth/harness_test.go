package auth_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// authenticator returns one of a provider's tokens, and its log at all levels.
func authenticator(t testing.TB, p *authtest.Provider, opts ...auth.Option) (*auth.Authenticator, *log) {
	t.Helper()
	l := &log{}
	logger := slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if !strings.HasPrefix(p.Issuer, "http://") {
		opts = append(opts, auth.WithHTTPClient(p.Client()))
	}
	a, err := auth.New(p.Issuer, []string{"https://another.example", authtest.Audience}, append(opts, auth.WithLogger(logger))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a, l
}

// bearer is a header with a token.
func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// call is what Authorize has returned.
type call struct {
	principal auth.Principal
	metadata  metadata.MD
	err       error
}

// closed is a method without options, which needs a token.
var closed = healthpb.File_grpc_health_v1_health_proto.Services().ByName("Health").Methods().ByName("Check")

// authorize authorizes a call of a method that needs a token and no scope.
func authorize(t testing.TB, a *auth.Authenticator, header http.Header) call {
	t.Helper()
	return authorizeMethod(t, a, closed, header)
}

func authorizeMethod(t testing.TB, a *auth.Authenticator, m protoreflect.MethodDescriptor, header http.Header) call {
	t.Helper()
	ctx, md, err := a.Authorize(t.Context(), m, header)
	if err != nil {
		require.Nil(t, ctx)
		require.Nil(t, md)
		return call{err: err}
	}
	principal, _ := auth.PrincipalFrom(ctx)
	return call{principal: principal, metadata: md}
}

// refused is an error as a client gets it.
type refused struct {
	code      codes.Code
	reason    string
	message   string
	challenge string
}

func refusedOf(t testing.TB, err error) refused {
	t.Helper()
	var e *auth.Error
	require.ErrorAs(t, err, &e)
	st := status.Convert(err)
	require.Equal(t, "auth: "+st.Message(), err.Error())
	info := st.Details()[0].(*errdetails.ErrorInfo)
	require.Equal(t, "auth.v1", info.GetDomain())
	return refused{st.Code(), info.GetReason(), st.Message(), e.Header().Get("WWW-Authenticate")}
}

// reason is why a call was refused, "" if it was not.
func (c call) reason(t testing.TB) string {
	t.Helper()
	if c.err == nil {
		return ""
	}
	return refusedOf(t, c.err).reason
}

// requireNoPart requires that a text has no part of a secret, 10 bytes or more.
func requireNoPart(t testing.TB, secret, text, what string) {
	t.Helper()
	for i := 0; i+10 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+10]) {
			t.Fatalf("%s has %q in it: %s", what, secret[i:i+10], text)
		}
	}
}
