package transcode

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// later is an Async whose calls are answered when the test wants.
type later struct {
	takes    bool
	refused  error
	answer   chan error // what each call ends with
	started  int
	request  []byte
	metadata metadata.MD
	message  proto.Message
}

func (l *later) Takes(context.Context, *Binding) bool { return l.takes }

func (l *later) Start(ctx context.Context, b *Binding, r *http.Request, request []byte) (*Operation, error) {
	if l.refused != nil {
		return nil, l.refused
	}
	l.started++
	l.request = request
	l.metadata, _ = metadata.FromOutgoingContext(ctx)
	return &Operation{
		Location:   "/api" + r.URL.Path + "/" + string(b.Method.Name()),
		Message:    l.message,
		RetryAfter: 1500 * time.Millisecond,
		Await: func(ctx context.Context, response *[]byte, opts ...grpc.CallOption) (bool, error) {
			select {
			case err := <-l.answer:
				for _, opt := range opts {
					if header, ok := opt.(grpc.HeaderCallOption); ok {
						*header.HeaderAddr = metadata.Pairs("x-answer", "yes")
					}
				}
				*response = request
				return true, err
			case <-ctx.Done():
				return false, ctx.Err()
			}
		},
	}, nil
}

// newLater returns a handler of a command, a query and the operations of an Async, and the backend of other calls.
func newLater(t *testing.T, opts ...Option) (*Handler, *later, *backend) {
	t.Helper()
	metadata, err := anypb.New(wrapperspb.String("about it"))
	require.NoError(t, err)
	l := &later{
		takes: true, answer: make(chan error, 1),
		message: &longrunningpb.Operation{Name: "operations/1", Metadata: metadata},
	}
	service := newService(t, things+`service { name: "Things"
		method { name: "Command" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing"
			options { [google.api.http] { post: "/x" body: "*" } } }
		method { name: "Query" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing"
			options { [google.api.http] { post: "/query" body: "*" } idempotency_level: NO_SIDE_EFFECTS } }
		method { name: "Stream" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing" server_streaming: true
			options { [google.api.http] { post: "/stream" body: "*" } } }
	}`)
	backend := newBackend(t)
	opts = append(opts, WithAsync(l), WithRequestHeaders("X-Tenant"), WithResponseHeaders("X-Answer"))
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{service}, opts...)
	require.NoError(t, err)
	return handler, l, backend
}

const operationJSON = `{"name":"operations/1","metadata":{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"about it"},"done":false}`

func TestRespondAsyncIsAnsweredWithAnOperation(t *testing.T) {
	var observed Call
	handler, l, _ := newLater(t, WithObserver(func(_ context.Context, call Call) { observed = call }),
		WithAuthorizer(func(ctx context.Context, _ *Binding, _ *http.Request) (context.Context, metadata.MD, error) {
			return ctx, metadata.Pairs("x-subject", "ada"), nil
		}))
	w := do(handler, "POST", "/x", `{"name":"a"}`, "Prefer: respond-async", "X-Tenant: t")
	require.Equal(t, 202, w.Code)
	require.Equal(t, operationJSON, w.Body.String())
	require.Equal(t, http.Header{
		"Content-Type":           {"application/json"},
		"Content-Length":         {strconv.Itoa(len(operationJSON))},
		"Location":               {"/api/x/Command"},
		"Preference-Applied":     {"respond-async"},
		"Retry-After":            {"2"},
		"X-Content-Type-Options": {"nosniff"},
	}, w.Header())
	require.Equal(t, "\n\x01a", string(l.request))
	require.Equal(t, metadata.Pairs("x-subject", "ada", "x-tenant", "t"), l.metadata)
	require.Equal(t, 202, observed.HTTPStatus)
	require.Equal(t, codes.OK, observed.Code)
	require.Equal(t, "/x", observed.Binding.Template)
}

func TestAClientWaitsBeforeItIsAnsweredLater(t *testing.T) {
	handler, l, _ := newLater(t, WithTimeout(10*time.Second))
	w := do(handler, "POST", "/x", `{"name":"a"}`, "Prefer: wait=1, respond-async")
	require.Equal(t, 202, w.Code)
	require.Equal(t, "respond-async, wait=1", w.Header().Get("Preference-Applied"))
	require.Equal(t, operationJSON, w.Body.String())

	l.answer <- nil
	w = do(handler, "POST", "/x", `{"name":"a"}`, "Prefer: wait=3600, respond-async")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "wait=10", w.Header().Get("Preference-Applied"))
	require.Contains(t, w.Body.String(), `{"name":"a",`)
	require.Equal(t, "yes", w.Header().Get("X-Answer"))
	require.Empty(t, w.Header().Get("Location"))

	l.answer <- status.Error(codes.NotFound, "there is no such thing")
	w = do(handler, "POST", "/x", `{"name":"a"}`, "Prefer: wait=10, respond-async")
	require.Equal(t, 404, w.Code)
	require.Equal(t, `{"error":{"code":404,"message":"there is no such thing","status":"NOT_FOUND"}}`, w.Body.String())
	require.Equal(t, 3, l.started)
}

func TestAPreferenceThatIsNotHeeded(t *testing.T) {
	handler, l, backend := newLater(t)
	for _, test := range []struct{ path, prefer string }{
		{"/query", "respond-async"},
		{"/stream", "respond-async"},
		{"/x", "wait=10"},
		{"/x", "handling=strict"},
	} {
		w := do(handler, "POST", test.path, `{"name":"a"}`, "Prefer: "+test.prefer)
		require.Equal(t, 200, w.Code, test)
		require.Empty(t, w.Header().Get("Preference-Applied"), test)
	}
	l.takes = false
	require.Equal(t, 200, do(handler, "POST", "/x", `{"name":"a"}`, "Prefer: respond-async").Code)
	require.Zero(t, l.started)
	require.Equal(t, "\n\x01a", string(backend.request))
}

func TestWhatIsRefusedIsNotStarted(t *testing.T) {
	handler, l, _ := newLater(t)
	require.Equal(t, 400, do(handler, "POST", "/x", `{"name":1}`, "Prefer: respond-async").Code)
	require.Equal(t, 415, do(handler, "POST", "/x", `{}`, "Prefer: respond-async", "Content-Type: text/plain").Code)
	require.Zero(t, l.started)
	l.refused = status.Error(codes.ResourceExhausted, "full")
	w := do(handler, "POST", "/x", `{}`, "Prefer: respond-async, wait=1")
	require.Equal(t, 429, w.Code)
	require.Empty(t, w.Header().Get("Preference-Applied"))

	l.refused = nil
	l.message = &longrunningpb.Operation{Metadata: &anypb.Any{TypeUrl: "type.googleapis.com/no.such.Type"}}
	w = do(handler, "POST", "/x", `{}`, "Prefer: respond-async")
	require.Equal(t, 500, w.Code)
	require.Equal(t, `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, w.Body.String())
	require.Empty(t, w.Header().Get("Location"))

	_, err := New(newBackend(t).conn, nil, WithAsync(nil))
	require.EqualError(t, err, "transcode: async is nil")
}

// A client that leaves while it waits is not answered; its call goes on.
func TestAClientLeavesWhileItWaits(t *testing.T) {
	left := make(chan Call, 1)
	handler, l, _ := newLater(t, WithObserver(func(_ context.Context, call Call) { left <- call }))
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/x", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "respond-async, wait=20")
	cancel()
	require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { handler.ServeHTTP(httptest.NewRecorder(), r) })
	call := <-left
	require.Equal(t, 499, call.HTTPStatus)
	require.True(t, errors.Is(call.Err, context.Canceled))
	require.Equal(t, 1, l.started)
}
