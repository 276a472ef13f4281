package faults_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest/roletest"
)

// role is what a process is; one of its fields is set.
type role struct {
	NATS   *natsRole   `json:",omitempty"`
	Worker *workerRole `json:",omitempty"`
	Client *clientRole `json:",omitempty"`
}

func TestMain(m *testing.M) { roletest.Main[role](m) }

// Play is the main function of a scenario's process.
func (r role) Play(ctx context.Context) error {
	switch {
	case r.NATS != nil:
		return r.NATS.play(ctx)
	case r.Worker != nil:
		return r.Worker.play(ctx)
	case r.Client != nil:
		return r.Client.play(ctx)
	}
	return errors.New("it is none")
}

// size is how many commands a scenario has at least.
func size() int {
	if full() {
		return 10_000
	}
	return 1_000
}

// full reports whether the scenarios have their full size.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }
