// Package kubectl runs kubectl, which is looked up on PATH.
package kubectl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// killDelay is how long an interrupted kubectl may take to end before it is killed.
const killDelay = 5 * time.Second

// ErrMissing is that there is no kubectl.
var ErrMissing = errors.New("kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools/), or enter the Devbox shell")

// Kubectl runs kubectl with one context of its configuration. Safe for concurrent use.
type Kubectl struct {
	path string
	// Context is a context of kubectl's configuration; "" is the current one.
	Context string
}

// Find looks kubectl up. Errors: ErrMissing.
func Find(context string) (*Kubectl, error) {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return nil, ErrMissing
	}
	return &Kubectl{path: path, Context: context}, nil
}

// Command is one run of kubectl.
type Command struct {
	Args []string
	// Stdin is what it reads.
	Stdin string
	// Stdout gets what it prints as it prints it, and in the end its warnings; Run then returns "".
	Stdout io.Writer
	// Timeout is the longest that it may take; 0 is as long as its context lasts.
	Timeout time.Duration
}

// An Error is that kubectl failed.
type Error struct {
	Args   []string
	Code   int    // its exit code
	Stderr string // what it said
}

// Error returns what kubectl was to do, and what it said.
func (e *Error) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = fmt.Sprintf("exit code %d", e.Code)
	}
	return fmt.Sprintf("kubectl %s: %s", strings.Join(e.Args, " "), said)
}

// Run runs kubectl and returns its standard output. When ctx ends, kubectl is interrupted, and killed 5 seconds later.
//
// Errors: *Error when kubectl fails; ctx's; that it was not done in time.
func (k *Kubectl) Run(ctx context.Context, command Command) (string, error) {
	running := ctx
	if command.Timeout > 0 {
		var cancel context.CancelFunc
		running, cancel = context.WithTimeout(ctx, command.Timeout)
		defer cancel()
	}
	args := command.Args
	if k.Context != "" {
		args = append([]string{"--context=" + k.Context}, args...)
	}
	cmd := exec.CommandContext(running, k.path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = killDelay
	cmd.Stdin = strings.NewReader(command.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if command.Stdout != nil {
		cmd.Stdout = command.Stdout
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		if command.Stdout != nil {
			_, err = command.Stdout.Write(stderr.Bytes())
		}
		return stdout.String(), err
	case ctx.Err() != nil:
		return "", ctx.Err()
	case running.Err() != nil:
		return "", fmt.Errorf("kubectl %s: it was not done in %s", strings.Join(command.Args, " "), command.Timeout)
	case errors.As(err, &exit):
		return stdout.String(), &Error{Args: command.Args, Code: exit.ExitCode(), Stderr: stderr.String()}
	default:
		return "", fmt.Errorf("run %s: %w", k.path, err)
	}
}
