package live_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/proxy/live"
	"github.com/codingflow/rating/proxy/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// full reports whether scenarios have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }

// describe returns the file of a service "<name>.v1.Service". Each method is GET /<name>/{name}/<method in lower case>,
// and its request and response are a message with a name.
func describe(t testing.TB, name string, methods ...string) protoreflect.FileDescriptor {
	t.Helper()
	message := "." + name + ".v1.Thing"
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Service")}
	for _, method := range methods {
		options := &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()}
		proto.SetExtension(options, annotations.E_Http, &annotations.HttpRule{
			Pattern: &annotations.HttpRule_Get{Get: fmt.Sprintf("/%s/{name}/%s", name, strings.ToLower(method))},
		})
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(method), InputType: &message, OutputType: &message, Options: options,
		})
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:       proto.String(name + "/v1/" + name + ".proto"),
		Package:    proto.String(name + ".v1"),
		Syntax:     proto.String("proto3"),
		Dependency: []string{"google/api/annotations.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Thing"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("name"), JsonName: proto.String("name"), Number: proto.Int32(1),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
		Service: []*descriptorpb.ServiceDescriptorProto{service},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return file
}

// implement returns a service of a file, whose methods answer "<method> <name>". Its streams are what watch makes of them.
func implement(file protoreflect.FileDescriptor, watch grpc.StreamHandler) *grpc.ServiceDesc {
	service := file.Services().Get(0)
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName())}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		name := method.Input().Fields().ByName("name")
		if method.IsStreamingServer() {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: string(method.Name()), ServerStreams: true, Handler: watch})
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: string(method.Name()),
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				thing := dynamicpb.NewMessage(method.Input())
				if err := decode(thing); err != nil {
					return nil, err
				}
				thing.Set(name, protoreflect.ValueOfString(fmt.Sprint(method.Name(), " ", thing.Get(name).String())))
				return thing, nil
			},
		})
	}
	return desc
}

// begin starts an instance of a service, which publishes its descriptors. stop drains it, and is called at the end of the
// test at the latest.
func begin(t testing.TB, nc *nats.Conn, file protoreflect.FileDescriptor) (worker *natsgrpc.Server, stop func()) {
	t.Helper()
	return beginWith(t, nc, file, nil)
}

// beginWith is begin for a service with streams.
func beginWith(t testing.TB, nc *nats.Conn, file protoreflect.FileDescriptor, watch grpc.StreamHandler) (worker *natsgrpc.Server, stop func()) {
	t.Helper()
	files := &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(file))
	worker, err := natsgrpc.NewServer(nc, natsgrpc.WithDescriptors(files), natsgrpc.WithPublishedDescriptors(), natsgrpc.WithLogger(quiet(t)))
	require.NoError(t, err)
	worker.RegisterService(implement(file, watch), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Serve(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return worker, stop
}

// quiet returns a logger for what a test tells of itself.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// proxy is a proxy that follows what is published, on a port of its own.
type proxy struct {
	*server.Server
	address string
	h1, h2  *http.Client
}

// follow runs a proxy without services of its own until the test ends.
func follow(t testing.TB, nc *nats.Conn) *proxy {
	t.Helper()
	files := &protoregistry.Files{}
	descriptors := server.NewDescriptors(files)
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithDescriptors(descriptors), natsgrpc.WithLogger(quiet(t)))
	require.NoError(t, err)
	srv, err := server.New(conn, server.Config{Files: files, Descriptors: descriptors, Logger: quiet(t)})
	require.NoError(t, err)
	stopFollowing, err := live.Follow(t.Context(), nc, srv, soon, quiet(t))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, listener) }()

	overHTTP2 := new(http.Protocols)
	overHTTP2.SetUnencryptedHTTP2(true)
	first, second := &http.Transport{MaxIdleConnsPerHost: 16, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}, &http.Transport{Protocols: overHTTP2}
	t.Cleanup(func() {
		first.CloseIdleConnections()
		second.CloseIdleConnections()
		cancel()
		require.NoError(t, <-done)
		stopFollowing()
		require.NoError(t, conn.Close())
	})
	return &proxy{
		Server: srv, address: listener.Addr().String(),
		h1: &http.Client{Transport: first, Timeout: soon}, h2: &http.Client{Transport: second, Timeout: soon},
	}
}

// get returns the status and the body of a resource of the API.
func (p *proxy) get(t testing.TB, client *http.Client, path string) (int, string) {
	t.Helper()
	response, err := client.Get("http://" + p.address + "/api" + path)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// routes returns how many bindings there are.
func (p *proxy) routes() int { return len(p.API().Bindings()) }

// await waits until there are as many bindings.
func (p *proxy) await(t testing.TB, routes int) {
	t.Helper()
	require.Eventually(t, func() bool { return p.routes() == routes }, soon, time.Millisecond, "there are other than %d routes", routes)
}
