package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

// natsStartTimeout bounds the start of the NATS server in this process; it reads its store first.
const natsStartTimeout = 30 * time.Second

// startNATS returns what connects a part to NATS: to the server that the config names, or to one in this process.
func (s *Stack) startNATS(ctx context.Context) (connect func(name string) (*nats.Conn, error), err error) {
	config := s.config.NATS
	var where []nats.Option
	if config.URL == "" {
		ns, err := s.embedNATS(ctx)
		if err != nil {
			return nil, err
		}
		config, where = natsdial.Config{}, []nats.Option{nats.InProcessServer(ns)}
	}
	return func(name string) (*nats.Conn, error) {
		nc, err := config.Connect(name, s.config.Logger, where...)
		if err != nil {
			return nil, err
		}
		s.onClose(func() error { nc.Close(); return nil })
		return nc, natsdial.Measure(nc, s.metrics.Provider())
	}, nil
}

// embedNATS starts a NATS server with JetStream that keeps its streams in the data folder, and listens where the config says.
func (s *Stack) embedNATS(ctx context.Context) (*server.Server, error) {
	options := &server.Options{
		ServerName: "dev",
		DontListen: true,
		JetStream:  true,
		StoreDir:   filepath.Join(s.config.Data, "nats"),
		NoSigs:     true,
		NoLog:      true,
	}
	if s.config.NATSListen != "" {
		if err := listenNATS(ctx, options, s.config.NATSListen); err != nil {
			return nil, err
		}
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("cannot start NATS: %w", err)
	}
	ns.Start()
	s.onClose(func() error {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil
	})
	if !ns.ReadyForConnections(natsStartTimeout) {
		return nil, fmt.Errorf("NATS did not start within %v", natsStartTimeout)
	}
	if !ns.JetStreamEnabled() {
		return nil, errors.New("NATS started without JetStream")
	}
	if !options.DontListen {
		s.natsURL = ns.ClientURL()
	}
	return ns, nil
}

// listenNATS sets where a NATS server listens: HOST:PORT, port 0 for any that is free. NATS does not say well what is wrong with
// an address, so it is tried here first.
func listenNATS(ctx context.Context, options *server.Options, address string) error {
	listener, err := listen(ctx, address, "--nats-listen")
	if err != nil {
		return err
	}
	taken := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		return err
	}
	options.DontListen, options.Host, options.Port = false, taken.IP.String(), taken.Port
	return nil
}
