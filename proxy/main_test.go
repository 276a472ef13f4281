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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func newConfig(nats string) *config {
	return &config{
		NATS: natsdial.Config{URL: nats}, Listen: "127.0.0.1:0", Prefix: "/api", Timeout: 10 * time.Second, MaxBody: 4 << 20, DrainTimeout: 10 * time.Second,
	}
}

// users knows one user.
type users struct {
	ratingv1.UnimplementedUserServiceServer
}

func (users) GetUser(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	if r.GetName() != "users/ada" {
		return nil, status.Errorf(codes.NotFound, "no user %s", r.GetName())
	}
	return &ratingv1.User{Name: r.GetName()}, nil
}

// A request goes through NATS and back, and the end of the context drains.
func TestRunServes(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	worker, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(worker, users{})
	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- worker.Serve(ctx) }()
	<-worker.Ready()

	cfg := newConfig(ns.ClientURL())
	cfg.Listen = closedAddress(t)
	cfg.APITitle, cfg.APIVersion = "Users and more", "2.1"
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool { return get(t, cfg, "/readyz") == "200 ok\n" }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, `200 {"name":"users/ada","displayName":"","email":"","etag":""}`, get(t, cfg, "/api/users/ada"))
	require.Equal(t, `404 {"error":{"code":404,"message":"no user users/bob","status":"NOT_FOUND"}}`, get(t, cfg, "/api/users/bob"))
	require.Contains(t, get(t, cfg, "/openapi.json"), `"info":{"title":"Users and more","description":"`)
	require.Contains(t, get(t, cfg, "/openapi.json"), `","version":"2.1"}`)

	stop()
	require.NoError(t, <-ran)
	require.NoError(t, <-worked)
}

// get returns the status and the body of a path, or why there is none.
func get(t *testing.T, cfg *config, path string) string {
	t.Helper()
	response, err := http.Get("http://" + cfg.Listen + path)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.Status[:4] + string(body)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	tests := []struct {
		name   string
		change func(*config)
		want   string
	}{
		{
			"NATS", func(c *config) { c.NATS.URL = "nats://me:secret@" + closedAddress(t) },
			`^cannot reach NATS at nats://me:xxxxx@127.0.0.1:[0-9]+: nats: no servers available for connection$`,
		},
		{
			"credentials", func(c *config) { c.NATS.Creds = "/no/such/file" },
			`^cannot use --nats-creds: nats: open /no/such/file: no such file or directory$`,
		},
		{
			"busy port", func(c *config) { c.Listen = busy.Addr().String() },
			`^cannot listen on 127.0.0.1:[0-9]+: the address is in use; choose another with --listen$`,
		},
		{
			"address", func(c *config) { c.Listen = "127.0.0.1" },
			`^cannot listen on 127.0.0.1: listen tcp: address 127.0.0.1: missing port in address$`,
		},
		{
			"descriptors", func(c *config) { c.Descriptors = "/no/such/file" },
			`^read descriptors: open /no/such/file: no such file or directory$`,
		},
		{
			"tokens", func(c *config) { c.OIDC.Issuer = "https://issuer.example" },
			`^--oidc-issuer needs --oidc-audience: tokens that are meant for others must be refused$`,
		},
		{
			"certificate without a key", func(c *config) { c.Edge.TLSCert = "tls.crt" },
			`^--tls-cert and --tls-key go together$`,
		},
		{
			"certificate", func(c *config) { c.Edge.TLSCert, c.Edge.TLSKey = "/no/such/tls.crt", "/no/such/tls.key" },
			`^read certificate: open /no/such/tls.crt: no such file or directory\nopen /no/such/tls.key: no such file or directory$`,
		},
		{
			"pprof", func(c *config) { c.Observe.AdminPprof = true },
			`^--admin-pprof needs --admin-listen$`,
		},
		{
			"admin", func(c *config) { c.Observe.AdminListen = busy.Addr().String() },
			`^cannot listen on 127.0.0.1:[0-9]+: listen tcp 127.0.0.1:[0-9]+: bind: address already in use; choose another address with --admin-listen$`,
		},
		{
			"traces", func(c *config) { c.Observe.Endpoint = "collector" },
			`^--otlp-endpoint is not a URL such as http://127.0.0.1:4318$`,
		},
		{"prefix", func(c *config) { c.Prefix = "api" }, `^server: prefix "api" does not start with /$`},
		{"public prefix", func(c *config) { c.PublicPrefix = "api" }, `^server: public prefix "api" does not start with /$`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := newConfig(ns.ClientURL())
			test.change(cfg)
			require.Regexp(t, test.want, run(t.Context(), cfg, slog.New(slog.DiscardHandler)).Error())
		})
	}
}

// closedAddress returns an address on which nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
