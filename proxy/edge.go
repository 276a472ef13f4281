package main

import (
	"errors"
	"net/netip"
	"time"

	"github.com/codingflow/rating/proxy/server"
)

// An edgeConfig says what is between the proxy and its clients.
type edgeConfig struct {
	TLSCert                 string         `name:"tls-cert" env:"PROXY_TLS_CERT" placeholder:"FILE" help:"Certificate to serve HTTPS with, in PEM, followed by those of its issuers. It is read again when it changes. Default: none, which is HTTP."`
	TLSKey                  string         `name:"tls-key" env:"PROXY_TLS_KEY" placeholder:"FILE" help:"Key of the certificate, in PEM."`
	HSTS                    time.Duration  `name:"hsts" env:"PROXY_HSTS" default:"0s" help:"How long browsers that have come by HTTPS must not come by HTTP any more (Strict-Transport-Security), to no port of the host; 0s for no such order. It cannot be taken back."`
	CORSOrigins             []string       `name:"cors-origin" env:"PROXY_CORS_ORIGINS" placeholder:"ORIGIN" help:"Other sites whose pages may use the API, such as https://app.example.com, or * for all. Default: none."`
	TrustedProxies          []netip.Prefix `env:"PROXY_TRUSTED_PROXIES" placeholder:"CIDR" help:"Addresses of load balancers and gateways that are believed when they say for whom they ask, such as 10.0.0.0/8. Default: none."`
	ForwardedHeader         string         `env:"PROXY_FORWARDED_HEADER" enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" help:"Header in which they say it; x-forwarded-proto goes with x-forwarded-for. The other one is dropped."`
	ReadTimeout             time.Duration  `env:"PROXY_READ_TIMEOUT" default:"30s" help:"How long a request may take to arrive with its body; streams may take longer."`
	StreamIdle              time.Duration  `env:"PROXY_STREAM_IDLE" default:"2m" help:"How long a stream waits for its client, to send more of a body or to take more of the answer."`
	MaxConnections          int            `env:"PROXY_MAX_CONNECTIONS" default:"10000" help:"Connections at most. Those beyond are closed at once."`
	MaxConnectionsPerClient int            `env:"PROXY_MAX_CONNECTIONS_PER_CLIENT" default:"1000" help:"Connections of one IPv4 address, or IPv6 network of 64 bits, at most. Trusted proxies have no such limit."`
}

// apply sets on a server's config what the edge's says.
func (e *edgeConfig) apply(config *server.Config) error {
	config.TrustedProxies, config.ForwardedHeader = e.TrustedProxies, e.ForwardedHeader
	config.ReadTimeout, config.StreamIdle = e.ReadTimeout, e.StreamIdle
	config.MaxConnections, config.MaxConnectionsPerClient = e.MaxConnections, e.MaxConnectionsPerClient
	config.HSTS, config.CORSOrigins = e.HSTS, e.CORSOrigins
	if (e.TLSCert == "") != (e.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if e.TLSCert == "" {
		return nil
	}
	var err error
	config.Certificate, err = server.LoadCertificate(e.TLSCert, e.TLSKey)
	return err
}

// scheme returns the scheme of the proxy's URLs.
func (e *edgeConfig) scheme() string {
	if e.TLSCert != "" {
		return "https"
	}
	return "http"
}
