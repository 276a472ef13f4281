package natsgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 10 * time.Second

// atOnce bounds what waits for nothing: half of the time of a call, so that a busy machine, which may take a second for what
// else takes a millisecond, is not taken for a wait until the call's deadline.
const atOnce = 5 * time.Second

// serve runs a server over nc until the test ends.
func serve(t *testing.T, nc *nats.Conn, register func(grpc.ServiceRegistrar), options ...natsgrpc.ServerOption) {
	t.Helper()
	srv, err := natsgrpc.NewServer(nc, options...)
	require.NoError(t, err)
	register(srv)
	stop := serveUntil(t, srv)
	t.Cleanup(func() { require.NoError(t, stop()) })
}

// connect returns a connection over nc that is closed when the test ends.
func connect(t testing.TB, nc *nats.Conn, options ...natsgrpc.ConnOption) *natsgrpc.Conn {
	t.Helper()
	conn, err := natsgrpc.NewConn(nc, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// describe returns the descriptors of an EchoService whose delivery options, and those of its Command, are changed.
func describe(t testing.TB, change func(*natsgrpcv1.ServiceDelivery, *natsgrpcv1.MethodDelivery)) *protoregistry.Files {
	t.Helper()
	file := protodesc.ToFileDescriptorProto(pb.File_natsgrpctest_v1_echo_proto)
	service := file.GetService()[0]
	for _, method := range service.GetMethod() {
		if method.GetName() != "Command" {
			continue
		}
		delivery := proto.GetExtension(service.GetOptions(), natsgrpcv1.E_Service).(*natsgrpcv1.ServiceDelivery)
		methodDelivery := proto.GetExtension(method.GetOptions(), natsgrpcv1.E_Method).(*natsgrpcv1.MethodDelivery)
		change(delivery, methodDelivery)
		proto.SetExtension(service.GetOptions(), natsgrpcv1.E_Service, delivery)
		proto.SetExtension(method.GetOptions(), natsgrpcv1.E_Method, methodDelivery)
	}
	described, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(described))
	return files
}

// result is what a call returned.
type result struct {
	answer string
	err    error
}

// begin makes a call in another goroutine.
func begin(ctx context.Context, call func(context.Context) (string, error)) <-chan result {
	done := make(chan result, 1)
	go func() {
		answer, err := call(ctx)
		done <- result{answer, err}
	}()
	return done
}

// await returns what a channel gives soon.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	return natsgrpctest.Await(t, soon, what, from)
}
