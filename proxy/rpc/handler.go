package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/codingflow/rating/proxy/transcode"
)

// Handler serves the methods of a set of services. It is an http.Handler, does not change after New, and holds nothing
// that has to be closed.
type Handler struct {
	conn     grpc.ClientConnInterface
	options  options
	services map[string]bool   // by full name
	routes   map[string]*route // by path
	errors   *connect.ErrorWriter
}

var _ http.Handler = (*Handler)(nil)

// route is what a path leads to.
type route struct {
	handler http.Handler
	// sends is set when clients send a stream.
	sends bool
	// method is what the authorizer is asked for, nil if it is not asked.
	method protoreflect.MethodDescriptor
}

// New returns a handler for all methods of the services, which calls them on conn. It fails if an option is invalid, or the
// descriptor of a message is missing; the error joins everything that is wrong. A service may be there in several versions,
// as for transcode.New.
func New(conn grpc.ClientConnInterface, services []protoreflect.ServiceDescriptor, opts ...Option) (*Handler, error) {
	if conn == nil {
		return nil, errors.New("rpc: connection is nil")
	}
	h := &Handler{
		conn: transcode.GrantedConn{ClientConnInterface: conn},
		options: options{
			timeout:      DefaultTimeout,
			streamIdle:   transcode.DefaultStreamIdle,
			maxMessage:   DefaultMaxMessage,
			observe:      func(context.Context, Call) {},
			trailerGrace: defaultTrailerGrace,
		},
		services: map[string]bool{},
		routes:   map[string]*route{},
		errors:   connect.NewErrorWriter(),
	}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt.apply(&h.options))
	}
	types := transcode.TypesOf(services, h.options.types...)
	if h.options.public == nil {
		h.options.public = func(st *status.Status) *status.Status { return transcode.Presentable(st, types) }
	}
	codecs, err := jsonwire.New(jsonwire.WithResolver(types), jsonwire.WithRecursionLimit(transcode.MaxDepth), jsonwire.WithDiscardUnknown())
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	if h.options.reflection {
		h.addReflection(services)
	}
	for _, service := range services {
		errs = append(errs, h.addService(service, codecs))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	return h, nil
}

func (h *Handler) addService(service protoreflect.ServiceDescriptor, codecs *jsonwire.Codecs) error {
	name := string(service.FullName())
	if name == reflectionService && h.options.reflection {
		return nil // the handler's own answer goes first
	}
	h.services[name] = true
	var errs []error
	for i := range service.Methods().Len() {
		m := &method{handler: h, path: path(service.Methods().Get(i))}
		if h.routes[m.path] != nil {
			continue // of a version that goes first
		}
		if err := m.add(service.Methods().Get(i), codecs); err != nil {
			errs = append(errs, fmt.Errorf("method %s: %w", m.path, err))
		}
	}
	return errors.Join(errs...)
}

func path(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
}

// Handles reports whether a request is one for this handler: its path is of one of the services, `/package.Service/…`, or
// its content type is gRPC's, gRPC-Web's, or that of Connect's streams. The others of Connect are those of REST too.
func (h *Handler) Handles(r *http.Request) bool {
	contentType := r.Header.Get("Content-Type")
	if strings.HasPrefix(contentType, "application/grpc") || strings.HasPrefix(contentType, "application/connect+") {
		return true
	}
	service, method, found := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	return found && method != "" && !strings.Contains(method, "/") && h.services[service]
}

// ServeHTTP answers one request. Its path has no prefix.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath() // names need no escapes
	c := &call{Call: Call{Protocol: protocolOf(r)}, response: newResponse(w)}
	found, ok := h.routes[path]
	if !ok {
		h.serveUnknown(c, r)
		return
	}
	c.Method = path
	r, err := h.authorized(c, r, found)
	if err == nil {
		c.options, err = h.callOptions(r, found)
	}
	if err != nil {
		h.refuse(c, r, err)
		return
	}
	c.halfDuplex = found.sends && r.ProtoMajor < 2
	called := r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	called.Body = body{r.Body}
	found.handler.ServeHTTP(c.response, called)
	c.response.finish()
	h.options.observe(r.Context(), c.result())
}

// serveUnknown answers a request for a method that is not there.
func (h *Handler) serveUnknown(c *call, r *http.Request) {
	err := connectError(status.New(codes.Unimplemented, "there is no such method"))
	// A failed write means that the client has left.
	_ = h.errors.Write(c.response, r, err)
	c.end(err)
	h.options.observe(r.Context(), c.Call)
}
