package operations_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/operations"
)

// An operation that one proxy has started is another's to serve, in each of its states.
func TestAnOperationIsEveryProxys(t *testing.T) {
	l := newLab(t)
	release := make(chan struct{})
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) {
		<-release
		return payload, nil
	})
	first, second := l.proxy(), l.proxy()
	require.Empty(t, second.list(t, l.as("ada")))
	before := time.Now()
	started, err := first.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	require.Regexp(t, `^operations/[A-Z2-7]{52}$`, started.GetName())
	require.False(t, started.GetDone())
	metadata := metadataOf(t, started)
	require.Equal(t, "natsgrpctest.v1.EchoService.Command", metadata.GetMethod())
	require.WithinRange(t, metadata.GetCreateTime().AsTime(), before, time.Now())
	require.Equal(t, natsgrpc.DefaultLifetime, metadata.GetDeadline().AsTime().Sub(metadata.GetCreateTime().AsTime()))
	require.NoError(t, first.conn.Close()) // it is gone

	got, err := second.get(l.as("ada"), started.GetName())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(started, got, protocmp.Transform()))
	require.Empty(t, cmp.Diff([]*longrunningpb.Operation{started}, second.list(t, l.as("ada")), protocmp.Transform()))
	waiting := make(chan *longrunningpb.Operation, 1)
	go func() {
		operation, err := second.wait(l.as("ada"), started.GetName())
		if err != nil {
			t.Error(err)
		}
		waiting <- operation
	}()
	close(release)
	done := await(t, "the operation", waiting)
	require.Equal(t, "hello", responseOf(t, done))
	require.Empty(t, cmp.Diff(started.GetMetadata(), done.GetMetadata(), protocmp.Transform()))
	got, err = second.get(l.as("ada"), started.GetName())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(done, got, protocmp.Transform()))
	require.Empty(t, cmp.Diff([]*longrunningpb.Operation{done}, second.list(t, l.as("ada")), protocmp.Transform()))
}

func TestAnOperationIsItsPrincipalsAlone(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	p := l.proxy()
	adas, err := p.start(l.as("ada"), "key", "hello")
	require.NoError(t, err)
	bobs, err := p.start(l.as("bob"), "key", "hello")
	require.NoError(t, err)
	require.NotEqual(t, adas.GetName(), bobs.GetName())
	_, err = p.wait(l.as("bob"), bobs.GetName())
	require.NoError(t, err)

	const notFound = "rpc error: code = NotFound desc = there is no such operation, or its answer is not kept any more"
	for _, name := range []string{
		adas.GetName(), "operations/unknown", "operations/*", "operations/>", "operations/" + strings.Repeat("A", 52),
		adas.GetName() + "A", "operations/" + strings.Repeat(".", 52), "operations/" + strings.Repeat("*", 52),
	} {
		_, err = p.get(l.as("bob"), name)
		require.EqualError(t, err, notFound, name)
		_, err = p.wait(l.as("bob"), name)
		require.EqualError(t, err, notFound, name)
	}
	listed := p.list(t, l.as("bob"))
	require.Len(t, listed, 1)
	require.Equal(t, bobs.GetName(), listed[0].GetName())
	require.Empty(t, p.list(t, l.as("eve")))

	const nobody = "rpc error: code = Unauthenticated desc = operations belong to principals, and the call has none"
	_, err = p.start(t.Context(), "", "hello")
	require.EqualError(t, err, nobody)
	_, err = p.get(t.Context(), adas.GetName())
	require.EqualError(t, err, nobody)
	_, err = p.ListOperations(t.Context(), &operationsv1.ListOperationsRequest{})
	require.EqualError(t, err, nobody)

	developer, _, err := auth.NewUnchecked().Authorize(t.Context(), command, nil)
	require.NoError(t, err)
	operation, err := p.start(developer, "", "hello")
	require.NoError(t, err)
	operation, err = p.wait(developer, operation.GetName())
	require.NoError(t, err)
	require.Equal(t, "hello", responseOf(t, operation))
}

// An operation ends with the service's error, as far as it is for clients.
func TestAnOperationFails(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) {
		switch string(payload) {
		case "missing":
			st, err := status.New(codes.NotFound, "no such thing").WithDetails(
				&errdetails.ErrorInfo{Reason: "MISSING", Domain: "test"}, &errdetails.DebugInfo{Detail: "a secret"})
			if err != nil {
				return nil, err
			}
			return nil, st.Err()
		case "broken":
			return nil, errors.New("a secret")
		case "away":
			return nil, status.Error(codes.Unavailable, "10.0.0.1 is away")
		}
		return nil, natsgrpc.Retry(errors.New("a secret"), time.Millisecond)
	})
	p := l.proxy()
	for payload, want := range map[string]string{
		"missing": `code:5  message:"no such thing"  details:{[type.googleapis.com/google.rpc.ErrorInfo]:{reason:"MISSING"  domain:"test"}}`,
		"broken":  `code:2  message:"internal error"`,
		"away":    `code:14  message:"the service is unavailable"`,
		"poison":  `code:13  message:"internal error"  details:{[type.googleapis.com/google.rpc.ErrorInfo]:{reason:"ATTEMPTS_EXHAUSTED"  domain:"natsgrpc"}}`,
	} {
		operation, err := p.start(l.as("ada"), "", payload)
		require.NoError(t, err)
		operation, err = p.wait(l.as("ada"), operation.GetName())
		require.NoError(t, err)
		requireError(t, want, operation)
	}
}

// descriptions are the messages that are known now.
type descriptions = protoregistry.Types

// An answer of a message that nothing describes any more is told of, and shown when something does again. It does not stand in
// the way of others.
func TestAnAnswerThatNothingDescribes(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == "missing" {
			return nil, status.Error(codes.NotFound, "no such thing")
		}
		return payload, nil
	})
	known := &descriptions{}
	p := l.proxy(operations.WithTypes(known))
	operation, err := p.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	failing, err := p.start(l.as("ada"), "", "missing")
	require.NoError(t, err)
	const unknown = `code:9 message:"the command has succeeded, but no service describes its answer, a natsgrpctest.v1.CommandResponse, any more" ` +
		`details:{[type.googleapis.com/google.rpc.ErrorInfo]:{reason:"ANSWER_UNKNOWN" domain:"operations.v1" metadata:{key:"type" value:"natsgrpctest.v1.CommandResponse"}}}`
	done, err := p.wait(l.as("ada"), operation.GetName())
	require.NoError(t, err)
	requireError(t, unknown, done)
	failed, err := p.wait(l.as("ada"), failing.GetName())
	require.NoError(t, err)
	requireError(t, `code:5 message:"no such thing"`, failed)
	listed := p.list(t, l.as("ada"))
	require.Len(t, listed, 2)
	requireError(t, unknown, listed[0])

	require.NoError(t, known.RegisterMessage((&pb.CommandResponse{}).ProtoReflect().Type()))
	done, err = p.get(l.as("ada"), operation.GetName())
	require.NoError(t, err)
	require.Equal(t, "hello", responseOf(t, done))
}

// requireError requires that an operation ends with a status, which is in the text format.
func requireError(t *testing.T, want string, operation *longrunningpb.Operation) {
	t.Helper()
	parsed := &rpcstatus.Status{}
	require.NoError(t, prototext.Unmarshal([]byte(want), parsed))
	require.True(t, operation.GetDone())
	require.Empty(t, cmp.Diff(parsed, operation.GetError(), protocmp.Transform()))
}

// A key has one operation, also for those who call without waiting for one.
func TestAKeyHasOneOperation(t *testing.T) {
	l := newLab(t)
	runs, release := make(chan struct{}, 10), make(chan struct{})
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) {
		runs <- struct{}{}
		<-release
		return payload, nil
	})
	p := l.proxy()
	first, err := p.start(l.as("ada"), "key", "hello")
	require.NoError(t, err)
	await(t, "the handler", runs)
	for range 2 {
		again, err := l.proxy().start(l.as("ada"), "key", "hello")
		require.NoError(t, err)
		require.Equal(t, first.GetName(), again.GetName())
		require.Equal(t, metadataOf(t, first).GetCreateTime().AsTime(), metadataOf(t, again).GetCreateTime().AsTime())
		_, err = l.proxy().start(l.as("ada"), "key", "another")
		requireReused(t, err)
	}
	close(release)
	done, err := p.wait(l.as("ada"), first.GetName())
	require.NoError(t, err)
	require.Equal(t, "hello", responseOf(t, done))
	_, err = p.start(l.as("ada"), "key", "another")
	requireReused(t, err)
	require.Len(t, p.list(t, l.as("ada")), 1)
	require.Empty(t, runs)

	// Of a command that was called the ordinary way there is an operation once somebody asks for it.
	principal, _ := auth.PrincipalFrom(l.as("ada"))
	_, err = pb.NewEchoServiceClient(p.conn).Command(t.Context(), &pb.CommandRequest{Payload: []byte("called")}, natsgrpc.IdempotencyKey(principal.ID(), "other"))
	require.NoError(t, err)
	_, err = p.start(l.as("ada"), "other", "with another body")
	requireReused(t, err)
	require.Len(t, p.list(t, l.as("ada")), 1)
	called, err := p.start(l.as("ada"), "other", "called")
	require.NoError(t, err)
	called, err = p.get(l.as("ada"), called.GetName())
	require.NoError(t, err)
	require.Equal(t, "called", responseOf(t, called))
}

func requireReused(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.Contains(t, err.Error(), "the idempotency key was used for a request with another body")
}

// What a proxy leaves behind that was lost between record and command is pending for a while, and then gone.
func TestARecordWithoutACommandIsGone(t *testing.T) {
	l := newLab(t)
	l.queue()
	name, err := l.proxy().service.PutRecord(l.as("ada"), command, "key")
	require.NoError(t, err)
	operation, err := l.proxy().get(l.as("ada"), name)
	require.NoError(t, err)
	require.False(t, operation.GetDone())
	require.Len(t, l.proxy().list(t, l.as("ada")), 1)

	impatient := l.proxy(operations.WithTiming(time.Minute, 0, 0))
	_, err = impatient.get(l.as("ada"), name)
	require.Equal(t, codes.NotFound, status.Code(err))
	_, err = impatient.wait(l.as("ada"), name)
	require.Equal(t, codes.NotFound, status.Code(err))
	require.Empty(t, impatient.list(t, l.as("ada")))

	// The client that repeats its request goes on with the same operation.
	again, err := impatient.start(l.as("ada"), "key", "hello")
	require.NoError(t, err)
	require.Equal(t, name, again.GetName())
	require.Len(t, impatient.list(t, l.as("ada")), 1)
}

// An operation that nobody takes ends all the same, and ends alike for a worker that comes later.
func TestAnOperationThatNobodyTakesEnds(t *testing.T) {
	l := newLab(t)
	l.queue()
	const lifetime = 100 * time.Millisecond
	p := l.proxy(operations.WithTiming(lifetime, time.Minute, time.Millisecond))
	started, err := p.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	var done *longrunningpb.Operation
	require.Eventually(t, func() bool {
		done, err = p.get(l.as("ada"), started.GetName())
		return err == nil && done.GetDone()
	}, soon, 10*time.Millisecond)
	const late = `code: 4 message: "the call took too long"`
	requireError(t, late, done)
	patient := l.proxy()
	l.serve(func(context.Context, []byte) ([]byte, error) {
		t.Error("it is called after its deadline")
		return nil, nil
	})
	require.Eventually(t, func() bool {
		done, err = patient.get(l.as("ada"), started.GetName())
		return err == nil && done.GetDone()
	}, soon, 10*time.Millisecond)
	requireError(t, late, done)
}

func TestAnOperationWhoseAnswerIsGoneIsGone(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	p := l.proxy(operations.WithTiming(time.Minute, 0, 0))
	operation, err := p.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	_, err = p.wait(l.as("ada"), operation.GetName())
	require.NoError(t, err)
	responses, err := l.js.Stream(t.Context(), "RESPONSES")
	require.NoError(t, err)
	require.Eventually(t, func() bool { // who waits may have the answer before the stream has it
		info, err := responses.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	}, soon, time.Millisecond)
	require.NoError(t, responses.Purge(t.Context()))
	require.Eventually(t, func() bool { // the request may still be about to be acknowledged
		_, err := p.get(l.as("ada"), operation.GetName())
		return status.Code(err) == codes.NotFound
	}, soon, 10*time.Millisecond)
	require.Empty(t, p.list(t, l.as("ada")))
}

// A command that no queue takes leaves nothing.
func TestAnOperationThatIsRefusedIsNone(t *testing.T) {
	l := newLab(t)
	p := l.proxy()
	_, err := p.start(l.as("ada"), "", "hello")
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.Empty(t, p.list(t, l.as("ada")))
	l.queue()
	require.Empty(t, p.list(t, l.as("ada")))
	bucket, err := l.js.Stream(t.Context(), operations.Stream().Name)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		info, err := bucket.Info(t.Context())
		return err == nil && info.State.Msgs == 0
	}, soon, 50*time.Millisecond)
}

func TestAWaitEnds(t *testing.T) {
	l := newLab(t)
	l.queue()
	p := l.proxy()
	started, err := p.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	for name, wait := range map[string]func() (*longrunningpb.Operation, error){
		"by its timeout": func() (*longrunningpb.Operation, error) {
			return p.WaitOperation(l.as("ada"), &operationsv1.WaitOperationRequest{Name: started.GetName(), Timeout: durationpb.New(50 * time.Millisecond)})
		},
		"at once": func() (*longrunningpb.Operation, error) {
			return p.WaitOperation(l.as("ada"), &operationsv1.WaitOperationRequest{Name: started.GetName(), Timeout: &durationpb.Duration{}})
		},
		"before its call": func() (*longrunningpb.Operation, error) {
			call, cancel := context.WithTimeout(l.as("ada"), 2*time.Second)
			defer cancel()
			return p.wait(call, started.GetName())
		},
	} {
		operation, err := wait()
		require.NoError(t, err, name)
		require.Empty(t, cmp.Diff(started, operation, protocmp.Transform()), name)
	}
	left, leave := context.WithCancel(l.as("ada"))
	leave()
	_, err = p.wait(left, started.GetName())
	require.Equal(t, codes.Canceled, status.Code(err), "%v", err)
}

func TestPagesCoverTheList(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	p := l.proxy()
	var want []string
	for i := range 7 {
		operation, err := p.start(l.as("ada"), "", fmt.Sprint(i))
		require.NoError(t, err)
		want = append(want, operation.GetName())
		_, err = p.start(l.as("bob"), "", fmt.Sprint(i))
		require.NoError(t, err)
	}
	for size, pages := range map[int32]int{0: 1, 3: 3, 7: 1, 1000: 1, 1: 7} {
		var got []string
		request := &operationsv1.ListOperationsRequest{PageSize: size}
		for n := 1; ; n++ {
			page, err := p.ListOperations(l.as("ada"), request)
			require.NoError(t, err)
			for _, operation := range page.GetOperations() {
				got = append(got, operation.GetName())
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				require.Equal(t, pages, n, "pages of %d", size)
				break
			}
		}
		require.Equal(t, want, got)
	}
	again, err := p.start(l.as("ada"), "", "hello")
	require.NoError(t, err)
	listed := p.list(t, l.as("ada"))
	require.Equal(t, again.GetName(), listed[len(listed)-1].GetName(), "the last one that was started")
}

// A page of large answers ends early.
func TestAPageIsBounded(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	p := l.proxy()
	large := strings.Repeat("x", 400<<10)
	for range 10 {
		operation, err := p.start(l.as("ada"), "", large)
		require.NoError(t, err)
		_, err = p.wait(l.as("ada"), operation.GetName())
		require.NoError(t, err)
	}
	page, err := p.ListOperations(l.as("ada"), &operationsv1.ListOperationsRequest{})
	require.NoError(t, err)
	require.Len(t, page.GetOperations(), 2)
	require.Len(t, p.list(t, l.as("ada")), 10)
}

func TestABucketThatIsLostIsMadeAgain(t *testing.T) {
	l := newLab(t)
	l.queue()
	p := l.proxy()
	started, err := p.start(l.as("ada"), "key", "hello")
	require.NoError(t, err)
	require.NoError(t, l.js.DeleteStream(t.Context(), operations.Stream().Name))
	_, err = p.get(l.as("ada"), started.GetName())
	require.Error(t, err)
	require.Eventually(t, func() bool {
		again, err := p.start(l.as("ada"), "key", "hello")
		return err == nil && again.GetName() == started.GetName()
	}, soon, 10*time.Millisecond)
	require.Len(t, p.list(t, l.as("ada")), 1)
	require.NoError(t, operations.Ensure(t.Context(), l.js))
}

func TestWithoutNATSOperationsAreUnavailable(t *testing.T) {
	l := newLab(t)
	p := l.proxy()
	l.ns.Shutdown()
	l.ns.WaitForShutdown()
	require.Eventually(t, func() bool { // it notices that
		start := time.Now()
		_, err := p.get(l.as("ada"), "operations/"+strings.Repeat("A", 52))
		return status.Code(err) == codes.Unavailable && time.Since(start) < time.Second
	}, soon, time.Millisecond)
	_, err := p.start(l.as("ada"), "", "hello")
	require.EqualError(t, err, "rpc error: code = Unavailable desc = operations are not available at the moment")
	_, err = p.get(l.as("ada"), "operations/"+strings.Repeat("A", 52))
	require.EqualError(t, err, "rpc error: code = Unavailable desc = operations are not available at the moment")
}

func TestNewRefuses(t *testing.T) {
	_, err := operations.New(nil, nil, operations.WithLogger(nil))
	require.EqualError(t, err, "operations: logger is nil")
	_, err = operations.New(nil, nil, operations.WithTypes(nil))
	require.EqualError(t, err, "operations: types are nil")
}

// The connection passes on what is not the service's.
func TestTheConnectionHasOtherServicesToo(t *testing.T) {
	l := newLab(t)
	l.serve(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	p := l.proxy()
	conn := p.service.Conn(p.conn)
	reply, err := pb.NewEchoServiceClient(conn).Query(t.Context(), &pb.QueryRequest{Payload: []byte("hello")})
	require.NoError(t, err)
	require.Equal(t, "hello", string(reply.GetPayload()))
	_, err = conn.NewStream(t.Context(), &grpc.StreamDesc{}, "/operations.v1.OperationService/GetOperation")
	require.EqualError(t, err, "rpc error: code = Unimplemented desc = /operations.v1.OperationService/GetOperation is no stream")
	_, err = conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/no.such.Service/Method")
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.Error(t, conn.Invoke(t.Context(), "/operations.v1.OperationService/Nothing", nil, nil))
}
