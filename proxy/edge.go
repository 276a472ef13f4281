package main

import (
	"net/netip"

	"github.com/codingflow/rating/proxy/server"
)

// An edgeConfig says what is between the proxy and its clients.
type edgeConfig struct {
	TrustedProxies          []netip.Prefix `env:"PROXY_TRUSTED_PROXIES" placeholder:"CIDR" help:"Addresses of load balancers and gateways that are believed when they say for whom they ask, such as 10.0.0.0/8. Default: none."`
	ForwardedHeader         string         `env:"PROXY_FORWARDED_HEADER" enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" help:"Header in which they say it; x-forwarded-proto goes with x-forwarded-for. The other one is dropped."`
	MaxConnections          int            `env:"PROXY_MAX_CONNECTIONS" default:"10000" help:"Connections at most. Those beyond are closed at once."`
	MaxConnectionsPerClient int            `env:"PROXY_MAX_CONNECTIONS_PER_CLIENT" default:"1000" help:"Connections of one IPv4 address, or IPv6 network of 64 bits, at most. Trusted proxies have no such limit."`
}

// apply sets on a server's config what the edge's says.
func (e *edgeConfig) apply(config *server.Config) error {
	config.TrustedProxies, config.ForwardedHeader = e.TrustedProxies, e.ForwardedHeader
	config.MaxConnections, config.MaxConnectionsPerClient = e.MaxConnections, e.MaxConnectionsPerClient
	return nil
}
