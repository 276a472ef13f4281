package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
	"github.com/codingflow/rating/telemetry/otlptest"
)

func TestRunServes(t *testing.T) {
	cfg := &config{
		Listen: "127.0.0.1:0", API: "/api", DrainTimeout: 10 * time.Second,
		Observe: observeConfig{AdminListen: "127.0.0.1:0"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	var log otlptest.Log
	go func() { ran <- run(ctx, cfg, log.Logger()) }()
	root := strings.TrimSuffix(log.Await(t, "serving", "url"), "/ui/")
	response, err := http.Get(root + "/healthz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	response, err = http.Get(log.Await(t, "serving metrics", "url"))
	require.NoError(t, err)
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Contains(t, string(metrics), "web_build_info{")
	require.Contains(t, string(metrics), `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/healthz",url_scheme="http"}`)
	cancel()
	require.NoError(t, <-ran)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	for want, cfg := range map[string]*config{
		"^cannot listen on 127.0.0.1:[0-9]+: the address is in use; choose another with --listen$": {Listen: busy.Addr().String(), API: "/api"},
		"^cannot listen on nowhere: ":                     {Listen: "nowhere", API: "/api"},
		"^--oidc-issuer needs --signin-api$":              {Listen: "127.0.0.1:0", API: "/api", Issuer: "https://issuer.example"},
		"^sign-in: the --signin flags need --oidc-issuer": {Listen: "127.0.0.1:0", API: "/api", SignIn: signin.Config{ClientID: "app"}},
		"^--admin-pprof needs --admin-listen$":            {Listen: "127.0.0.1:0", API: "/api", Observe: observeConfig{AdminPprof: true}},
		"^cannot listen on 127.0.0.1:[0-9]+: .*: address already in use; choose another address with --admin-listen$": {
			Listen: "127.0.0.1:0", API: "/api", Observe: observeConfig{AdminListen: busy.Addr().String()},
		},
		"^web: the API's address \"x\" is neither a path": {Listen: "127.0.0.1:0", API: "x"},
	} {
		require.Regexp(t, want, run(t.Context(), cfg, slog.New(slog.DiscardHandler)).Error())
	}
}

// With an issuer the app is told to call the API through this program.
func TestRunSignsPeopleIn(t *testing.T) {
	issuer := signintest.New(t)
	cfg := &config{
		Listen: "127.0.0.1:0", API: "/api", DrainTimeout: 10 * time.Second,
		Issuer: issuer.URL, Upstream: "http://127.0.0.1:1/api",
		SignIn: signin.Config{ClientID: signintest.ClientID, PublicURL: "https://app.example", Keys: []string{signin.NewKey()}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	var log otlptest.Log
	go func() { ran <- run(ctx, cfg, log.Logger()) }()
	response, err := http.Get(log.Await(t, "serving", "url") + "auth/session")
	require.NoError(t, err)
	session, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.JSONEq(t, `{"signIn": true, "signedIn": false, "api": "/ui/api"}`, string(session))
	cancel()
	require.NoError(t, <-ran)
}
