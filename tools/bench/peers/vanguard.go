package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"

	"connectrpc.com/vanguard"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// serveVanguard is vanguard in front of a reverse proxy to a server that speaks gRPC only, which its documentation names as
// a use of it.
func serveVanguard(ctx context.Context, c *serveCommand, ready func(string)) error {
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	transport.Protocols.SetUnencryptedHTTP2(true) // gRPC without TLS
	defer transport.CloseIdleConnections()
	backend := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: c.GRPC})
	backend.Transport = transport
	transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{vanguard.NewService(
		ratingv1.RatingService_ServiceDesc.ServiceName, backend,
		vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs(vanguard.CodecProto))})
	if err != nil {
		return err
	}
	return serveHTTP(ctx, c, transcoder, ready)
}
