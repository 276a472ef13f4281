package main

import (
	"context"
	"errors"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	gatewayratingv1 "github.com/codingflow/rating/proto/gateway/rating/v1"
)

// serveGateway is grpc-gateway with what it generates from the same annotations, as its documentation sets it up.
func serveGateway(ctx context.Context, c *serveCommand, ready func(string)) error {
	conn, err := dial(c.GRPC)
	if err != nil {
		return err
	}
	mux := runtime.NewServeMux()
	if err := gatewayratingv1.RegisterRatingServiceHandler(ctx, mux, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	return errors.Join(serveHTTP(ctx, c, mux, ready), conn.Close())
}

// dial connects to the service's instances. Calls go to them in turns.
func dial(addresses []string) (*grpc.ClientConn, error) {
	instances := manual.NewBuilderWithScheme("instances")
	var state resolver.State
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	instances.InitialState(state)
	return grpc.NewClient("instances:///service", grpc.WithResolvers(instances), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
}
