package main

import (
	"time"

	"github.com/codingflow/rating/proxy/server"
)

// An admissionConfig says how much the proxy does at a time.
type admissionConfig struct {
	MaxInFlight          int           `env:"PROXY_MAX_IN_FLIGHT" default:"4096" help:"Calls in flight at most. Those beyond are refused at once, with 503."`
	MaxInFlightPerClient int           `env:"PROXY_MAX_IN_FLIGHT_PER_CLIENT" default:"1024" help:"Calls in flight of one principal, or else of one IPv4 address or IPv6 network of 64 bits, at most. Those beyond are refused with 429, and so are those of a client that has more than its share where there is little room."`
	MaxStreams           int           `env:"PROXY_MAX_STREAMS" default:"1024" help:"Streams at most, likewise; they do not count as calls."`
	MaxStreamsPerClient  int           `env:"PROXY_MAX_STREAMS_PER_CLIENT" default:"256" help:"Streams of one client at most, likewise."`
	MaxWait              time.Duration `env:"PROXY_MAX_WAIT" default:"1s" help:"How long a call may be expected to wait in its queue; twice as long if its client has no other. One that would wait for longer, or for more than half of its own time, is refused at once, with 429."`
}

// apply sets on a server's config what the admission's says.
func (a *admissionConfig) apply(config *server.Config) {
	config.MaxInFlight, config.MaxInFlightPerClient = a.MaxInFlight, a.MaxInFlightPerClient
	config.MaxStreams, config.MaxStreamsPerClient = a.MaxStreams, a.MaxStreamsPerClient
	config.MaxWait = a.MaxWait
}
