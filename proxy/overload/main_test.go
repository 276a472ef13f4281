//go:build integration && linux

package overload

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable is the environment variable that makes this test's binary a process of a scenario: a role in JSON.
const roleVariable = "OVERLOAD_TEST_ROLE"

// role is what a process is; one of its fields is set.
type role struct {
	NATS      *natsRole      `json:",omitempty"`
	Service   *serviceRole   `json:",omitempty"`
	Generator *generatorRole `json:",omitempty"`
}

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(roleVariable)
	if !ok {
		goleak.VerifyTestMain(m)
		return
	}
	if err := play(text); err != nil {
		fmt.Fprintln(os.Stderr, "process of a scenario:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play is the main function of a scenario's process. It ends when its standard input does, and so at the latest with
// the test that started it.
func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("role %q: %w", text, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	switch {
	case r.NATS != nil:
		return r.NATS.play(ctx)
	case r.Service != nil:
		return r.Service.play(ctx)
	case r.Generator != nil:
		return r.Generator.play(ctx)
	}
	return fmt.Errorf("role %q: it is none", text)
}

// full reports whether the scenarios have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }
