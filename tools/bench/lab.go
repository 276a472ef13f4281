package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	echopb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/transcode"
	"github.com/codingflow/rating/tools/bench/barequeue"
)

// lab runs every target in one process: a NATS server on loopback with its store in a folder, a connection of its own
// for each part, and an HTTP server.
type lab struct {
	payload string
	bare    map[string]*barequeue.Requester
	echo    echopb.BenchmarkServiceClient
	client  *http.Client
	url     string
	closers []func()
}

func newLab(ctx context.Context, dir string, payload int) (*lab, error) {
	l := &lab{payload: strings.Repeat("x", payload), bare: map[string]*barequeue.Requester{}}
	if err := l.start(ctx, dir); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) start(ctx context.Context, dir string) error {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	ns.Start()
	l.closers = append(l.closers, func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server does not start")
	}
	connections := make([]*nats.Conn, 4)
	for i := range connections {
		if connections[i], err = nats.Connect(ns.ClientURL()); err != nil {
			return err
		}
		l.closers = append(l.closers, connections[i].Close)
	}
	for _, kind := range []barequeue.Kind{barequeue.Query, barequeue.Command} {
		if err := l.queue(ctx, kind, connections[0], connections[1]); err != nil {
			return fmt.Errorf("bare %s queue: %w", kind, err)
		}
	}
	if err := l.serve(ctx, connections[2]); err != nil {
		return err
	}
	conn, err := natsgrpc.NewConn(connections[3])
	if err != nil {
		return err
	}
	l.closers = append(l.closers, func() { report(conn.Close()) })
	l.echo = echopb.NewBenchmarkServiceClient(conn)
	return l.listen(ctx, conn)
}

// slots is how many requests each worker has in hand at once: natsgrpc's default.
const slots = 16

// queue makes a bare queue, whose worker sends back what it gets.
func (l *lab) queue(ctx context.Context, kind barequeue.Kind, requester, worker *nats.Conn) error {
	js, err := jetstream.New(worker)
	if err != nil {
		return err
	}
	if err := barequeue.Create(ctx, js, kind); err != nil {
		return err
	}
	if _, err := barequeue.NewWorker(worker, kind, slots, func(request []byte) []byte { return request }); err != nil {
		return err
	}
	l.bare[string(kind)], err = barequeue.NewRequester(requester, kind)
	return err
}

// serve runs the service with handlers that answer at once.
func (l *lab) serve(ctx context.Context, nc *nats.Conn) error {
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithSlots(slots, slots), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	echopb.RegisterBenchmarkServiceServer(srv, &echo{})
	ratingv1.RegisterRatingServiceServer(srv, &instant{rating: &ratingv1.Rating{Name: "ratings/1", Comment: l.payload}})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	l.closers = append(l.closers, func() {
		cancel()
		report(<-done)
	})
	select {
	case <-srv.Ready():
		return nil
	case err := <-done:
		done <- err
		return err
	}
}

// listen runs the transcoder on loopback.
func (l *lab) listen(ctx context.Context, conn *natsgrpc.Conn) error {
	services := ratingv1.File_rating_v1_rating_proto.Services()
	handler, err := transcode.New(conn, []protoreflect.ServiceDescriptor{services.Get(0)})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: l.route(handler), ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	l.closers = append(l.closers, func() {
		report(srv.Close())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			report(err)
		}
		transport.CloseIdleConnections()
	})
	l.client = &http.Client{Transport: transport} // the rounds bound its calls: a timer for each would be a cost of its own
	l.url = "http://" + listener.Addr().String()
	return nil
}

// close ends everything, the last started first.
func (l *lab) close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
}

// report writes an error that changes no figure.
func report(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// echo answers every call with its own payload.
type echo struct {
	echopb.UnimplementedBenchmarkServiceServer
}

// Read answers at once.
func (*echo) Read(_ context.Context, req *echopb.ReadRequest) (*echopb.ReadResponse, error) {
	return &echopb.ReadResponse{Payload: req.GetPayload()}, nil
}

// Write answers at once.
func (*echo) Write(_ context.Context, req *echopb.WriteRequest) (*echopb.WriteResponse, error) {
	return &echopb.WriteResponse{Payload: req.GetPayload()}, nil
}

// instant answers every call with the same rating.
type instant struct {
	ratingv1.UnimplementedRatingServiceServer
	rating *ratingv1.Rating
}

// GetRating answers at once.
func (s *instant) GetRating(context.Context, *ratingv1.GetRatingRequest) (*ratingv1.Rating, error) {
	return s.rating, nil
}

// CreateRating answers at once.
func (s *instant) CreateRating(context.Context, *ratingv1.CreateRatingRequest) (*ratingv1.Rating, error) {
	return s.rating, nil
}
