package faults

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
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

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	jsonwiretestv1 "github.com/codingflow/rating/proto/jsonwiretest/v1"
	streampb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// slots is how many calls of each kind the service runs at a time.
const slots = 64

// full reports whether the tests have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }

// many returns a number of clients.
func many(n int) int {
	if full() {
		return 10 * n
	}
	return n
}

// users is a user service that notes what reaches it. GetUser is the test's.
type users struct {
	ratingv1.UnimplementedUserServiceServer
	get func(context.Context, *ratingv1.GetUserRequest) (*ratingv1.User, error)

	mu    sync.Mutex
	names []string
}

func (u *users) note(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.names = append(u.names, name)
}

// take returns what has reached the service since it was called last.
func (u *users) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	names := u.names
	u.names = nil
	return names
}

func (u *users) GetUser(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	u.note(r.GetName())
	if u.get != nil {
		return u.get(ctx, r)
	}
	return &ratingv1.User{Name: r.GetName()}, nil
}

func (u *users) CreateUser(_ context.Context, r *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	u.note(r.GetUser().GetDisplayName())
	return r.GetUser(), nil
}

// trees is a service that answers a Tree with its name.
var trees = grpc.ServiceDesc{
	ServiceName: "faults.v1.TreeService",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Shake",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			tree := &jsonwiretestv1.Tree{}
			if err := decode(tree); err != nil {
				return nil, err
			}
			return &jsonwiretestv1.Tree{Name: tree.GetName()}, nil
		},
	}, {
		MethodName: "Count",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			numbers := &jsonwiretestv1.Singular{}
			return numbers, decode(numbers)
		},
	}},
}

// files returns the descriptors of the rating API, of the StreamService and of the TreeService, the latter two with bindings.
func files(t testing.TB) *protoregistry.Files {
	t.Helper()
	all := &protoregistry.Files{}
	server.BuiltIn().RangeFiles(func(file protoreflect.FileDescriptor) bool {
		return all.RegisterFile(file) == nil
	})
	add := func(file *descriptorpb.FileDescriptorProto) {
		built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		require.NoError(t, err)
		require.NoError(t, all.RegisterFile(built))
	}
	streams := protodesc.ToFileDescriptorProto(streampb.File_natsgrpctest_v1_stream_proto)
	for _, method := range streams.GetService()[0].GetMethod() {
		switch method.GetName() {
		case "Download":
			bind(method, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: "/download"}})
		case "Upload":
			bind(method, &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: "/upload"}, Body: "*"})
		}
	}
	add(streams)
	tree, singular := (&jsonwiretestv1.Tree{}).ProtoReflect().Descriptor(), (&jsonwiretestv1.Singular{}).ProtoReflect().Descriptor()
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("TreeService")}
	for name, message := range map[string]protoreflect.MessageDescriptor{"Shake": tree, "Count": singular} {
		method := &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String("." + string(message.FullName())), OutputType: proto.String("." + string(message.FullName())),
		}
		bind(method, &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: "/" + strings.ToLower(name)}, Body: "*"})
		service.Method = append(service.Method, method)
	}
	add(&descriptorpb.FileDescriptorProto{
		Name: proto.String("faults/v1/tree.proto"), Package: proto.String("faults.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{tree.ParentFile().Path(), singular.ParentFile().Path()},
		Service:    []*descriptorpb.ServiceDescriptorProto{service},
	})
	return all
}

func bind(method *descriptorpb.MethodDescriptorProto, rule *annotations.HttpRule) {
	if method.Options == nil {
		method.Options = &descriptorpb.MethodOptions{}
	}
	proto.SetExtension(method.GetOptions(), annotations.E_Http, rule)
}

// world is a proxy with its queues and, unless a test has none, its service.
type world struct {
	t       testing.TB
	files   *protoregistry.Files
	users   *users
	streams *natsgrpctest.Streams
	nc      *nats.Conn
	address string
	// trusted is what certificate the proxy has, nil if it speaks no TLS.
	trusted *x509.CertPool
	server  *server.Server
	// stopService stops the service that the world has begun with.
	stopService func()
}

// newWorld runs a proxy and its service in front of a NATS server at url until the test ends.
func newWorld(t testing.TB, url string, config server.Config) *world {
	t.Helper()
	w := &world{t: t, files: files(t), users: &users{}, streams: &natsgrpctest.Streams{}}
	w.stopService = w.work(url)
	w.nc = connect(t, url)
	conn, err := natsgrpc.NewConn(w.nc, natsgrpc.WithDescriptors(w.files), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	config.Files = w.files
	config.Logger = slog.New(slog.DiscardHandler)
	config.RequestHeaders = []string{"X-Tenant"}
	config.Ready = func(context.Context) error {
		if !w.nc.IsConnected() {
			return errors.New("no connection to NATS")
		}
		return nil
	}
	w.server, err = server.New(conn, config)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.address = listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		open, _ := w.server.Connections()
		require.Zero(t, open, "connections are left")
	})
	return w
}

// newDefaultWorld is newWorld with a NATS server of its own.
func newDefaultWorld(t testing.TB, config server.Config) *world {
	t.Helper()
	return newWorld(t, natsgrpctest.NewServer(t).ClientURL(), config)
}

// connect returns a connection to NATS that is closed when the test ends.
func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// work runs the service until the test ends, or until it is stopped.
func (w *world) work(url string) (stop func()) {
	w.t.Helper()
	worker, err := natsgrpc.NewServer(connect(w.t, url), natsgrpc.WithDescriptors(w.files), natsgrpc.WithSlots(slots, slots))
	require.NoError(w.t, err)
	ratingv1.RegisterUserServiceServer(worker, w.users)
	streampb.RegisterStreamServiceServer(worker, w.streams)
	worker.RegisterService(&trees, nil)
	return natsgrpctest.Serve(w.t, worker)
}

// dial opens a connection that is closed when the test ends.
func (w *world) dial() net.Conn {
	w.t.Helper()
	return w.dialProtocol("http/1.1")
}

// last is a request after which the server closes the connection.
const last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// exchange sends raw bytes on a connection of their own and returns all answers until the server closes it: "status body".
func (w *world) exchange(requests string) []string {
	w.t.Helper()
	conn := w.dial()
	go func() { _, _ = io.WriteString(conn, requests) }() // the server may not take it all
	return answers(w.t, conn)
}

func answers(t testing.TB, conn net.Conn) []string {
	t.Helper()
	all := []string{}
	reader := bufio.NewReader(conn)
	for {
		if _, err := reader.Peek(1); err != nil {
			// What the server has not read makes it reset the connection.
			if !errors.Is(err, syscall.ECONNRESET) {
				require.Equal(t, io.EOF, err, "the connection stays open after %q", all)
			}
			return all
		}
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // its end is read already
		if !errors.Is(err, syscall.ECONNRESET) {
			require.NoError(t, err)
		}
		all = append(all, fmt.Sprintf("%d %s", response.StatusCode, body))
	}
}

// requireHealthy checks that the proxy and its service answer.
func (w *world) requireHealthy() {
	w.t.Helper()
	require.Equal(w.t, []string{`200 {"name":"users/healthy","displayName":"","email":"","etag":""}`, "200 ok\n"},
		w.exchange("GET /api/users/healthy HTTP/1.1\r\nHost: x\r\n\r\n"+last))
}

// post returns a request with a JSON body.
func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// receive receives from a channel.
func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	return natsgrpctest.Await(t, soon, what, from)
}
