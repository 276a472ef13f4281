package stack

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsStartTimeout bounds the start of the NATS server in this process; it reads its store first.
const natsStartTimeout = 30 * time.Second

// startNATS returns what connects a part to NATS: to the server that the config names, or to one in this process.
func (s *Stack) startNATS() (connect func(name string) (*nats.Conn, error), err error) {
	config := s.config.NATS
	var where []nats.Option
	if config.URL == "" {
		ns, err := s.embedNATS()
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
		return nc, nil
	}, nil
}

// embedNATS starts a NATS server with JetStream that listens nowhere and keeps its streams in the data folder.
func (s *Stack) embedNATS() (*server.Server, error) {
	ns, err := server.NewServer(&server.Options{
		ServerName: "dev",
		DontListen: true,
		JetStream:  true,
		StoreDir:   filepath.Join(s.config.Data, "nats"),
		NoSigs:     true,
		NoLog:      true,
	})
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
	return ns, nil
}
