//go:build integration && linux

package overload

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest/roletest"
)

// role is what a process is; one of its fields is set.
type role struct {
	NATS      *natsRole      `json:",omitempty"`
	Service   *serviceRole   `json:",omitempty"`
	Generator *generatorRole `json:",omitempty"`
}

func TestMain(m *testing.M) { roletest.Main[role](m) }

// Play is the main function of a scenario's process.
func (r role) Play(ctx context.Context) error {
	switch {
	case r.NATS != nil:
		return r.NATS.play(ctx)
	case r.Service != nil:
		return r.Service.play(ctx)
	case r.Generator != nil:
		return r.Generator.play(ctx)
	}
	return errors.New("it is none")
}

// full reports whether the scenarios have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }
