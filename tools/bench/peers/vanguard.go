package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"

	"connectrpc.com/vanguard"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// serveVanguard is vanguard in front of a reverse proxy to a server that speaks gRPC only, which its documentation names as
// a use of it. Calls go to the servers in turns.
func serveVanguard(ctx context.Context, c *serveCommand, ready func(string)) error {
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	transport.Protocols.SetUnencryptedHTTP2(true) // gRPC without TLS
	defer transport.CloseIdleConnections()
	backends := make([]http.Handler, len(c.GRPC))
	for i, address := range c.GRPC {
		backend := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
		backend.Transport = transport
		backends[i] = backend
	}
	var calls atomic.Uint64
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backends[calls.Add(1)%uint64(len(backends))].ServeHTTP(w, r)
	})
	transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{vanguard.NewService(
		ratingv1.RatingService_ServiceDesc.ServiceName, backend,
		vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs(vanguard.CodecProto))})
	if err != nil {
		return err
	}
	return serveHTTP(ctx, c, transcoder, ready)
}
