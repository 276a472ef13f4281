package transcode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Handler serves the annotated methods of a set of services. It is an http.Handler, does not change after New, and holds
// nothing that has to be closed.
//
// When the client leaves before its answer, ServeHTTP panics with http.ErrAbortHandler, as net/http has it: to return
// would mean an empty 200 to a client that closed only its sending side.
type Handler struct {
	conn     grpc.ClientConnInterface
	options  options
	types    Types
	routes   trie[*route]
	bindings []*Binding
	skipped  []Skipped
}

var _ http.Handler = (*Handler)(nil)

// Skipped is a binding of an annotated method that has no route.
type Skipped struct {
	Method protoreflect.FullName
	Reason string
}

// route is what the trie leads to.
type route struct {
	binding *Binding
	codec   Codec
	// rpc is the full method name of gRPC, `/package.Service/Method`.
	rpc  string
	desc grpc.StreamDesc
	// requestBody and answerBody are where a google.api.HttpBody takes the place of JSON, nil where it does not.
	requestBody, answerBody *httpBody
	resume                  *resumption // nil if streams are not resumed
}

func (r *route) streams() bool { return r.desc.ClientStreams || r.desc.ServerStreams }

// request returns the wire form of a request message. The content type is for an HttpBody only.
func (r *route) request(in Input, contentType string) ([]byte, error) {
	var wire []byte
	if r.requestBody != nil {
		// A message is merged from its parts: what follows, the path's, wins.
		wire = r.requestBody.appendWire(nil, contentType, in.Body)
		in.Body = nil
	}
	wire, err := r.codec.AppendRequest(wire, in)
	if err != nil {
		return nil, codecError("request", r, err)
	}
	return wire, nil
}

// answer returns the body that answers a response message, and its content type.
func (r *route) answer(wire []byte) (contentType string, body []byte, err error) {
	if r.answerBody != nil {
		contentType, body, err = r.answerBody.read(wire)
	} else {
		contentType = contentTypeJSON
		body, err = r.codec.AppendResponse(nil, wire)
	}
	if err != nil {
		return "", nil, codecError("response", r, err)
	}
	return contentType, body, nil
}

// New returns a handler for all annotated methods of the services, which calls them on conn. It fails if an option is
// invalid, an annotation breaks a rule of google.api.http, or two bindings have the same HTTP method and pattern; the
// error joins everything that is wrong.
//
// A service may be there in several versions, which are descriptors of the same full name. Each method is that of the
// first version that has it, and a later version's binding gives way to an earlier one's of the same HTTP method and
// pattern.
func New(conn grpc.ClientConnInterface, services []protoreflect.ServiceDescriptor, opts ...Option) (*Handler, error) {
	if conn == nil {
		return nil, errors.New("transcode: connection is nil")
	}
	h := &Handler{conn: conn, options: options{
		timeout:    DefaultTimeout,
		streamIdle: DefaultStreamIdle,
		heartbeat:  DefaultHeartbeat,
		maxBody:    DefaultMaxBody,
		observe:    func(context.Context, Call) {},
	}}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt.apply(&h.options))
	}
	h.types = TypesOf(services, h.options.types...)
	if h.options.newCodec == nil {
		newCodec, err := newCompiledCodec(h.types)
		errs = append(errs, err)
		h.options.newCodec = newCodec
	}
	seen := map[protoreflect.FullName]bool{}
	for _, service := range services {
		for i := range service.Methods().Len() {
			if method := service.Methods().Get(i); !seen[method.FullName()] {
				seen[method.FullName()] = true
				errs = append(errs, h.addMethod(method))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("transcode: %w", err)
	}
	return h, nil
}

func (h *Handler) addMethod(method protoreflect.MethodDescriptor) error {
	found, err := bindings(method)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range found {
		if method.IsStreamingClient() && !b.HasBody() {
			h.skipped = append(h.skipped, Skipped{
				Method: method.FullName(),
				Reason: fmt.Sprintf("%s has no body for the messages of the client", b),
			})
			continue
		}
		if err := h.addBinding(b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s %q: %w", method.FullName(), b.HTTPMethod, b.Template, err))
		}
	}
	return errors.Join(errs...)
}

func (h *Handler) addBinding(b *Binding) error {
	codec, err := h.options.newCodec(b)
	if err != nil {
		return fmt.Errorf("make codec: %w", err)
	}
	added := &route{
		binding: b,
		codec:   codec,
		rpc:     fmt.Sprintf("/%s/%s", b.Method.Parent().FullName(), b.Method.Name()),
		desc: grpc.StreamDesc{
			StreamName:    string(b.Method.Name()),
			ClientStreams: b.Method.IsStreamingClient(),
			ServerStreams: b.Method.IsStreamingServer(),
		},
		requestBody: requestHTTPBody(b),
		answerBody:  responseHTTPBody(b),
		resume:      newResumption(b),
	}
	if old, ok := h.routes.insert(b.HTTPMethod, b.template, added); !ok {
		if newer := old.binding.Method.Parent(); newer != b.Method.Parent() && newer.FullName() == b.Method.Parent().FullName() {
			h.skipped = append(h.skipped, Skipped{
				Method: b.Method.FullName(),
				Reason: fmt.Sprintf("%s is %s's, of a version that goes first", b, old.binding.Method.FullName()),
			})
			return nil
		}
		return fmt.Errorf("the pattern %s is taken by %s, %q", b.template.pattern(), old.binding.Method.FullName(), old.binding.Template)
	}
	h.bindings = append(h.bindings, b)
	return nil
}

// Bindings returns all bindings that are served, in the order of their services and methods.
func (h *Handler) Bindings() []*Binding { return slices.Clone(h.bindings) }

// Skipped returns the bindings that are not served, in the order of their services: those of methods with client
// streaming that have no body, and those of one version of a service that have given way to another's.
func (h *Handler) Skipped() []Skipped { return slices.Clone(h.skipped) }

// ServeHTTP answers one request. The path in its URL has no prefix any more.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var buffer [16]string // on the stack; few templates have as many segments
	path := EscapedPath(r.URL)
	found, segments, ok := h.routes.find(buffer[:0], r.Method, path)
	if !ok {
		h.serveUnrouted(w, r, path)
		return
	}
	call := Call{Binding: found.binding, HTTPStatus: http.StatusOK}
	r, cancel, err := withClientTimeout(r)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	defer cancel()
	r, err = h.authorized(w, r, found.binding)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	if found.streams() {
		h.serveStream(w, r, call, found, segments)
		return
	}
	if wait, ok := h.prefersAsync(r, found); ok {
		h.serveAsync(w, r, call, found, segments, wait)
		return
	}
	contentType, body, err := h.call(w, r, found, segments)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	writeBody(w, r, http.StatusOK, contentType, body)
	h.options.observe(r.Context(), call)
}

// serveUnrouted answers a request that no binding matches.
func (h *Handler) serveUnrouted(w http.ResponseWriter, r *http.Request, path string) {
	methods := map[string]struct{}{}
	h.routes.allowed(path, methods)
	if len(methods) == 0 {
		h.fail(w, r, Call{}, newHTTPError(http.StatusNotFound, codes.NotFound, "there is nothing at this path"))
		return
	}
	if _, ok := methods[http.MethodGet]; ok {
		methods[http.MethodHead] = struct{}{}
	}
	methods[http.MethodOptions] = struct{}{}
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	w.Header().Set("Allow", allow)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		h.options.observe(r.Context(), Call{HTTPStatus: http.StatusNoContent})
		return
	}
	h.fail(w, r, Call{}, newHTTPError(http.StatusMethodNotAllowed, codes.Unimplemented,
		fmt.Sprintf("method %s is not allowed here; allowed are %s", shorten(r.Method), allow)))
}

// call reads the request, makes the call and returns what to answer. Response headers are set on w.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, found *route, segments []string) (contentType string, body []byte, err error) {
	opts, err := h.callOptions(r, found.binding)
	if err != nil {
		return "", nil, err
	}
	ctx, request, err := h.unary(w, r, found, segments)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.options.timeout)
	defer cancel()
	var (
		response        []byte
		header, trailer metadata.MD
	)
	err = h.conn.Invoke(ctx, found.rpc, request, &response, append(opts, grpc.Header(&header), grpc.Trailer(&trailer))...)
	h.setHeaders(w.Header(), header, trailer)
	if err != nil {
		return "", nil, err
	}
	return found.answer(response)
}

// unary reads the request of a unary call and returns that, and the context with the metadata to send.
func (h *Handler) unary(w http.ResponseWriter, r *http.Request, found *route, segments []string) (context.Context, []byte, error) {
	params, err := found.params(r, segments)
	if err != nil {
		return nil, nil, err
	}
	request, err := h.request(w, r, found, params)
	if err != nil {
		return nil, nil, err
	}
	ctx, err := h.outgoing(r.Context(), r)
	return ctx, request, err
}

// setHeaders sets what WithResponseHeaders lets through.
func (h *Handler) setHeaders(to http.Header, header, trailer metadata.MD) {
	for _, name := range h.options.responseHeaders {
		values := header.Get(name.metadata)
		if len(values) == 0 {
			values = trailer.Get(name.metadata)
		}
		for _, value := range values {
			to.Add(name.http, value)
		}
	}
}

// codecError leaves the client's faults as they are and makes a 500 of all others.
func codecError(what string, found *route, err error) error {
	var fault *FieldError
	if errors.As(err, &fault) {
		return err
	}
	internal := newHTTPError(http.StatusInternalServerError, codes.Internal, "internal error")
	internal.cause = fmt.Errorf("transcode %s of %s: %w", what, found.rpc, err)
	return internal
}

// request reads the body of an HTTP request that is one message, and returns that.
func (h *Handler) request(w http.ResponseWriter, r *http.Request, found *route, params []Param) ([]byte, error) {
	body, err := readBody(w, r, found, h.options.maxBody)
	if err != nil {
		return nil, err
	}
	contentType := ""
	if found.requestBody != nil {
		if contentType, err = rawContentType(r); err != nil {
			return nil, err
		}
	}
	return found.request(Input{Body: body, Params: params}, contentType)
}

// params returns what a request says beside its body.
func (r *route) params(request *http.Request, segments []string) ([]Param, error) {
	params, err := r.binding.appendQuery(nil, request.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for i, v := range r.binding.template.variables {
		params = append(params, Param{Field: r.binding.Variables[i], Value: v.value(segments)})
	}
	return params, nil
}

// outgoing returns ctx with the metadata to send with the call: what an authorizer has granted, and the headers that are passed
// on. It is not made one map here, since whoever sends it copies it anyway.
func (h *Handler) outgoing(ctx context.Context, r *http.Request) (context.Context, error) {
	granted := grantedIn(ctx)
	var forwarded []string // names and values by turns
	for _, name := range h.options.requestHeaders {
		if _, replaced := granted[name.metadata]; replaced {
			continue
		}
		for _, value := range r.Header[name.http] {
			// grpc-go fails such a call as INTERNAL.
			if !isPrintable(value) {
				return nil, malformed(fieldErrorf("", "header %s has characters other than printable ASCII", name.http))
			}
			forwarded = append(forwarded, name.metadata, value)
		}
	}
	if len(granted) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, granted)
	}
	if len(forwarded) > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, forwarded...)
	}
	return ctx, nil
}

// statusClientGone is what nginx logs when the client has left, and grpc-gateway's mapping of CANCELLED.
const statusClientGone = 499

// fail answers with an error and tells the observer.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, call Call, err error) {
	if clientGone(r, err) {
		h.abandon(r, call, err)
	}
	var st *status.Status
	call.HTTPStatus, st = h.outcome(err)
	call.Code, call.Err = st.Code(), err
	writeStatus(w, r, call.HTTPStatus, st, h.types)
	h.options.observe(r.Context(), call)
}

// clientGone reports whether the client of a request that has failed has left.
func clientGone(r *http.Request, err error) bool {
	// net/http ends the context of a request whose body has timed out, too; that client is waiting for an answer.
	return errors.Is(r.Context().Err(), context.Canceled) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// abandon tells the observer that the client has left, and aborts the request.
func (h *Handler) abandon(r *http.Request, call Call, err error) {
	call.HTTPStatus, call.Code, call.Err = statusClientGone, codes.Canceled, err
	h.options.observe(r.Context(), call)
	panic(http.ErrAbortHandler)
}

// outcome returns what clients are told of an error.
func (h *Handler) outcome(err error) (httpStatus int, st *status.Status) {
	var (
		answered *httpError
		fault    *FieldError
	)
	switch {
	case errors.As(err, &answered):
		return answered.httpStatus, answered.status
	case errors.As(err, &fault):
		answered = malformed(fault)
		return answered.httpStatus, answered.status
	}
	original, ok := status.FromError(err)
	if !ok {
		original = status.FromContextError(err)
	}
	st = presentable(original, h.types)
	return HTTPStatus(st), st
}
