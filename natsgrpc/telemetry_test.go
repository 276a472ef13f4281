package natsgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// told is what a Conn or a Server has reported.
type told struct {
	t       *testing.T
	spans   *tracetest.SpanRecorder
	tracer  *sdktrace.TracerProvider
	reader  *sdkmetric.ManualReader
	meter   *sdkmetric.MeterProvider
	options []natsgrpc.Option
}

func newTold(t *testing.T) *told {
	spans, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	r := &told{
		t: t, spans: spans, reader: reader,
		tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		meter:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	}
	r.options = []natsgrpc.Option{natsgrpc.WithTracerProvider(r.tracer), natsgrpc.WithMeterProvider(r.meter)}
	return r
}

// connect is connect for a Conn that reports.
func (r *told) connect(nc *nats.Conn) *natsgrpc.Conn {
	r.t.Helper()
	var options []natsgrpc.ConnOption
	for _, option := range r.options {
		options = append(options, option)
	}
	conn, err := natsgrpc.NewConn(nc, options...)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, conn.Close()) })
	return conn
}

// serve is serve for a Server that reports.
func (r *told) serve(nc *nats.Conn, register func(grpc.ServiceRegistrar), more ...natsgrpc.ServerOption) {
	r.t.Helper()
	for _, option := range r.options {
		more = append(more, option)
	}
	serve(r.t, nc, register, more...)
}

// ended waits for n spans and returns them in their order.
func (r *told) ended(n int) []sdktrace.ReadOnlySpan {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(r.spans.Ended()) >= n }, soon, time.Millisecond)
	require.Len(r.t, r.spans.Ended(), n)
	return r.spans.Ended()
}

// measured collects the metrics: the values of counters and gauges and the counts of histograms, by "name{key=value,…}".
func (r *told) measured() map[string]float64 {
	r.t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(r.t, r.reader.Collect(r.t.Context(), &all))
	values := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		require.Equal(r.t, "github.com/codingflow/rating/natsgrpc", scope.Scope.Name)
		for _, m := range scope.Metrics {
			add := func(attributes attribute.Set, value float64) {
				values[m.Name+"{"+attributes.Encoded(attribute.DefaultEncoder())+"}"] = value
			}
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, point := range data.DataPoints {
					add(point.Attributes, float64(point.Count))
				}
			case metricdata.Sum[int64]:
				for _, point := range data.DataPoints {
					add(point.Attributes, float64(point.Value))
				}
			case metricdata.Gauge[int64]:
				for _, point := range data.DataPoints {
					add(point.Attributes, float64(point.Value))
				}
			case metricdata.Gauge[float64]:
				for _, point := range data.DataPoints {
					add(point.Attributes, point.Value)
				}
			default:
				require.Fail(r.t, "unexpected data", "%s: %T", m.Name, data)
			}
		}
	}
	return values
}

// without drops the metrics with the given names.
func without(values map[string]float64, names ...string) map[string]float64 {
	maps.DeleteFunc(values, func(key string, _ float64) bool {
		name, _, _ := strings.Cut(key, "{")
		return slices.Contains(names, name)
	})
	return values
}

// attributes returns a span's attributes as text, but those that differ in each run.
func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	texts := map[string]string{}
	for _, a := range span.Attributes() {
		switch a.Key {
		case "messaging.message.id", "natsgrpc.queue.wait":
		default:
			texts[string(a.Key)] = a.Value.String()
		}
	}
	return texts
}

// value returns the value of a span's attribute.
func value(span sdktrace.ReadOnlySpan, key attribute.Key) attribute.Value {
	for _, a := range span.Attributes() {
		if a.Key == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

const (
	echoQueries  = "messaging.destination.name=QRY_natsgrpctest_v1_EchoService_0,natsgrpc.queue.kind=query,natsgrpc.service=natsgrpctest.v1.EchoService"
	echoCommands = "messaging.destination.name=CMD_natsgrpctest_v1_EchoService_0,natsgrpc.queue.kind=command,natsgrpc.service=natsgrpctest.v1.EchoService"
	echoQuery    = "natsgrpctest.v1.EchoService/Query"
	echoCommand  = "natsgrpctest.v1.EchoService/Command"
)

func TestOneTraceLeadsFromTheCallerToAllHandlers(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	client, service := newTold(t), newTold(t)
	inner := service.connect(natsgrpctest.Connect(t, ns))
	service.serve(natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if string(payload) != "outer" {
			return payload, nil
		}
		got, err := query(ctx, inner, "inner")
		return []byte(got), err
	}))
	ctx, root := client.tracer.Tracer("test").Start(t.Context(), "root")
	var id string
	_, err := pb.NewEchoServiceClient(client.connect(natsgrpctest.Connect(t, ns))).Command(ctx, &pb.CommandRequest{Payload: []byte("outer")}, natsgrpc.CallID(&id))
	require.NoError(t, err)
	root.End()

	callers, servers := client.ended(2), service.ended(3)
	outer, innerServer, innerClient, outerServer := callers[0], servers[0], servers[1], servers[2]
	for _, c := range []struct {
		span, parent sdktrace.ReadOnlySpan
		name         string
		kind         trace.SpanKind
		remote       bool
		attributes   map[string]string
	}{
		{outer, callers[1], echoCommand, trace.SpanKindClient, false, map[string]string{}},
		{outerServer, outer, echoCommand, trace.SpanKindServer, true, map[string]string{"natsgrpc.attempt": "1"}},
		{innerClient, outerServer, echoQuery, trace.SpanKindClient, false, map[string]string{}},
		{innerServer, innerClient, echoQuery, trace.SpanKindServer, true, map[string]string{"natsgrpc.attempt": "1"}},
	} {
		require.Equal(t, c.name, c.span.Name())
		require.Equal(t, c.kind, c.span.SpanKind())
		require.Equal(t, root.SpanContext().TraceID(), c.span.SpanContext().TraceID())
		require.Equal(t, c.parent.SpanContext().SpanID(), c.span.Parent().SpanID())
		require.Equal(t, c.remote, c.span.Parent().IsRemote())
		require.Equal(t, otelcodes.Unset, c.span.Status().Code)
		maps.Copy(c.attributes, map[string]string{
			"rpc.system.name":            "grpc",
			"rpc.method":                 c.name,
			"rpc.response.status_code":   "OK",
			"messaging.system":           "nats",
			"messaging.destination.name": map[string]string{echoQuery: queryStream, echoCommand: commandStream}[c.name],
		})
		require.Equal(t, c.attributes, attributes(c.span))
	}
	require.Equal(t, id, value(outer, "messaging.message.id").AsString())
	require.Equal(t, id, value(outerServer, "messaging.message.id").AsString())
	wait := value(outerServer, "natsgrpc.queue.wait").AsFloat64()
	require.Positive(t, wait)
	require.Less(t, wait, 5.0)

	require.Equal(t, map[string]float64{
		"rpc.client.call.duration{rpc.method=" + echoCommand + ",rpc.response.status_code=OK,rpc.system.name=grpc}": 1,
	}, client.measured())
	require.Equal(t, map[string]float64{
		"rpc.client.call.duration{rpc.method=" + echoQuery + ",rpc.response.status_code=OK,rpc.system.name=grpc}":   1,
		"rpc.server.call.duration{rpc.method=" + echoQuery + ",rpc.response.status_code=OK,rpc.system.name=grpc}":   1,
		"rpc.server.call.duration{rpc.method=" + echoCommand + ",rpc.response.status_code=OK,rpc.system.name=grpc}": 1,
		"natsgrpc.queue.wait{" + echoQueries + "}":           1,
		"natsgrpc.queue.wait{" + echoCommands + "}":          1,
		"natsgrpc.server.active_calls{" + echoQueries + "}":  0,
		"natsgrpc.server.active_calls{" + echoCommands + "}": 0,
		"natsgrpc.server.slots{" + echoQueries + "}":         16,
		"natsgrpc.server.slots{" + echoCommands + "}":        16,
	}, without(service.measured(), "natsgrpc.queue.depth", "natsgrpc.queue.age"))
}

func TestEachAttemptHasASpan(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	client, service := newTold(t), newTold(t)
	service.serve(natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		switch info, _ := natsgrpc.FromContext(ctx); info.Attempt {
		case 1:
			panic("a bug")
		case 2:
			return nil, natsgrpc.Retry(errors.New("the database is away"), time.Millisecond)
		}
		return payload, nil
	}))
	_, err := command(t.Context(), client.connect(natsgrpctest.Connect(t, ns)), "x")
	require.NoError(t, err)
	caller := client.ended(1)[0]
	for i, want := range []struct{ errorType, code, description string }{
		{"panic", "", "panic in the handler: a bug"},
		{"retry", "", "retry: the database is away"},
		{"", "OK", ""},
	} {
		span := service.ended(3)[i]
		require.Equal(t, caller.SpanContext().SpanID(), span.Parent().SpanID())
		require.EqualValues(t, i+1, value(span, "natsgrpc.attempt").AsInt64())
		require.Equal(t, want.errorType, value(span, "error.type").AsString())
		require.Equal(t, want.code, value(span, "rpc.response.status_code").AsString())
		require.Equal(t, want.description, span.Status().Description)
	}
	measured := service.measured()
	for key, want := range map[string]float64{
		"rpc.server.call.duration{error.type=panic,rpc.method=" + echoCommand + ",rpc.system.name=grpc}":            1,
		"rpc.server.call.duration{error.type=retry,rpc.method=" + echoCommand + ",rpc.system.name=grpc}":            1,
		"rpc.server.call.duration{rpc.method=" + echoCommand + ",rpc.response.status_code=OK,rpc.system.name=grpc}": 1,
		"natsgrpc.queue.wait{" + echoCommands + "}":                                                                 1,
		"natsgrpc.server.redeliveries{" + echoCommands + ",rpc.method=" + echoCommand + "}":                         2,
		"natsgrpc.server.active_calls{" + echoCommands + "}":                                                        0,
	} {
		require.Equal(t, want, measured[key], key)
	}
}

func TestADeadLetterIsReported(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			client, service := newTold(t), newTold(t)
			service.serve(natsgrpctest.Connect(t, ns), register(func(context.Context, []byte) ([]byte, error) {
				return nil, natsgrpc.Retry(errors.New("never"), time.Millisecond)
			}))
			_, err := call(t.Context(), client.connect(natsgrpctest.Connect(t, ns)), "x")
			require.Equal(t, natsgrpc.ReasonAttemptsExhausted, reason(err))
			attempts := map[string]int{"query": 5, "command": 3}[name]
			for i, span := range service.ended(attempts + 1) {
				require.Equal(t, name == "command" && i == attempts, value(span, "natsgrpc.dead_letter").AsBool())
			}
			last := service.ended(attempts + 1)[attempts]
			require.Equal(t, "INTERNAL", value(last, "error.type").AsString())
			// The caller's answer comes after the dead letter. A query that is given up leaves none.
			key := "natsgrpc.server.dead_letters{" + echoCommands + ",rpc.method=" + echoCommand + "}"
			require.Equal(t, map[string]float64{"query": 0, "command": 1}[name], service.measured()[key])
			require.Empty(t, without(client.measured(), "rpc.client.call.duration"), "it is no refusal")
		})
	}
}

func TestADeliveryThatWasAnsweredBeforeIsNoCall(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	_, err = js.Publish(t.Context(), "cmd.natsgrpctest_v1_EchoService.0.Command.id", nil)
	require.NoError(t, err)
	consumer, err := js.Consumer(t.Context(), commandStream, "workers")
	require.NoError(t, err)
	_, err = consumer.Next(jetstream.FetchMaxWait(soon)) // by a worker that answers and is lost
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "rsp.natsgrpctest_v1_EchoService.id.conn", nil)
	require.NoError(t, err)
	service := newTold(t)
	service.serve(nc, register(echo))
	span := service.ended(1)[0]
	require.True(t, value(span, "natsgrpc.answered").AsBool())
	require.EqualValues(t, 2, value(span, "natsgrpc.attempt").AsInt64())
	require.Equal(t, map[string]float64{
		"natsgrpc.server.redeliveries{" + echoCommands + ",rpc.method=" + echoCommand + "}": 1,
		"natsgrpc.server.active_calls{" + echoCommands + "}":                                0,
	}, without(service.measured(), "natsgrpc.queue.depth", "natsgrpc.queue.age", "natsgrpc.server.slots"))
}

func TestTheCodesThatAreErrorsOfAServer(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	client, service := newTold(t), newTold(t)
	service.serve(natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
		return nil, status.Error(codes.Code(payload[0]), "why")
	}))
	conn := client.connect(natsgrpctest.Connect(t, ns))
	for i, c := range []struct {
		code    codes.Code
		name    string
		isError bool
	}{
		{codes.Canceled, "CANCELLED", false},
		{codes.Unknown, "UNKNOWN", true},
		{codes.InvalidArgument, "INVALID_ARGUMENT", false},
		{codes.DeadlineExceeded, "DEADLINE_EXCEEDED", true},
		{codes.NotFound, "NOT_FOUND", false},
		{codes.AlreadyExists, "ALREADY_EXISTS", false},
		{codes.PermissionDenied, "PERMISSION_DENIED", false},
		{codes.ResourceExhausted, "RESOURCE_EXHAUSTED", false},
		{codes.FailedPrecondition, "FAILED_PRECONDITION", false},
		{codes.Aborted, "ABORTED", false},
		{codes.OutOfRange, "OUT_OF_RANGE", false},
		{codes.Unimplemented, "UNIMPLEMENTED", true},
		{codes.Internal, "INTERNAL", true},
		{codes.Unavailable, "UNAVAILABLE", true},
		{codes.DataLoss, "DATA_LOSS", true},
		{codes.Unauthenticated, "UNAUTHENTICATED", false},
		{99, "_OTHER", true},
	} {
		_, err := query(t.Context(), conn, string([]byte{byte(c.code)}))
		require.Equal(t, c.code, status.Code(err))
		caller, handler := client.ended(i + 1)[i], service.ended(i + 1)[i]
		require.Equal(t, sdktrace.Status{Code: otelcodes.Error, Description: "why"}, caller.Status(), c.name)
		require.Equal(t, c.name, value(caller, "error.type").AsString())
		require.Equal(t, c.name, value(handler, "rpc.response.status_code").AsString())
		if c.isError {
			require.Equal(t, sdktrace.Status{Code: otelcodes.Error, Description: "why"}, handler.Status(), c.name)
			require.Equal(t, c.name, value(handler, "error.type").AsString())
		} else {
			require.Equal(t, sdktrace.Status{}, handler.Status(), c.name)
			require.Empty(t, value(handler, "error.type").AsString(), c.name)
		}
	}
}

func TestAStreamHasOneSpanAtEachEnd(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	client, service := newTold(t), newTold(t)
	service.serve(natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		for {
			request, err := stream.Recv()
			if err != nil {
				return status.Error(codes.DataLoss, "all gone")
			}
			if err := stream.Send(&pb.ChatResponse{Payload: request.GetPayload()}); err != nil {
				return err
			}
		}
	}}))
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	const method, queue = "natsgrpctest.v1.StreamService/Chat", "messaging.destination.name=CMD_natsgrpctest_v1_StreamService_0,natsgrpc.queue.kind=command,natsgrpc.service=natsgrpctest.v1.StreamService"
	var id string
	chatting, err := pb.NewStreamServiceClient(client.connect(natsgrpctest.Connect(t, ns))).Chat(ctx, natsgrpc.CallID(&id))
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, chatting.Send(&pb.ChatRequest{Payload: []byte("x")}))
		_, err := chatting.Recv()
		require.NoError(t, err)
	}
	require.Empty(t, service.spans.Ended())
	require.EqualValues(t, 1, service.measured()["natsgrpc.server.active_calls{"+queue+"}"])
	require.NoError(t, chatting.CloseSend())
	_, err = chatting.Recv()
	require.Equal(t, codes.DataLoss, status.Code(err))

	caller, handler := client.ended(1)[0], service.ended(1)[0]
	require.NotEmpty(t, id)
	for _, span := range []sdktrace.ReadOnlySpan{caller, handler} {
		require.Equal(t, method, span.Name())
		require.Equal(t, sdktrace.Status{Code: otelcodes.Error, Description: "all gone"}, span.Status())
		require.Equal(t, "DATA_LOSS", value(span, "rpc.response.status_code").AsString())
		require.Equal(t, id, value(span, "messaging.message.id").AsString())
	}
	require.Equal(t, trace.SpanKindClient, caller.SpanKind())
	require.Equal(t, trace.SpanKindServer, handler.SpanKind())
	require.Equal(t, caller.SpanContext().SpanID(), handler.Parent().SpanID())
	require.EqualValues(t, 1, client.measured()["rpc.client.call.duration{error.type=DATA_LOSS,rpc.method="+method+",rpc.response.status_code=DATA_LOSS,rpc.system.name=grpc}"])
	require.EqualValues(t, 0, service.measured()["natsgrpc.server.active_calls{"+queue+"}"])
}

func TestRefusalsAreCountedByReason(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	client := newTold(t)
	conn := client.connect(nc)
	for range 2 {
		_, err := command(t.Context(), conn, "x")
		require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	}
	_, err := pb.NewStreamServiceClient(conn).Chat(metadata.AppendToOutgoingContext(t.Context(), "large", strings.Repeat("x", 70_000)))
	require.Equal(t, natsgrpc.ReasonMessageTooLarge, reason(err))
	// What a handler got from another service and passes on was not refused here.
	serve(t, nc, register(func(context.Context, []byte) ([]byte, error) {
		st, err := status.New(codes.ResourceExhausted, "").WithDetails(&errdetails.ErrorInfo{Domain: natsgrpc.ErrorDomain, Reason: natsgrpc.ReasonQueueFull})
		return nil, errors.Join(st.Err(), err)
	}))
	_, err = query(t.Context(), conn, "x")
	require.Equal(t, natsgrpc.ReasonQueueFull, reason(err))
	require.Equal(t, map[string]float64{
		"natsgrpc.client.refused{natsgrpc.reason=NO_QUEUE,rpc.method=" + echoCommand + "}":                         2,
		"natsgrpc.client.refused{natsgrpc.reason=MESSAGE_TOO_LARGE,rpc.method=natsgrpctest.v1.StreamService/Chat}": 1,
	}, without(client.measured(), "rpc.client.call.duration"))
}

func TestUnknownMethodsShareOneName(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	client, service := newTold(t), newTold(t)
	service.serve(nc, register(echo))
	err := client.connect(nc).Invoke(t.Context(), "/no.such.Service/Method", &pb.QueryRequest{}, &pb.QueryResponse{})
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.Equal(t, map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "_OTHER", "rpc.method_original": "no.such.Service/Method",
		"rpc.response.status_code": "UNIMPLEMENTED", "error.type": "UNIMPLEMENTED", "messaging.system": "nats",
	}, attributes(client.ended(1)[0]))

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	request := nats.NewMsg("cmd.natsgrpctest_v1_EchoService.0.Newer.x")
	request.Header.Set("Natsgrpc-Deadline", strconv.FormatInt(time.Now().Add(2*time.Second).UnixNano(), 10))
	_, err = js.PublishMsg(t.Context(), request)
	require.NoError(t, err)
	span := service.ended(1)[0]
	require.Equal(t, "grpc", span.Name())
	require.Equal(t, map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "_OTHER", "rpc.method_original": "Newer", "error.type": "UNIMPLEMENTED",
		"rpc.response.status_code": "UNIMPLEMENTED", "messaging.system": "nats", "messaging.destination.name": commandStream,
		"natsgrpc.attempt": "1",
	}, attributes(span))
	require.NotContains(t, service.measured(), "natsgrpc.server.redeliveries{"+echoCommands+",rpc.method=_OTHER}")
}

// A call that one server pulls and another runs is a delivery of the first and a call of the second.
func TestACallThatIsHandedOverIsNoFailure(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	older, newer := newTold(t), newTold(t)
	older.serve(nc, func(registrar grpc.ServiceRegistrar) {
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.EchoService_ServiceDesc.ServiceName}, nil)
	})
	conn := connect(t, natsgrpctest.Connect(t, ns))
	waiting := begin(t.Context(), func(ctx context.Context) (string, error) { return command(ctx, conn, "x") })
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		consumer, err := js.Consumer(t.Context(), commandStream, "workers")
		return err == nil && consumer.CachedInfo().NumAckPending == 1
	}, soon, time.Millisecond)
	newer.serve(natsgrpctest.Connect(t, ns), register(echo))
	require.Equal(t, result{answer: "x"}, await(t, "the call", waiting))
	require.Equal(t, map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "_OTHER", "rpc.method_original": "Command", "natsgrpc.handed_over": "true",
		"messaging.system": "nats", "messaging.destination.name": commandStream, "natsgrpc.attempt": "1",
	}, attributes(older.ended(1)[0]))
	require.Equal(t, otelcodes.Unset, older.ended(1)[0].Status().Code)
	require.Equal(t, "OK", attributes(newer.ended(1)[0])["rpc.response.status_code"])
	require.EqualValues(t, 1, older.measured()["natsgrpc.queue.wait{"+echoCommands+"}"])
	require.NotContains(t, newer.measured(), "natsgrpc.queue.wait{"+echoCommands+"}")
}

func TestTheContextOfATraceIsMetadata(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(func(ctx context.Context, _ []byte) ([]byte, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return []byte(fmt.Sprint(md["traceparent"], md["baggage"])), nil
	}))
	client := newTold(t)
	client.options = append(client.options, natsgrpc.WithPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})))
	conn := client.connect(nc)
	ctx := propagation.Baggage{}.Extract(t.Context(), propagation.MapCarrier{"baggage": "tenant=a%20b"})
	got, err := query(metadata.AppendToOutgoingContext(ctx, "traceparent", "the caller's own is replaced"), conn, "")
	require.NoError(t, err)
	span := client.ended(1)[0].SpanContext()
	require.Equal(t, fmt.Sprintf("[00-%s-%s-%s] [tenant=a%%20b]", span.TraceID(), span.SpanID(), span.TraceFlags()), got)
}

func TestATracePassesThroughWhatMakesNoSpans(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	r := newTold(t)
	r.options = []natsgrpc.Option{natsgrpc.WithPropagator(propagation.TraceContext{})}
	r.serve(nc, register(func(ctx context.Context, _ []byte) ([]byte, error) {
		return []byte(trace.SpanContextFromContext(ctx).SpanID().String()), nil
	}))
	ctx, span := r.tracer.Tracer("test").Start(t.Context(), "root")
	got, err := query(ctx, r.connect(nc), "")
	require.NoError(t, err)
	require.Equal(t, span.SpanContext().SpanID().String(), got)
	require.Empty(t, r.spans.Ended())
}

func TestTheDepthOfAQueueIsReported(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	service := newTold(t)
	release, busy := make(chan struct{}), make(chan struct{}, 10)
	handle := register(func(_ context.Context, payload []byte) ([]byte, error) {
		busy <- struct{}{}
		<-release
		return payload, nil
	})
	service.serve(nc, handle, natsgrpc.WithSlots(1, 1))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	published := time.Now()
	for i := range 5 {
		_, err := js.Publish(t.Context(), fmt.Sprintf("cmd.natsgrpctest_v1_EchoService.0.Command.x%d", i), nil)
		require.NoError(t, err)
	}
	<-busy // one is in work, the others wait
	measured := service.measured()
	require.EqualValues(t, 5, measured["natsgrpc.queue.depth{"+echoCommands+"}"])
	require.EqualValues(t, 0, measured["natsgrpc.queue.depth{"+echoQueries+"}"])
	require.EqualValues(t, 1, measured["natsgrpc.server.active_calls{"+echoCommands+"}"])
	require.EqualValues(t, 1, measured["natsgrpc.server.slots{"+echoCommands+"}"])
	require.EqualValues(t, 0, measured["natsgrpc.queue.age{"+echoQueries+"}"])
	age := measured["natsgrpc.queue.age{"+echoCommands+"}"]
	require.Positive(t, age)
	require.LessOrEqual(t, age, time.Since(published).Seconds())
	close(release)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)

	another := newTold(t) // the first one reads again after 5 seconds only
	another.serve(nc, handle)
	require.EqualValues(t, 0, another.measured()["natsgrpc.queue.depth{"+echoCommands+"}"])
	require.EqualValues(t, 0, another.measured()["natsgrpc.queue.age{"+echoCommands+"}"])
}

func TestAQueueThatCannotBeReadHardlyDelaysACollection(t *testing.T) {
	all := natsgrpc.ServerPermissions("_INBOX_echo", echoService)
	options := &server.Options{Users: []*server.User{user("echo", all), {Username: "admin", Password: "admin"}}}
	ns := natsgrpctest.NewServerWith(t, options)
	admin, err := nats.Connect(ns.ClientURL(), nats.UserInfo("admin", "admin"))
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo("echo", "echo"), nats.CustomInboxPrefix("_INBOX_echo"),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	service := newTold(t)
	service.serve(nc, register(echo), natsgrpc.WithVerifyOnly())

	// From now on nobody answers when it asks for its commands.
	less := all
	less.Publish = slices.DeleteFunc(slices.Clone(all.Publish), func(subject string) bool { return subject == "$JS.API.STREAM.INFO."+commandStream })
	reloaded := options.Clone()
	reloaded.Users[0] = user("echo", less)
	require.NoError(t, ns.ReloadOptions(reloaded))
	require.Eventually(t, nc.IsConnected, soon, time.Millisecond)
	start := time.Now()
	measured := service.measured()
	require.Less(t, time.Since(start), 2*time.Second)
	require.NotContains(t, measured, "natsgrpc.queue.depth{"+echoCommands+"}")
	require.Contains(t, measured, "natsgrpc.queue.depth{"+echoQueries+"}")
	require.Contains(t, measured, "natsgrpc.server.slots{"+echoCommands+"}")
	start = time.Now()
	require.Equal(t, measured, service.measured(), "it reads once in 5 seconds")
	require.Less(t, time.Since(start), time.Second)
}

func TestTheLogOfAnAttemptCarriesItsSpan(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	service := newTold(t)
	var log bytes.Buffer
	logger := slog.New(spanHandler{slog.NewTextHandler(&log, nil)})
	service.serve(nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if info, _ := natsgrpc.FromContext(ctx); info.Attempt == 1 {
			return nil, natsgrpc.Retry(errors.New("gone"), time.Millisecond)
		}
		return payload, nil
	}), natsgrpc.WithLogger(logger))
	_, err := query(t.Context(), connect(t, nc), "x")
	require.NoError(t, err)
	first := service.ended(2)[0]
	require.Contains(t, log.String(), `msg="natsgrpc: an attempt failed"`)
	require.Contains(t, log.String(), "span="+first.SpanContext().SpanID().String())
}

// spanHandler adds the span of the context to what is logged, as OpenTelemetry's bridges do.
type spanHandler struct{ slog.Handler }

func (h spanHandler) Handle(ctx context.Context, record slog.Record) error {
	record.AddAttrs(slog.String("span", trace.SpanContextFromContext(ctx).SpanID().String()))
	return h.Handler.Handle(ctx, record)
}

// BenchmarkTelemetry makes calls one after the other, with nothing reported and with all.
func BenchmarkTelemetry(b *testing.B) {
	none := []natsgrpc.Option{}
	spans := []natsgrpc.Option{natsgrpc.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(tracetest.NewNoopExporter())))}
	metrics := []natsgrpc.Option{natsgrpc.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))}
	for _, c := range []struct {
		name    string
		options []natsgrpc.Option
	}{{"none", none}, {"spans", spans}, {"metrics", metrics}, {"both", slices.Concat(spans, metrics)}} {
		b.Run(c.name, func(b *testing.B) {
			ns := natsgrpctest.NewServer(b)
			var serverOptions []natsgrpc.ServerOption
			var connOptions []natsgrpc.ConnOption
			for _, option := range c.options {
				serverOptions, connOptions = append(serverOptions, option), append(connOptions, option)
			}
			srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns), serverOptions...)
			require.NoError(b, err)
			testpb.RegisterTestServiceServer(srv, interop.NewTestServer())
			stop := serveUntil(b, srv)
			conn, err := natsgrpc.NewConn(natsgrpctest.Connect(b, ns), connOptions...)
			require.NoError(b, err)
			client := testpb.NewTestServiceClient(conn)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.EmptyCall(b.Context(), &testpb.Empty{}); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, errors.Join(conn.Close(), stop()))
		})
	}
}
