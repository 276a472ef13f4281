package server

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/admission"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/openapi"
	"github.com/codingflow/rating/proxy/transcode"
)

// requestTimeout documents the header by which clients say how long they wait.
func requestTimeout() openapi.Header {
	return openapi.Header{
		Name: transcode.RequestTimeoutHeader,
		Description: "How long the client waits for the answer, in seconds as a decimal number above 0, such as `2.5`. " +
			"After that time the call is cancelled and answered with 504.",
	}
}

// admitter decides which requests for a method are served, of all protocols. It is asked where a request has found its
// method and its body is not read yet, so that all that is not the API's (health, documents, the web app) is never
// refused.
//
// A request counts for its address until its token is checked, which bounds those checks too, and then for its principal.
type admitter struct {
	calls, streams *admission.Limiter
	next           rpcAuthorizer
}

// rpcAuthorizer is an rpc.Authorizer, in whose form the authenticator has it too.
type rpcAuthorizer = func(ctx context.Context, method protoreflect.MethodDescriptor, header http.Header) (context.Context, metadata.MD, error)

// newAdmitter returns the admitter in front of a config's authenticator. It fails if a limit is not positive.
func newAdmitter(config Config) (*admitter, error) {
	calls, err := admission.NewLimiter(admission.Limits{InFlight: config.MaxInFlight, PerClient: config.MaxInFlightPerClient})
	if err != nil {
		return nil, err
	}
	streams, err := admission.NewLimiter(admission.Limits{InFlight: config.MaxStreams, PerClient: config.MaxStreamsPerClient})
	if err != nil {
		return nil, err
	}
	return &admitter{calls: calls, streams: streams, next: config.Auth.Authorize}, nil
}

// authorize is an rpc.Authorizer.
func (a *admitter) authorize(ctx context.Context, method protoreflect.MethodDescriptor, header http.Header) (context.Context, metadata.MD, error) {
	limiter := a.calls
	if method.IsStreamingClient() || method.IsStreamingServer() {
		limiter = a.streams
	}
	visit := &accessOf(ctx).visit
	if err := visit.enter(limiter); err != nil {
		return nil, nil, err
	}
	ctx, md, err := a.next(ctx, method, header)
	if err != nil {
		return nil, nil, err
	}
	if principal, known := auth.PrincipalFrom(ctx); known && principal != auth.Development {
		if err := visit.move(admission.Principal(principal.Issuer, principal.Subject)); err != nil {
			return nil, nil, err
		}
	}
	return ctx, md, nil
}

// authorizeREST is a transcode.Authorizer.
func (a *admitter) authorizeREST(ctx context.Context, b *transcode.Binding, r *http.Request) (context.Context, metadata.MD, error) {
	return a.authorize(ctx, b.Method, r.Header)
}

// visit is what an admitter has to know of a request until its end. It is part of its record.
type visit struct {
	begun   bool
	client  admission.Client
	limiter *admission.Limiter // that it has entered, nil before
}

// enter has the request enter a limiter, which a request does once. Those that nobody ends are not counted.
func (v *visit) enter(limiter *admission.Limiter) error {
	if !v.begun || v.limiter != nil {
		return nil
	}
	if err := limiter.Enter(v.client); err != nil {
		return err
	}
	v.limiter = limiter
	return nil
}

// move counts the request for another client.
func (v *visit) move(to admission.Client) error {
	if v.limiter != nil {
		if err := v.limiter.Move(v.client, to); err != nil {
			return err
		}
	}
	v.client = to
	return nil
}

// leave ends what enter has begun.
func (v *visit) leave() {
	if v.limiter != nil {
		v.limiter.Leave(v.client)
		v.limiter = nil
	}
}

// withAdmission counts a request, from when the admitter is asked until it has been answered.
func withAdmission(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visit := &accessOf(r.Context()).visit
		visit.begun, visit.client = true, admission.At(r.RemoteAddr)
		defer visit.leave()
		next.ServeHTTP(w, r)
	})
}

// admitted returns a connection that refuses calls which would wait for too long, if it is known how long they would.
func admitted(conn grpc.ClientConnInterface, config Config) (grpc.ClientConnInterface, error) {
	if config.ExpectedWait == nil {
		return conn, nil
	}
	return admission.NewConn(conn, admission.ConnOptions{
		ExpectedWait: config.ExpectedWait,
		MaxWait:      config.MaxWait,
		Client:       func(ctx context.Context) admission.Client { return accessOf(ctx).visit.client },
	})
}
