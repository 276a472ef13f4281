package server

import (
	"net/http"
	"time"
)

// limits are those of a connection, beside those of the config.
type limits struct {
	read       time.Duration // the whole request; streams have no limit
	writeSlack time.Duration // to send the answer, after the time to read the request and for the call; streams as above
	ping       time.Duration // how long an HTTP/2 connection may be silent before it has to answer a ping within 15 s
	stall      time.Duration // how long an HTTP/2 connection may take no bytes that are there for it
}

var defaultLimits = limits{
	read:       30 * time.Second, // DefaultMaxBody at 0.3 Mbit/s
	writeSlack: 10 * time.Second,
	ping:       30 * time.Second,
	stall:      30 * time.Second,
}

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// closeGrace is how long requests have to end after they were cut off.
	closeGrace = time.Second
	// streamWindow and connectionWindow bound what HTTP/2 clients send ahead, in bytes. net/http's own are 1 MiB for both,
	// so that a single upload that nobody reads stops all other requests of its connection; here it takes 64 of them.
	streamWindow     = 64 << 10
	connectionWindow = 4<<20 - 1 // the most that net/http takes
)

// apply sets the limits on a server whose calls take as long as timeout, and the protocols that it speaks.
func (l limits) apply(server *http.Server, timeout time.Duration) {
	server.ReadTimeout = l.read
	server.WriteTimeout = l.read + timeout + l.writeSlack
	server.IdleTimeout = idleTimeout
	server.MaxHeaderBytes = maxHeaderBytes
	server.HTTP2 = &http.HTTP2Config{
		MaxReceiveBufferPerStream:     streamWindow,
		MaxReceiveBufferPerConnection: connectionWindow,
		SendPingTimeout:               l.ping,
		WriteByteTimeout:              l.stall,
	}
	// gRPC needs HTTP/2, and where there is no TLS, the client knows beforehand that it is spoken.
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
}
