package natsproxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proxy/natsproxy"
	proxy "github.com/codingflow/rating/proxy/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// film is a service that the proxy knows only while it is published.
func film(t testing.TB) protoreflect.FileDescriptor {
	t.Helper()
	source := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(`
		name: "film/v1/film.proto" package: "film.v1" syntax: "proto3" dependency: "google/api/annotations.proto"
		message_type { name: "Film" field { name: "title" json_name: "title" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
		service { name: "FilmService" method {
			name: "CreateFilm" input_type: ".film.v1.Film" output_type: ".film.v1.Film" options { [google.api.http] { post: "/films" body: "*" } }
		} }`), source))
	file, err := protodesc.NewFile(source, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return file
}

// serve runs an instance of the service, which answers with its request, until stop is called or the test ends.
func serve(t testing.TB, ns *server.Server) (stop func()) {
	t.Helper()
	file, files := film(t), &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(file))
	worker, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(files), natsgrpc.WithPublishedDescriptors(),
		natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	worker.RegisterService(&grpc.ServiceDesc{ServiceName: "film.v1.FilmService", Methods: []grpc.MethodDesc{{
		MethodName: "CreateFilm",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			made := dynamicpb.NewMessage(file.Messages().Get(0))
			return made, decode(made)
		},
	}}}, nil)
	return natsgrpctest.Serve(t, worker)
}

// An operation outlives its service: while nothing describes its answer clients are told so, in a list beside others too, and get
// the answer when the service is published again.
func TestAnOperationWhoseServiceIsRemoved(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	stop := serve(t, ns)
	nc := natsgrpctest.Connect(t, ns)
	srv, end, err := natsproxy.New(t.Context(), nc, natsproxy.Config{Server: proxy.Config{Prefix: "/"}, RoutesTimeout: soon})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, end()) })
	do := func(method, path, body string, headers ...string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	served := func() bool {
		code, _ := do("POST", "/films", "not JSON")
		return code == 400
	}
	require.Eventually(t, served, soon, 10*time.Millisecond)
	code, body := do("POST", "/films", `{"title":"Stalker"}`, "Prefer", "respond-async")
	require.Equal(t, 202, code, body)
	var operation struct{ Name string }
	require.NoError(t, json.Unmarshal([]byte(body), &operation))
	wait := func() string {
		code, body := do("POST", "/"+operation.Name+":wait", "{}")
		require.Equal(t, 200, code, body)
		return body
	}
	const answer = `"done":true,"response":{"@type":"type.googleapis.com/film.v1.Film","title":"Stalker"}}`
	require.Contains(t, wait(), answer)

	stop()
	require.NoError(t, registry.Remove(t.Context(), nc, "film.v1.FilmService"))
	require.Eventually(t, func() bool { return !served() }, soon, 10*time.Millisecond)
	unknown := fmt.Sprintf(`"done":true,"error":{"code":9,"message":%q,"details":[`+
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ANSWER_UNKNOWN","domain":"operations.v1","metadata":{"type":"film.v1.Film"}}]}}`,
		"the command has succeeded, but no service describes its answer, a film.v1.Film, any more")
	require.Contains(t, wait(), unknown)
	code, body = do("GET", "/operations", "")
	require.Equal(t, 200, code, body)
	require.Contains(t, body, unknown)
	code, body = do("POST", "/operations.v1.OperationService/GetOperation", `{"name":"`+operation.Name+`"}`)
	require.Equal(t, 200, code, body)
	require.Contains(t, body, `"reason":"ANSWER_UNKNOWN"`)

	serve(t, ns)
	require.Eventually(t, served, soon, 10*time.Millisecond)
	require.Contains(t, wait(), answer)
}
