package server

import (
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/transcode"
)

// limits are those times of a connection that tests shorten, beside the limits of the config. docs/security.md has all in a
// table.
type limits struct {
	writeSlack time.Duration // to send the answer, after the time to read the request and for the call; streams have their own
	ping       time.Duration // how long an HTTP/2 connection may be silent before it has to answer a ping
	pong       time.Duration // how long it has for that
	stall      time.Duration // how long an HTTP/2 connection may take no bytes that are there for it
}

var defaultLimits = limits{
	writeSlack: 10 * time.Second,
	ping:       30 * time.Second,
	pong:       15 * time.Second,
	stall:      30 * time.Second,
}

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	// closeGrace is how long requests have to end after they were cut off.
	closeGrace = time.Second

	// maxHeaderBytes bounds the request line and the headers together. net/http answers what is larger, with 431.
	maxHeaderBytes = 64 << 10
	// maxHeaders bounds the number of header lines: small ones take many times their bytes, for as long as the call does.
	maxHeaders = 256
	// maxTarget bounds the path and the query, in bytes: twice what RFC 9110 (section 4.1) asks every server to take.
	maxTarget = 16 << 10

	// maxStreams bounds the calls at a time of an HTTP/2 connection. net/http closes a connection that has four times as many
	// waiting, as after a flood of calls that are cancelled at once.
	maxStreams = 250
	// maxFrame bounds the frames of HTTP/2 that clients send, in bytes. A connection keeps a buffer as large as the largest that
	// has come, for which net/http's own bound is 1 MiB. This is the least that the protocol allows.
	maxFrame = 16 << 10
	// streamWindow and connectionWindow bound what HTTP/2 clients send ahead, in bytes. net/http's own are 1 MiB for both,
	// so that a single upload that nobody reads stops all other requests of its connection; here it takes 64 of them.
	streamWindow     = 64 << 10
	connectionWindow = 4<<20 - 1 // the most that net/http takes
)

// apply sets the limits on a server whose requests arrive within read and whose calls take as long as call, and the protocols
// that it speaks.
func (l limits) apply(server *http.Server, read, call time.Duration) {
	server.ReadHeaderTimeout = min(readHeaderTimeout, read)
	server.ReadTimeout = read
	server.WriteTimeout = read + call + l.writeSlack
	server.IdleTimeout = idleTimeout
	server.MaxHeaderBytes = maxHeaderBytes
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReadFrameSize:              maxFrame,
		MaxReceiveBufferPerStream:     streamWindow,
		MaxReceiveBufferPerConnection: connectionWindow,
		SendPingTimeout:               l.ping,
		PingTimeout:                   l.pong,
		WriteByteTimeout:              l.stall,
	}
	// gRPC needs HTTP/2, and where there is no TLS, the client knows beforehand that it is spoken.
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
}

// withHeaderLimits refuses what net/http lets through of headers and paths.
func withHeaderLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxTarget {
			transcode.WriteErrorAs(w, r, http.StatusRequestURITooLong,
				status.New(codes.InvalidArgument, fmt.Sprintf("the path and the query are longer than %d bytes", maxTarget)))
			return
		}
		lines := 0
		for _, values := range r.Header {
			lines += len(values)
		}
		if lines > maxHeaders {
			transcode.WriteErrorAs(w, r, http.StatusRequestHeaderFieldsTooLarge,
				status.New(codes.InvalidArgument, fmt.Sprintf("there are more than %d headers", maxHeaders)))
			return
		}
		next.ServeHTTP(w, r)
	})
}
