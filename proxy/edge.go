package main

import (
	"net/netip"

	"github.com/codingflow/rating/proxy/server"
)

// An edgeConfig says what is between the proxy and its clients.
type edgeConfig struct {
	TrustedProxies  []netip.Prefix `env:"PROXY_TRUSTED_PROXIES" placeholder:"CIDR" help:"Addresses of load balancers and gateways that are believed when they say for whom they ask, such as 10.0.0.0/8. Default: none."`
	ForwardedHeader string         `env:"PROXY_FORWARDED_HEADER" enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" help:"Header in which they say it; x-forwarded-proto goes with x-forwarded-for. The other one is dropped."`
}

// apply sets on a server's config what the edge's says.
func (e *edgeConfig) apply(config *server.Config) error {
	config.TrustedProxies, config.ForwardedHeader = e.TrustedProxies, e.ForwardedHeader
	return nil
}
