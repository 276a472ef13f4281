package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
)

func TestRunServes(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := &config{
		Listen: free.Addr().String(), API: "/api", DrainTimeout: 10 * time.Second,
		Observe: observeConfig{AdminListen: admin.Addr().String()},
	}
	require.NoError(t, free.Close())
	require.NoError(t, admin.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + cfg.Listen + "/healthz")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, 20*time.Second, 10*time.Millisecond)
	response, err := http.Get("http://" + cfg.Observe.AdminListen + "/metrics")
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
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	issuer := signintest.New(t)
	cfg := &config{
		Listen: free.Addr().String(), API: "/api", DrainTimeout: 10 * time.Second,
		Issuer: issuer.URL, Upstream: "http://127.0.0.1:1/api",
		SignIn: signin.Config{ClientID: signintest.ClientID, PublicURL: "http://" + free.Addr().String(), Keys: []string{signin.NewKey()}},
	}
	require.NoError(t, free.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	var session []byte
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + cfg.Listen + "/ui/auth/session")
		if err != nil {
			return false
		}
		session, err = io.ReadAll(response.Body)
		return err == nil && response.Body.Close() == nil
	}, 20*time.Second, 10*time.Millisecond)
	require.JSONEq(t, `{"signIn": true, "signedIn": false, "api": "/ui/api"}`, string(session))
	cancel()
	require.NoError(t, <-ran)
}
