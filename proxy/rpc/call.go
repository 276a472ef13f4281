package rpc

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Call is a request that has been answered.
type Call struct {
	// Method is `/package.Service/Method`, empty if there is no such method.
	Method string
	// Protocol is "grpc", "grpcweb" or "connect".
	Protocol string
	// Code is the gRPC status code. It is UNKNOWN where the framing has refused a stream of Connect.
	Code codes.Code
	// Err is what went wrong, nil for OK. It may hold what clients must not see.
	Err error
}

// call is what the parts of the handler share about a request.
type call struct {
	Call
	response *response
	options  []grpc.CallOption
	// halfDuplex is set when the client cannot be answered before it has sent everything.
	halfDuplex bool
	// over is set when Code and Err are.
	over bool
	// answer is the only response message, nil before it is there.
	answer *message
}

type callKey struct{}

// callOf returns the call that a context of connect belongs to.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// stopReading ends a read of the request that is under way, and all that follow.
func (c *call) stopReading() {
	if c.halfDuplex {
		// To net/http a failed read over HTTP/1.1 means that the client has left: it cancels the contexts of all requests
		// of the connection, later ones too.
		c.response.Header().Set("Connection", "close")
	}
	// A writer without deadlines has the request in memory, and no read of it waits.
	_ = c.response.control.SetReadDeadline(time.Unix(1, 0))
}

// end notes the error that connect is given.
func (c *call) end(err error) {
	c.over = true
	c.Code = codeOf(err)
	if c.Err == nil {
		c.Err = err
	}
}

// result returns what the observer is told.
func (c *call) result() Call {
	switch {
	case !c.over:
		c.Code, c.Err = c.response.refusal(), errRefused
	case c.answer != nil && c.answer.fault != nil:
		c.Code, c.Err = codes.Internal, c.answer.fault
	}
	return c.Call
}

// errRefused stands for the errors that connect answers by itself.
var errRefused = errors.New("rpc: the request breaks the rules of its protocol or a limit")

// refusal returns the code of an answer that connect has given by itself.
func (w *response) refusal() codes.Code {
	const key = "Grpc-Status"
	for _, header := range []string{http.TrailerPrefix + key, key} {
		if values := w.Header()[header]; len(values) > 0 {
			if code, err := strconv.ParseUint(values[0], 10, 32); err == nil {
				return codes.Code(code)
			}
		}
	}
	switch w.status {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return codes.Unimplemented
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusInternalServerError:
		return codes.Internal
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	case statusClientGone:
		return codes.Canceled
	}
	return codes.Unknown
}

// statusClientGone is what Connect answers to a call that was cancelled.
const statusClientGone = 499

// protocolOf tells the protocol of a request by its content type. Connect has the others, and GET.
func protocolOf(r *http.Request) string {
	switch contentType := r.Header.Get("Content-Type"); {
	case strings.HasPrefix(contentType, "application/grpc-web"):
		return connect.ProtocolGRPCWeb
	case strings.HasPrefix(contentType, "application/grpc"):
		return connect.ProtocolGRPC
	}
	return connect.ProtocolConnect
}

// observeStreams is the interceptor that notes how streams end.
type observeStreams struct{}

var _ connect.Interceptor = observeStreams{}

func (observeStreams) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }

func (observeStreams) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (observeStreams) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, conn)
		callOf(ctx).end(err)
		return err
	}
}
