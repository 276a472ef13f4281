package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proto/descriptors"
)

// Compile-time proof that generated servers register on a Server.
var _ grpc.ServiceRegistrar = (*Server)(nil)

const (
	defaultSlots        = 16
	maxSlots            = 10_000
	defaultDrainTimeout = 30 * time.Second
	// setUpTimeout bounds the creation of the queues when Serve starts.
	setUpTimeout = 15 * time.Second
	// verifyInterval is how often a server looks again at queues that others are to make.
	verifyInterval = 2 * time.Second
	// queueCheckInterval is how often a server looks for signs that a queue is gone.
	queueCheckInterval = time.Second
	// abandonGrace is how long a drain that timed out waits for the cancelled handlers to return.
	abandonGrace = 2 * time.Second
)

// ErrServing is returned by a second call of Serve.
var ErrServing = errors.New("natsgrpc: Serve was called already")

// Server serves gRPC services by pulling their calls from JetStream queues, at most one call per free slot. Generated
// code registers services on it as on a grpc.Server.
type Server struct {
	nc           *nats.Conn
	domain       string // JetStream's, "" for the connection's own
	api          string // the prefix of its API
	methods      methods
	logger       *slog.Logger
	slots        map[kind]int
	interceptors []grpc.UnaryServerInterceptor
	drainTimeout time.Duration
	verifyOnly   bool
	publishing   []registry.Option // nil where descriptors are not published
	providers    providers
	telemetry    *serverTelemetry // nil where there are no providers

	streamInterceptors []grpc.StreamServerInterceptor
	maxReceiveSize     int // of a message

	mu       sync.Mutex
	services []*service
	serving  bool
	notReady error
	ready    chan struct{}
}

// service is one registered service.
type service struct {
	descriptor protoreflect.ServiceDescriptor
	impl       any
	handlers   map[string]grpc.MethodDesc
	streams    map[string]grpc.StreamDesc
	metadata   any               // the file of the service, as generated code names it
	fullNames  map[string]string // method name → "/pkg.Service/Method"
}

// ServerOption changes what NewServer makes.
type ServerOption interface{ applyServer(*Server) error }

// NewServer returns a server without services that pulls over nc. The connection stays the caller's: close it after
// Serve has returned.
//
// Errors: an option is wrong.
func NewServer(nc *nats.Conn, options ...ServerOption) (*Server, error) {
	s := &Server{
		nc:             nc,
		api:            jetstream.DefaultAPIPrefix,
		methods:        methods{descriptors: protoregistry.GlobalFiles},
		logger:         slog.Default(),
		slots:          map[kind]int{query: defaultSlots, command: defaultSlots},
		drainTimeout:   defaultDrainTimeout,
		notReady:       ErrStarting,
		maxReceiveSize: defaultMaxReceiveSize,

		ready: make(chan struct{}),
	}
	for _, option := range options {
		if err := option.applyServer(s); err != nil {
			return nil, err
		}
	}
	var err error
	if s.telemetry, err = newServerTelemetry(s.providers); err != nil {
		return nil, err
	}
	return s, nil
}

// RegisterService adds a service. Like grpc.Server's it is called by generated code before Serve, and ends the program
// with a panic where the program is wrong: after Serve, twice for one service (or for two whose names differ only in dots
// and underscores), for an implementation of another interface, or for a service whose descriptor is unknown.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if impl != nil {
		want := reflect.TypeOf(desc.HandlerType).Elem()
		if got := reflect.TypeOf(impl); !got.Implements(want) {
			panic(fmt.Sprintf("natsgrpc: the handler of %s is a %v, which does not implement %v", desc.ServiceName, got, want))
		}
	}
	descriptor, err := s.methods.service(desc.ServiceName)
	if err != nil {
		panic("natsgrpc: register service: " + err.Error())
	}
	registered := &service{
		descriptor: descriptor,
		impl:       impl,
		metadata:   desc.Metadata,
		handlers:   map[string]grpc.MethodDesc{},
		streams:    map[string]grpc.StreamDesc{},
		fullNames:  map[string]string{},
	}
	for _, m := range desc.Methods {
		registered.handlers[m.MethodName] = m
		registered.fullNames[m.MethodName] = "/" + desc.ServiceName + "/" + m.MethodName
	}
	for _, m := range desc.Streams {
		registered.streams[m.StreamName] = m
		registered.fullNames[m.StreamName] = "/" + desc.ServiceName + "/" + m.StreamName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving {
		panic("natsgrpc: service " + desc.ServiceName + " is registered after Serve")
	}
	for _, other := range s.services {
		if descriptors.Token(other.descriptor.FullName()) == descriptors.Token(descriptor.FullName()) {
			panic(fmt.Sprintf("natsgrpc: service %s is registered beside %s, whose name in subjects is the same", desc.ServiceName, other.descriptor.FullName()))
		}
	}
	s.services = append(s.services, registered)
}

// GetServiceInfo returns the registered services by their names, as grpc.Server's does: for server reflection.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make(map[string]grpc.ServiceInfo, len(s.services))
	for _, service := range s.services {
		info := grpc.ServiceInfo{Metadata: service.metadata}
		for name := range service.handlers {
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: name})
		}
		for name, stream := range service.streams {
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: name, IsClientStream: stream.ClientStreams, IsServerStream: stream.ServerStreams})
		}
		infos[string(service.descriptor.FullName())] = info
	}
	return infos
}

// Ready is closed when Serve has its queues and has begun to pull.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Serve creates or updates the queues of the registered services, or waits for them ([WithVerifyOnly]), and pulls from
// them until ctx ends. Then it drains:
// it stops pulling, waits for the running handlers, sends their answers, and returns nil. Handlers that outlast the
// drain timeout are cancelled, their calls go back to the queue, their streams end with UNAVAILABLE, and Serve returns an
// error that counts them.
//
// It also returns an error when the queues cannot be created, when descriptors are too large to be published, and when the NATS connection is closed under it. A
// connection that is only lost for a while is not an error. Serve can be called once.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	services := s.services
	again := s.serving
	s.serving = true
	s.mu.Unlock()
	if again {
		return ErrServing
	}
	descriptors := make([]protoreflect.ServiceDescriptor, len(services))
	for i, service := range services {
		descriptors[i] = service.descriptor
	}
	publisher, err := s.newPublisher(descriptors)
	if err != nil {
		return err
	}
	ensure := func(ctx context.Context) error { return s.ensure(ctx, descriptors) }
	if err := s.awaitQueues(ctx, ensure); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	run, err := s.start(ctx, services)
	if err != nil {
		return err
	}
	stop := publisher.start(ctx)
	close(s.ready)
	err = run.watch(ctx, ensure)
	withdrawn := stop() // while calls go on, so that no new ones come for what only this server has
	err = errors.Join(err, run.drain(s.drainTimeout))
	<-withdrawn
	return err
}

// ensure makes sure of the queues: it creates or updates them, or only looks.
func (s *Server) ensure(ctx context.Context, descriptors []protoreflect.ServiceDescriptor) error {
	js, err := natsdial.JetStream(s.nc, s.domain)
	if err != nil {
		return fmt.Errorf("natsgrpc: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	settle := Ensure
	if s.verifyOnly {
		settle = Verify
	}
	if err := settle(ctx, js, descriptors...); err != nil {
		return fmt.Errorf("natsgrpc: %w", err)
	}
	return nil
}

// awaitQueues returns when the queues are right. A server that only verifies them waits, since somebody else is to make
// them, and says every time what is missing; any other fails at once.
func (s *Server) awaitQueues(ctx context.Context, ensure func(context.Context) error) error {
	retry := time.NewTicker(verifyInterval)
	defer retry.Stop()
	for {
		err := ensure(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !s.verifyOnly || s.nc.IsClosed() {
			return err
		}
		s.setNotReady(err)
		s.logger.Warn("natsgrpc: waiting for the queues", "error", err)
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// setNotReady notes why the server does not pull yet.
func (s *Server) setNotReady(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notReady = err
}

// ErrStarting is why a server is not ready that has not looked at its queues yet.
var ErrStarting = errors.New("natsgrpc: starting")

// NotReady says why the server does not pull yet, nil once it does.
func (s *Server) NotReady() error {
	select {
	case <-s.ready:
		return nil
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notReady
}

// running is a Server between the start and the end of Serve.
type running struct {
	server  *Server
	ledger  *ledger
	workers []*worker
	alive   []*nats.Subscription
	streams *serverStreams
	writer  *writer
	queues  *queueReader

	// handlers is the context of all handlers. It outlives Serve's, so that a drain lets them finish.
	handlers context.Context
	abandon  context.CancelCauseFunc
}

// start subscribes and begins to pull.
func (s *Server) start(ctx context.Context, services []*service) (*running, error) {
	r := &running{server: s, streams: newServerStreams(s.nc), writer: newWriter(s.nc, s.onPublishFailed)}
	base := peer.NewContext(metadata.NewIncomingContext(context.WithoutCancel(ctx), noMetadata), natsPeer)
	r.handlers, r.abandon = context.WithCancelCause(base)
	var err error
	if r.ledger, err = newLedger(s.nc, s.logger, s.windowSize(services)); err != nil {
		r.writer.close()
		return nil, err
	}
	for _, service := range services {
		sub, err := s.nc.Subscribe(aliveSubject(descriptors.Token(service.descriptor.FullName())), func(probe *nats.Msg) {
			if probe.Reply != "" {
				_ = probe.Respond(nil) // a lost answer is a lost probe, and the prober's to repeat
			}
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("natsgrpc: subscribe: %w", err), r.drain(time.Second))
		}
		r.alive = append(r.alive, sub)
		if sub, err = s.nc.Subscribe(cancelSubject(descriptors.Token(service.descriptor.FullName())), func(msg *nats.Msg) {
			r.ledger.cancelled(string(msg.Data))
		}); err != nil {
			return nil, errors.Join(fmt.Errorf("natsgrpc: subscribe: %w", err), r.drain(time.Second))
		}
		r.alive = append(r.alive, sub)
		if err := r.streams.serve(service); err != nil {
			return nil, errors.Join(err, r.drain(time.Second))
		}
		for _, queue := range Queues(service.descriptor) {
			w := newWorker(r, service, queue, queue.slots(s.slots[queue.kind]))
			if err := w.start(); err != nil {
				return nil, errors.Join(err, r.drain(time.Second))
			}
			r.workers = append(r.workers, w)
		}
	}
	if r.queues, err = s.telemetry.observe(r); err != nil {
		return nil, errors.Join(err, r.drain(time.Second))
	}
	return r, nil
}

// onPublishFailed is told of an answer or an acknowledgement that could not be published. Both are made good: an answer is
// published again, or another delivery makes it.
func (s *Server) onPublishFailed(msg *nats.Msg, err error) {
	s.logger.Error("natsgrpc: publish", "subject", msg.Subject, "error", err)
}

// windowSize is how many answers may wait for their PubAck: what four rounds of all command slots can produce.
func (s *Server) windowSize(services []*service) int {
	return max(1, 4*s.slots[command]*len(services))
}

// watch returns when ctx ends, or with an error when the connection is closed. After a reconnect, and when a queue does
// not answer, it makes sure that the queues are there; a NATS server that restarted has lost those in memory.
func (r *running) watch(ctx context.Context, ensure func(context.Context) error) error {
	nc := r.server.nc
	changes := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer nc.RemoveStatusListener(changes)
	check := time.NewTicker(queueCheckInterval)
	defer check.Stop()
	missing := false              // the queues could not be made sure of yet
	restart := map[*worker]bool{} // what has to pull anew
	for {
		reconnected := false
		select {
		case <-ctx.Done():
			return nil
		case status := <-changes:
			reconnected = status == nats.CONNECTED
		case <-check.C:
		}
		if nc.IsClosed() {
			return fmt.Errorf("natsgrpc: %w", nats.ErrConnectionClosed)
		}
		for _, w := range r.workers {
			if w.takeLost() || reconnected {
				restart[w] = true
			}
		}
		refused := r.ledger.missing.Swap(false)
		if !nc.IsConnected() || len(restart) == 0 && !refused && !missing {
			continue
		}
		err := ensure(ctx)
		if missing = err != nil; missing && ctx.Err() == nil {
			r.server.logger.Error("natsgrpc: make sure of the queues", "error", err)
		}
		if missing && !reconnected {
			continue
		}
		for w := range restart {
			if err := w.restart(); err != nil {
				r.server.logger.Error("natsgrpc: pull again", "queue", w.queue.Stream.Name, "error", err)
			}
		}
		clear(restart)
	}
}

// errDrained is why a handler that outlasts the drain is cancelled.
var errDrained = errors.New("natsgrpc: the server has drained")

// drain stops pulling, waits for the handlers and their answers, and unsubscribes.
func (r *running) drain(timeout time.Duration) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for _, w := range r.workers {
		w.stop()
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for _, w := range r.workers {
			w.wait()
		}
		r.ledger.waitEmpty()
	}()
	var err error
	select {
	case <-finished:
	case <-deadline.C:
		if n := r.ledger.len(); n > 0 {
			err = fmt.Errorf("natsgrpc: drain: %d calls outlasted %v and went back to their queues", n, timeout)
		}
		if n := r.streams.len(); n > 0 {
			err = errors.Join(err, fmt.Errorf("natsgrpc: drain: %d streams outlasted %v and were ended", n, timeout))
		}
		r.abandon(errDrained)
		r.ledger.giveBack()
		select {
		case <-finished:
		case <-time.After(abandonGrace):
			err = errors.Join(err, errors.New("natsgrpc: drain: a handler ignores the end of its context and still runs"))
		}
	}
	r.abandon(errDrained)
	for _, sub := range r.alive {
		err = errors.Join(err, unsubscribe(sub))
	}
	for _, w := range r.workers {
		err = errors.Join(err, w.offers.close())
	}
	r.writer.close()
	return errors.Join(err, r.queues.close(), r.streams.close(), r.ledger.close())
}

// unsubscribe ends a subscription, if there is one. A closed connection has none any more.
func unsubscribe(sub *nats.Subscription) error {
	if sub == nil {
		return nil
	}
	if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("natsgrpc: unsubscribe from %s: %w", sub.Subject, err)
	}
	return nil
}
