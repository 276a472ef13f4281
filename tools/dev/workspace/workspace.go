// Package workspace finds the checkout that a developer's command works on, and runs programs in it.
package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// killDelay is how long a cancelled program may take to end before it is killed.
const killDelay = 5 * time.Second

// Modules are the folders of the Go modules that are tested and linted: the product, and what has a go.mod of its own.
var Modules = []string{".", "k8s/validate", "tools/bench/peers", "tools/operations"}

// Root is the top folder of a checkout.
type Root string

// Find returns the checkout that the working directory lies in; under `bazel run` the one that Bazel was started in.
func Find() (Root, error) {
	dir := os.Getenv("BUILD_WORKSPACE_DIRECTORY")
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "buf.gen.yaml")); err == nil {
			return Root(dir), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in a checkout of this project", start)
		}
	}
}

// Path returns a file's path from its path in the checkout.
func (r Root) Path(elements ...string) string {
	return filepath.Join(append([]string{string(r)}, elements...)...)
}

// Command is a program with its arguments, and variables beyond those of this process.
type Command struct {
	Args []string
	Env  []string
	// Stdout and Stderr default to this process's.
	Stdout, Stderr io.Writer
}

// Run runs a program at the top of the checkout. When ctx ends the program is interrupted, and killed 5 seconds later.
//
// Errors say what ran; a program that fails has said why itself.
func (r Root) Run(ctx context.Context, command Command) error {
	cmd := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	cmd.Dir = string(r)
	cmd.Env = append(os.Environ(), command.Env...)
	cmd.Stdin = os.Stdin
	cmd.Stdout, cmd.Stderr = command.Stdout, command.Stderr
	if cmd.Stdout == nil {
		cmd.Stdout = os.Stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %w", strings.Join(command.Args, " "), err)
	default:
		return fmt.Errorf("run %s: %w", command.Args[0], err)
	}
}
