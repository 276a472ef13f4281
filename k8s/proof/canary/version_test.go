package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

// The next version answers what the deployed one has, and the two methods more.
func TestTheNextVersionHasTwoMethodsMore(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	next, err := nextVersion()
	require.NoError(t, err)
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rating.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	srv, err := server.New(st, server.WithRequestID(natsgrpc.RequestID))
	require.NoError(t, err)
	transport, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(next), natsgrpc.WithUnaryInterceptors(srv.Interceptor()))
	require.NoError(t, err)
	srv.Register(extended{transport})
	defer natsgrpctest.Serve(t, transport)()
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(next))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()

	const service = "/rating.v1.CatalogService/"
	_, err = ratingv1.NewCatalogServiceClient(conn).GetService(t.Context(), &ratingv1.GetServiceRequest{Name: "services/none"})
	require.Equal(t, codes.NotFound, status.Code(err))
	err = conn.Invoke(t.Context(), service+"ProbeService", &ratingv1.GetServiceRequest{Name: "services/none"}, &ratingv1.Service{})
	require.Equal(t, codes.NotFound, status.Code(err))
	err = conn.Invoke(t.Context(), service+"ProbeService", &ratingv1.GetServiceRequest{}, &ratingv1.Service{})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	echoed := new(ratingv1.Service)
	require.NoError(t, conn.Invoke(t.Context(), service+"EchoService", &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Café"}}, echoed))
	require.Equal(t, "Café", echoed.GetDisplayName())
}
