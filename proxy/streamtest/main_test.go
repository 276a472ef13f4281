package streamtest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/grpctest"
	"github.com/codingflow/rating/proxy/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// full reports whether the long streams have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }

// A transport runs a StreamService until the test ends, and returns a connection to it.
type transport func(t *testing.T, service *natsgrpctest.Streams) grpc.ClientConnInterface

func overGRPC(t *testing.T, service *natsgrpctest.Streams) grpc.ClientConnInterface {
	return grpctest.Serve(t, func(server grpc.ServiceRegistrar) { pb.RegisterStreamServiceServer(server, service) })
}

func overNATS(t *testing.T, service *natsgrpctest.Streams) grpc.ClientConnInterface {
	ns := natsgrpctest.NewServer(t)
	worker, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	pb.RegisterStreamServiceServer(worker, service)
	natsgrpctest.Serve(t, worker)
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// everyWay runs a test over each transport and each version of HTTP. The test starts its proxy with what it serves.
func everyWay(t *testing.T, test func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server)) {
	for name, transport := range map[string]transport{"gRPC": overGRPC, "NATS": overNATS} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s_HTTP%d", name, version), func(t *testing.T) {
				test(t, func(service *natsgrpctest.Streams) *httptest.Server {
					return newProxy(t, transport(t, service), version)
				})
			})
		}
	}
}

// newProxy runs the proxy in front of a connection until the test ends.
func newProxy(t *testing.T, conn grpc.ClientConnInterface, version int) *httptest.Server {
	t.Helper()
	handler, err := server.New(conn, server.Config{Files: annotated(t), Prefix: "/"})
	require.NoError(t, err)
	proxy := httptest.NewUnstartedServer(handler)
	proxy.EnableHTTP2 = version == 2
	// By default the body that one stream does not read takes the window of its whole connection.
	proxy.Config.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy
}

// annotated returns the descriptors of the StreamService with bindings.
func annotated(t *testing.T) *protoregistry.Files {
	t.Helper()
	file := protodesc.ToFileDescriptorProto(pb.File_natsgrpctest_v1_stream_proto)
	for _, method := range file.GetService()[0].GetMethod() {
		rule := &annotations.HttpRule{Body: "*"}
		switch method.GetName() {
		case "Download":
			rule = &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: "/download"}}
		case "Upload":
			rule.Pattern = &annotations.HttpRule_Post{Post: "/upload"}
		case "Chat":
			rule.Pattern = &annotations.HttpRule_Post{Post: "/chat"}
		default:
			continue
		}
		if method.Options == nil {
			method.Options = &descriptorpb.MethodOptions{}
		}
		proto.SetExtension(method.GetOptions(), annotations.E_Http, rule)
	}
	built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(built))
	return files
}

// answer is an answer whose body is closed when the test ends.
type answer struct{ *http.Response }

// send begins a request and returns the answer when its headers are here.
func send(t testing.TB, proxy *httptest.Server, method, target string, body io.Reader) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, proxy.URL+target, body)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/x-ndjson")
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := proxy.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return answer{response}
}

// readLines reads n lines of an answer.
func readLines(t testing.TB, lines *bufio.Reader, n int) {
	t.Helper()
	for range n {
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
	}
}

// settle waits until a counter has stood still for a while, and returns it.
func settle(t testing.TB, counter *atomic.Int64) int64 {
	t.Helper()
	last, since := counter.Load(), time.Now()
	require.Eventually(t, func() bool {
		if now := counter.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	}, soon, 10*time.Millisecond, "the counter does not stand still")
	return last
}

// receive receives from a channel.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(soon):
		t.Fatal("nothing came")
		panic("not reached")
	}
}
