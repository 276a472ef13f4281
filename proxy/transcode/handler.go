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
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Handler serves the annotated methods of a set of services. It is an http.Handler, does not change after New, and holds
// nothing that has to be closed.
//
// When the client leaves before its answer, ServeHTTP panics with http.ErrAbortHandler, as net/http has it: to return
// would mean an empty 200 to a client that closed only its sending side.
type Handler struct {
	conn     grpc.ClientConnInterface
	options  options
	routes   trie[*route]
	bindings []*Binding
	skipped  []Skipped
}

var _ http.Handler = (*Handler)(nil)

// Skipped is an annotated method that has no route.
type Skipped struct {
	Method protoreflect.FullName
	Reason string
}

// route is what the trie leads to.
type route struct {
	binding *Binding
	codec   Codec
	// rpc is the full method name of gRPC, `/package.Service/Method`.
	rpc string
}

// New returns a handler for all annotated methods of the services, which calls them on conn. It fails if an option is
// invalid, an annotation breaks a rule of google.api.http, or two bindings have the same HTTP method and pattern; the
// error joins everything that is wrong.
//
// Streaming methods are not routed yet, see [Handler.Skipped].
func New(conn grpc.ClientConnInterface, services []protoreflect.ServiceDescriptor, opts ...Option) (*Handler, error) {
	if conn == nil {
		return nil, errors.New("transcode: connection is nil")
	}
	h := &Handler{conn: conn, options: options{
		timeout: DefaultTimeout,
		maxBody: DefaultMaxBody,
		observe: func(context.Context, Call) {},
	}}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt.apply(&h.options))
	}
	h.options.types = append(h.options.types, typesOf(services), protoregistry.GlobalTypes)
	if h.options.newCodec == nil {
		newCodec, err := newCompiledCodec(h.options.types)
		errs = append(errs, err)
		h.options.newCodec = newCodec
	}
	for _, service := range services {
		for i := range service.Methods().Len() {
			errs = append(errs, h.addMethod(service.Methods().Get(i)))
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
	if len(found) > 0 && (method.IsStreamingClient() || method.IsStreamingServer()) {
		h.skipped = append(h.skipped, Skipped{Method: method.FullName(), Reason: "streaming methods have no routes yet"})
		return nil
	}
	var errs []error
	for _, b := range found {
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
	added := &route{binding: b, codec: codec, rpc: fmt.Sprintf("/%s/%s", b.Method.Parent().FullName(), b.Method.Name())}
	if old, ok := h.routes.insert(b.HTTPMethod, b.template, added); !ok {
		return fmt.Errorf("the pattern %s is taken by %s, %q", b.template.pattern(), old.binding.Method.FullName(), old.binding.Template)
	}
	h.bindings = append(h.bindings, b)
	return nil
}

// Bindings returns all bindings that are served, in the order of their services and methods.
func (h *Handler) Bindings() []*Binding { return slices.Clone(h.bindings) }

// Skipped returns the annotated methods that are not served, in the order of their services.
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
	answer, err := h.call(w, r, found, segments)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	writeJSON(w, r, http.StatusOK, answer)
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

// call reads the request, makes the call and returns the JSON to answer. Response headers are set on w.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, found *route, segments []string) ([]byte, error) {
	in, err := h.input(w, r, found.binding, segments)
	if err != nil {
		return nil, err
	}
	request, err := found.codec.AppendRequest(nil, in)
	if err != nil {
		return nil, codecError("request", found, err)
	}
	outgoing, err := h.outgoing(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.options.timeout)
	defer cancel()
	if len(outgoing) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, outgoing)
	}
	var (
		response        []byte
		header, trailer metadata.MD
	)
	err = h.conn.Invoke(ctx, found.rpc, request, &response,
		grpc.ForceCodecV2(rawCodec{}), grpc.Header(&header), grpc.Trailer(&trailer))
	for _, name := range h.options.responseHeaders {
		values := header.Get(name.metadata)
		if len(values) == 0 {
			values = trailer.Get(name.metadata)
		}
		for _, value := range values {
			w.Header().Add(name.http, value)
		}
	}
	if err != nil {
		return nil, err
	}
	answer, err := found.codec.AppendResponse(nil, response)
	if err != nil {
		return nil, codecError("response", found, err)
	}
	return answer, nil
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

// input gathers what the request says about the request message.
func (h *Handler) input(w http.ResponseWriter, r *http.Request, b *Binding, segments []string) (Input, error) {
	var (
		in  Input
		err error
	)
	if in.Params, err = b.appendQuery(nil, r.URL.RawQuery); err != nil {
		return Input{}, err
	}
	for i, v := range b.template.variables {
		in.Params = append(in.Params, Param{Field: b.Variables[i], Value: v.value(segments)})
	}
	in.Body, err = readBody(w, r, b, h.options.maxBody)
	return in, err
}

// outgoing returns the metadata to send with the call.
func (h *Handler) outgoing(r *http.Request) (metadata.MD, error) {
	var md metadata.MD
	for _, name := range h.options.requestHeaders {
		for _, value := range r.Header[name.http] {
			// grpc-go fails such a call as INTERNAL.
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
				return nil, malformed(fieldErrorf("", "header %s has characters other than printable ASCII", name.http))
			}
			if md == nil {
				md = metadata.MD{}
			}
			md.Append(name.metadata, value)
		}
	}
	return md, nil
}

// statusClientGone is what nginx logs when the client has left, and grpc-gateway's mapping of CANCELLED.
const statusClientGone = 499

// fail answers with an error and tells the observer.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, call Call, err error) {
	call.Err = err
	// net/http ends the context of a request whose body has timed out, too; that client is waiting for an answer.
	if errors.Is(r.Context().Err(), context.Canceled) && !errors.Is(err, os.ErrDeadlineExceeded) {
		call.HTTPStatus, call.Code = statusClientGone, codes.Canceled
		h.options.observe(r.Context(), call)
		panic(http.ErrAbortHandler)
	}
	var (
		answered *httpError
		fault    *FieldError
		st       *status.Status
	)
	switch {
	case errors.As(err, &answered):
		st, call.HTTPStatus = answered.status, answered.httpStatus
	case errors.As(err, &fault):
		answered = malformed(fault)
		st, call.HTTPStatus = answered.status, answered.httpStatus
	default:
		original, ok := status.FromError(err)
		if !ok {
			original = status.FromContextError(err)
		}
		st = presentable(original, h.options.types)
		call.HTTPStatus = HTTPStatus(st)
	}
	call.Code = st.Code()
	writeStatus(w, r, call.HTTPStatus, st, h.options.types)
	h.options.observe(r.Context(), call)
}
