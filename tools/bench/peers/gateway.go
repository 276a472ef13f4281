package main

import (
	"context"
	"errors"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	gatewayratingv1 "github.com/codingflow/rating/proto/gateway/rating/v1"
)

// serveGateway is grpc-gateway with what it generates from the same annotations, as its documentation sets it up.
func serveGateway(ctx context.Context, c *serveCommand, ready func(string)) error {
	conn, err := grpc.NewClient(c.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	mux := runtime.NewServeMux()
	if err := gatewayratingv1.RegisterRatingServiceHandler(ctx, mux, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	return errors.Join(serveHTTP(ctx, c, mux, ready), conn.Close())
}
