package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/proto/descriptors"
)

// Async starts calls that go on without their clients.
type Async interface {
	// Takes reports whether the call of a request, which has passed the authorizer, can be started. If not, the call is made as
	// if the client had not asked for that.
	Takes(ctx context.Context, b *Binding) bool
	// Start makes a call of an encoded request and returns as soon as it is certain to go on by itself. The context has the
	// metadata of the call, and what the authorizer has given. Errors are those of a call.
	Start(ctx context.Context, b *Binding, r *http.Request, request []byte) (*Operation, error)
}

// Operation is a call that goes on by itself.
type Operation struct {
	// Location is the path, with the prefix of the API, at which clients ask for the operation.
	Location string
	// Message is what they get there now, such as a google.longrunning.Operation.
	Message proto.Message
	// RetryAfter is when it is worth asking there first.
	RetryAfter time.Duration
	// Await waits for the call's response, encoded. It reports false where there is none when ctx ends, or none that can be got
	// now; otherwise the error is the call's.
	Await func(ctx context.Context, response *[]byte, opts ...grpc.CallOption) (answered bool, err error)
}

// WithAsync answers a unary command whose request has the header `Prefer: respond-async` (RFC 7240) with 202 and its
// operation as soon as it is started. With `Prefer: respond-async, wait=5` that is so only if the command takes longer than 5
// seconds; sooner it is answered as any. Preference-Applied tells the client what was heeded. Queries, which are the methods
// with `idempotency_level = NO_SIDE_EFFECTS`, and streams are answered as if the client had not asked. By default all are.
func WithAsync(async Async) Option {
	return optionFunc(func(o *options) error {
		if async == nil {
			return errors.New("async is nil")
		}
		o.async = async
		return nil
	})
}

// prefersAsync reports whether the client of a request would rather have the answer later, and can. It returns how long the
// client waits for it first.
func (h *Handler) prefersAsync(r *http.Request, found *route) (wait time.Duration, ok bool) {
	if h.options.async == nil || len(r.Header["Prefer"]) == 0 || found.streams() || descriptors.IsQuery(found.binding.Method) {
		return 0, false
	}
	p := preferencesOf(r.Header)
	return min(p.wait, h.options.timeout), p.respondAsync && h.options.async.Takes(r.Context(), found.binding)
}

// serveAsync answers a request with its response, if that comes within a time, or else with its operation.
func (h *Handler) serveAsync(w http.ResponseWriter, r *http.Request, call Call, found *route, segments []string, wait time.Duration) {
	operation, err := h.start(w, r, found, segments)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	contentType, body, answered, err := h.await(w, r, found, operation, wait)
	switch {
	case answered:
		w.Header().Set("Preference-Applied", waited(wait))
	case err == nil:
		call.HTTPStatus = http.StatusAccepted
		contentType, body, err = h.accepted(w, operation, wait)
	}
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	writeBody(w, r, call.HTTPStatus, contentType, body)
	h.options.observe(r.Context(), call)
}

// start starts the call of a request.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, found *route, segments []string) (*Operation, error) {
	ctx, request, err := h.unary(w, r, found, segments)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.options.timeout)
	defer cancel()
	return h.options.async.Start(ctx, found.binding, r, request)
}

// await returns what to answer if the response of an operation comes within a time. Response headers are set on w.
func (h *Handler) await(
	w http.ResponseWriter, r *http.Request, found *route, operation *Operation, wait time.Duration,
) (contentType string, body []byte, answered bool, err error) {
	if wait <= 0 {
		return "", nil, false, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	var (
		response        []byte
		header, trailer metadata.MD
	)
	answered, err = operation.Await(ctx, &response, grpc.ForceCodecV2(rawCodec{}), grpc.Header(&header), grpc.Trailer(&trailer))
	if gone := r.Context().Err(); !answered && errors.Is(gone, context.Canceled) {
		return "", nil, false, gone
	}
	if !answered {
		return "", nil, false, nil
	}
	h.setHeaders(w.Header(), header, trailer)
	if err == nil {
		contentType, body, err = found.answer(response)
	}
	return contentType, body, true, err
}

// accepted returns the body of an answer that tells of an operation, and sets its headers.
func (h *Handler) accepted(w http.ResponseWriter, operation *Operation, wait time.Duration) (contentType string, body []byte, err error) {
	applied := "respond-async"
	if wait > 0 {
		applied += ", " + waited(wait)
	}
	data, err := protojson.MarshalOptions{Resolver: h.types, EmitUnpopulated: true}.Marshal(operation.Message)
	var compact bytes.Buffer // protojson's white space varies from build to build
	if err == nil {
		err = json.Compact(&compact, data)
	}
	if err != nil {
		fault := newHTTPError(http.StatusInternalServerError, codes.Internal, "internal error")
		fault.cause = fmt.Errorf("encode an operation: %w", err)
		return "", nil, fault
	}
	header := w.Header()
	header.Set("Preference-Applied", applied)
	header.Set("Location", operation.Location)
	header.Set("Retry-After", strconv.FormatInt(max(1, wholeSeconds(operation.RetryAfter)), 10))
	return contentTypeJSON, compact.Bytes(), nil
}

// waited is the preference to wait, as it was heeded.
func waited(wait time.Duration) string {
	return "wait=" + strconv.FormatInt(int64(wait/time.Second), 10)
}
