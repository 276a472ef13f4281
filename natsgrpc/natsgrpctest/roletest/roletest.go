// Package roletest lets the processes of a test's scenario be copies of the test's own binary, each in a role.
package roletest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// variable is the environment variable that makes a test's binary a process of a scenario: a role in JSON.
const variable = "TEST_ROLE"

// Role is what a process does until ctx ends. It is written to the process as JSON.
type Role interface {
	Play(ctx context.Context) error
}

// Main is the TestMain of a package with processes in roles: it runs the tests, and then looks for leaks, or plays the role
// that the environment tells, a value of type R.
func Main[R Role](m *testing.M) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		goleak.VerifyTestMain(m)
		return
	}
	if err := play[R](text); err != nil {
		fmt.Fprintln(os.Stderr, "process of a scenario:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play plays a role. It ends when the standard input does, and so at the latest with the test that started the process.
func play[R Role](text string) error {
	var role R
	if err := json.Unmarshal([]byte(text), &role); err != nil {
		return fmt.Errorf("role %q: %w", text, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := role.Play(ctx); err != nil {
		return fmt.Errorf("role %s: %w", text, err)
	}
	return nil
}

// Environment returns the environment of a process that plays a role, of which the test must hold the standard input open. A
// role that cannot be written is a bug of the test, and a panic.
func Environment(role Role) []string {
	text, err := json.Marshal(role)
	if err != nil {
		panic(err)
	}
	return append(os.Environ(), variable+"="+string(text))
}
