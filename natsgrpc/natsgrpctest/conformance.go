package natsgrpctest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers the compressor
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

// Transport serves the services that register adds, with interceptors around their handlers, and returns a connection
// to them. Both end with the test.
type Transport func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.UnaryServerInterceptor) grpc.ClientConnInterface

// callTimeout bounds each call of the suite.
const callTimeout = 20 * time.Second

// Run runs the conformance suite: what a generated client and a generated server see of a unary call, whatever carries
// it. Each case is made for queries and for commands. Cases that a transport cannot pass are left out by their names; its
// test says why.
func Run(t *testing.T, transport Transport, without ...string) {
	for _, name := range without {
		require.True(t, slices.ContainsFunc(cases, func(c unaryCase) bool { return c.name == name }), "no case %q", name)
	}
	for _, c := range cases {
		if slices.Contains(without, c.name) {
			continue
		}
		for _, shape := range shapes {
			t.Run(strings.ReplaceAll(c.name, " ", "_")+"/"+shape.name, func(t *testing.T) {
				c.run(t, &fixture{transport: transport, shape: shape})
			})
		}
	}
}

// Echo is an EchoService whose two methods are one function.
type Echo struct {
	pb.UnimplementedEchoServiceServer
	Handle func(ctx context.Context, payload []byte) ([]byte, error)
}

// Query calls Handle.
func (e *Echo) Query(ctx context.Context, req *pb.QueryRequest) (*pb.QueryResponse, error) {
	payload, err := e.Handle(ctx, req.GetPayload())
	if err != nil {
		return nil, err
	}
	return &pb.QueryResponse{Payload: payload}, nil
}

// Command calls Handle.
func (e *Echo) Command(ctx context.Context, req *pb.CommandRequest) (*pb.CommandResponse, error) {
	payload, err := e.Handle(ctx, req.GetPayload())
	if err != nil {
		return nil, err
	}
	return &pb.CommandResponse{Payload: payload}, nil
}

// shape is a query or a command.
type shape struct {
	name string
	call func(context.Context, grpc.ClientConnInterface, []byte, ...grpc.CallOption) ([]byte, error)
}

var shapes = []shape{
	{name: "query", call: func(ctx context.Context, cc grpc.ClientConnInterface, payload []byte, options ...grpc.CallOption) ([]byte, error) {
		reply, err := pb.NewEchoServiceClient(cc).Query(ctx, &pb.QueryRequest{Payload: payload}, options...)
		return reply.GetPayload(), err
	}},
	{name: "command", call: func(ctx context.Context, cc grpc.ClientConnInterface, payload []byte, options ...grpc.CallOption) ([]byte, error) {
		reply, err := pb.NewEchoServiceClient(cc).Command(ctx, &pb.CommandRequest{Payload: payload}, options...)
		return reply.GetPayload(), err
	}},
}

// fixture is what a case works with.
type fixture struct {
	transport Transport
	shape     shape
}

// serve starts an EchoService with one handler and returns a function that calls it.
func (f *fixture) serve(t *testing.T, handle func(context.Context, []byte) ([]byte, error), interceptors ...grpc.UnaryServerInterceptor) func(context.Context, []byte, ...grpc.CallOption) ([]byte, error) {
	t.Helper()
	cc := f.transport(t, func(registrar grpc.ServiceRegistrar) {
		pb.RegisterEchoServiceServer(registrar, &Echo{Handle: handle})
	}, interceptors...)
	return func(ctx context.Context, payload []byte, options ...grpc.CallOption) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return f.shape.call(ctx, cc, payload, options...)
	}
}

func echo(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }

type unaryCase struct {
	name string
	run  func(*testing.T, *fixture)
}

var cases = []unaryCase{
	{"a payload comes back", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		for _, payload := range []string{"hello", "", "\x00\xff\r\n", strings.Repeat("large ", 100_000)} {
			got, err := call(t.Context(), []byte(payload))
			require.NoError(t, err)
			require.Equal(t, payload, string(got))
		}
	}},
	{"a status comes back with its details", func(t *testing.T, f *fixture) {
		want := status.New(codes.FailedPrecondition, "100% wrong:\t\n\"résumé\" 🙂 ")
		want, err := want.WithDetails(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "a.b", Description: "must be c"}}})
		require.NoError(t, err)
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) { return nil, want.Err() })
		_, err = call(t.Context(), nil)
		require.Empty(t, cmp.Diff(want.Proto(), status.Convert(err).Proto(), protocmp.Transform()))
	}},
	{"every code comes back", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(_ context.Context, payload []byte) ([]byte, error) {
			return nil, status.Error(codes.Code(payload[0]), "")
		})
		for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
			_, err := call(t.Context(), []byte{byte(code)})
			require.Equal(t, code, status.Code(err))
			require.Empty(t, status.Convert(err).Message())
		}
	}},
	{"an error that is no status is UNKNOWN", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) { return nil, errors.New("out of tea") })
		_, err := call(t.Context(), nil)
		require.Equal(t, codes.Unknown, status.Code(err))
		require.Equal(t, "out of tea", status.Convert(err).Message())
	}},
	{"a context error is its code", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) {
			return nil, fmt.Errorf("wait for tea: %w", context.DeadlineExceeded)
		})
		_, err := call(t.Context(), nil)
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.Equal(t, "wait for tea: context deadline exceeded", status.Convert(err).Message())
	}},
	{"metadata goes both ways", func(t *testing.T, f *fixture) {
		values := metadata.Pairs("one", "1", "many", "a", "many", "b, c", "data-bin", "\x00\xff\n", "empty", "", "percent", "100%25 %")
		call := f.serve(t, func(ctx context.Context, _ []byte) ([]byte, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			for key := range values {
				if diff := cmp.Diff(values[key], md[key]); diff != "" {
					return nil, status.Errorf(codes.Internal, "%s: %s", key, diff)
				}
			}
			return nil, errors.Join(
				grpc.SetHeader(ctx, metadata.Pairs("h", "1", "h-bin", "\x01")),
				grpc.SendHeader(ctx, metadata.Pairs("h", "2")),
				grpc.SetTrailer(ctx, metadata.Pairs("t", "3", "t-bin", "\x02")),
			)
		})
		var header, trailer metadata.MD
		_, err := call(metadata.NewOutgoingContext(t.Context(), values), nil, grpc.Header(&header), grpc.Trailer(&trailer))
		require.NoError(t, err)
		require.Equal(t, []string{"1", "2"}, header["h"])
		require.Equal(t, []string{"\x01"}, header["h-bin"])
		require.Equal(t, []string{"3"}, trailer["t"])
		require.Equal(t, []string{"\x02"}, trailer["t-bin"])
	}},
	{"a failed call has its trailer", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(ctx context.Context, _ []byte) ([]byte, error) {
			return nil, errors.Join(grpc.SetTrailer(ctx, metadata.Pairs("t", "1")), status.Error(codes.NotFound, "no"))
		})
		var trailer metadata.MD
		_, err := call(t.Context(), nil, grpc.Trailer(&trailer))
		require.Error(t, err)
		require.Equal(t, []string{"1"}, trailer["t"])
	}},
	{"metadata that is not printable is INTERNAL", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		_, err := call(metadata.AppendToOutgoingContext(t.Context(), "key", "a\r\nb: c"), nil)
		require.Equal(t, codes.Internal, status.Code(err))
		require.Equal(t, `header key "key" contains value with non-printable ASCII characters`, status.Convert(err).Message())
	}},
	{"the deadline reaches the handler", func(t *testing.T, f *fixture) {
		got := make(chan time.Time, 1)
		call := f.serve(t, func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, _ := ctx.Deadline()
			got <- deadline
			return nil, nil
		})
		want := time.Now().Add(5 * time.Second)
		ctx, cancel := context.WithDeadline(t.Context(), want)
		defer cancel()
		_, err := call(ctx, nil)
		require.NoError(t, err)
		require.WithinDuration(t, want, <-got, time.Second)
	}},
	{"a call ends at its deadline and so does its handler", func(t *testing.T, f *fixture) {
		ended := make(chan error, 1)
		call := f.serve(t, func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := call(ctx, nil)
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.Error(t, <-ended)
	}},
	{"a cancelled call returns at once", func(t *testing.T, f *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		call := f.serve(t, func(handlerCtx context.Context, _ []byte) ([]byte, error) {
			cancel()
			select {
			case <-handlerCtx.Done(): // a transport may tell the handler
			case <-time.After(500 * time.Millisecond):
			}
			return nil, nil
		})
		_, err := call(ctx, nil)
		require.Equal(t, codes.Canceled, status.Code(err))
	}},
	{"a call with an ended context is not made", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) { panic("called") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := call(ctx, nil)
		require.Equal(t, codes.Canceled, status.Code(err))
	}},
	{"an unknown method is UNIMPLEMENTED", func(t *testing.T, f *fixture) {
		cc := f.transport(t, func(registrar grpc.ServiceRegistrar) {
			pb.RegisterEchoServiceServer(registrar, &Echo{Handle: echo})
		})
		ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
		defer cancel()
		_, err := pb.NewEchoServiceClient(cc).Unserved(ctx, &pb.UnservedRequest{})
		require.Equal(t, codes.Unimplemented, status.Code(err))
		for _, name := range []string{"/natsgrpctest.v1.EchoService/Nothing", "/no.such.Service/Method"} {
			err := cc.Invoke(ctx, name, &pb.QueryRequest{}, &pb.QueryResponse{})
			require.Equal(t, codes.Unimplemented, status.Code(err), name)
		}
	}},
	{"a request beyond the sender's limit is RESOURCE_EXHAUSTED", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		_, err := call(t.Context(), make([]byte, 100), grpc.MaxCallSendMsgSize(10))
		require.Equal(t, codes.ResourceExhausted, status.Code(err))
		require.Equal(t, "trying to send message larger than max (102 vs. 10)", status.Convert(err).Message())
	}},
	{"an answer beyond the receiver's limit is RESOURCE_EXHAUSTED", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		_, err := call(t.Context(), make([]byte, 100), grpc.MaxCallRecvMsgSize(10))
		require.Equal(t, codes.ResourceExhausted, status.Code(err))
		require.Equal(t, "grpc: received message larger than max (102 vs. 10)", status.Convert(err).Message())
	}},
	{"gzip goes both ways", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		for _, payload := range []string{"hello", "", strings.Repeat("large ", 100_000)} {
			got, err := call(t.Context(), []byte(payload), grpc.UseCompressor("gzip"))
			require.NoError(t, err)
			require.Equal(t, payload, string(got))
		}
	}},
	{"an unknown compressor is INTERNAL", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		_, err := call(t.Context(), nil, grpc.UseCompressor("nothing"))
		require.Equal(t, codes.Internal, status.Code(err))
		require.Equal(t, `grpc: Compressor is not installed for requested grpc-encoding "nothing"`, status.Convert(err).Message())
	}},
	{"a small message that becomes a large one is RESOURCE_EXHAUSTED", func(t *testing.T, f *fixture) {
		bomb := make([]byte, large*2)
		call := f.serve(t, func(_ context.Context, payload []byte) ([]byte, error) {
			if len(payload) > 0 {
				return nil, status.Error(codes.Internal, "it came through")
			}
			return bomb, nil
		})
		for _, payload := range [][]byte{bomb, nil} { // the request, the answer
			_, err := call(t.Context(), payload, grpc.UseCompressor("gzip"))
			require.Equal(t, codes.ResourceExhausted, status.Code(err))
			require.Equal(t, "grpc: received message after decompression larger than max 4194304", status.Convert(err).Message())
		}
	}},
	{"the sender's limit is that of the compressed message", func(t *testing.T, f *fixture) {
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) { return nil, nil })
		_, err := call(t.Context(), make([]byte, 10_000), grpc.UseCompressor("gzip"), grpc.MaxCallSendMsgSize(1000))
		require.NoError(t, err)
	}},
	{"interceptors wrap the handler", func(t *testing.T, f *fixture) {
		var order []string
		note := func(name string) grpc.UnaryServerInterceptor {
			return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				order = append(order, name+" "+info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:])
				return handler(ctx, req)
			}
		}
		call := f.serve(t, func(context.Context, []byte) ([]byte, error) {
			called := strings.Join(order, ", ")
			order = nil // a transport may make the call again, of a worker that was too slow
			return []byte(called), nil
		}, note("first"), note("second"), note("third"))
		got, err := call(t.Context(), nil)
		require.NoError(t, err)
		method := strings.ToUpper(f.shape.name[:1]) + f.shape.name[1:]
		require.Equal(t, fmt.Sprintf("first %[1]s, second %[1]s, third %[1]s", method), string(got))
	}},
	{"an encoded message travels as it is", func(t *testing.T, f *fixture) {
		cc := f.transport(t, func(registrar grpc.ServiceRegistrar) {
			pb.RegisterEchoServiceServer(registrar, &Echo{Handle: echo})
		})
		ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
		defer cancel()
		request, err := proto.Marshal(&pb.QueryRequest{Payload: []byte("raw")})
		require.NoError(t, err)
		var answer []byte
		method := map[string]string{"query": pb.EchoService_Query_FullMethodName, "command": pb.EchoService_Command_FullMethodName}[f.shape.name]
		require.NoError(t, cc.Invoke(ctx, method, request, &answer, grpc.ForceCodecV2(rawCodec{})))
		require.Equal(t, request, answer)
	}},
	{"a request that cannot be decoded is INTERNAL", func(t *testing.T, f *fixture) {
		cc := f.transport(t, func(registrar grpc.ServiceRegistrar) {
			pb.RegisterEchoServiceServer(registrar, &Echo{Handle: echo})
		})
		ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
		defer cancel()
		var answer []byte
		method := map[string]string{"query": pb.EchoService_Query_FullMethodName, "command": pb.EchoService_Command_FullMethodName}[f.shape.name]
		err := cc.Invoke(ctx, method, []byte{0xff}, &answer, grpc.ForceCodecV2(rawCodec{}))
		require.Equal(t, codes.Internal, status.Code(err))
		require.Contains(t, status.Convert(err).Message(), "grpc: failed to unmarshal the received message")
	}},
	{"call options are told the end and the peer", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		var finished []error
		var p peer.Peer
		_, err := call(t.Context(), nil, grpc.OnFinish(func(err error) { finished = append(finished, err) }), grpc.Peer(&p))
		require.NoError(t, err)
		require.Equal(t, []error{nil}, finished)
		require.NotNil(t, p.Addr)
	}},
	{"many calls at once each get their own answer", func(t *testing.T, f *fixture) {
		call := f.serve(t, echo)
		var group sync.WaitGroup
		errs := make(chan error, 100)
		for i := range 100 {
			group.Go(func() {
				want := fmt.Sprint("call ", i)
				got, err := call(t.Context(), []byte(want))
				if err == nil && string(got) != want {
					err = fmt.Errorf("got %q, want %q", got, want)
				}
				if err != nil {
					errs <- err
				}
			})
		}
		group.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
	}},
}

// rawCodec carries []byte as the wire form of any message.
type rawCodec struct{}

// Compile-time proof that it can be forced on a call.
var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func (rawCodec) Name() string { return "proto" }
