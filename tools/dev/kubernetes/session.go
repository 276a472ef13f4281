package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// Longest times. None is met where things work; they end what hangs.
const (
	lookTimeout    = 30 * time.Second // of a program that only looks
	commandTimeout = 10 * time.Minute // of one that changes a cluster; images are pulled meanwhile
	buildTimeout   = time.Hour        // of one that builds: the first build compiles everything, for two architectures
)

// A Session runs the commands in one environment.
type Session struct {
	Root        workspace.Root
	Environment Environment
	// DryRun prints command lines and runs nothing.
	DryRun bool
	// Out is for people. What the programs write goes to this process's stdout and stderr.
	Out io.Writer
	// Heartbeat is how often a program that says nothing is said to be at work still.
	Heartbeat time.Duration
}

// step is a part of a command: what it is for, and what it runs.
type step struct {
	what     string
	commands []command
}

// command is a program with its arguments, and variables beyond those of this process.
type command struct {
	args    []string
	env     []string
	silent  bool // says nothing until it is done
	timeout time.Duration
}

// do runs steps, and then says what is next.
//
// Errors: a program that a step wants is not on PATH, and then nothing was run; a program fails.
func (s *Session) do(ctx context.Context, steps []step, next ...string) error {
	if err := s.require(programs(steps)...); err != nil {
		return err
	}
	for i, step := range steps {
		s.printf("[%d/%d] %s", i+1, len(steps), step.what)
		for _, command := range step.commands {
			if err := s.run(ctx, command); err != nil {
				return err
			}
		}
	}
	if s.DryRun {
		next = []string{"Nothing was run: --dry-run."}
	}
	for _, line := range next {
		s.printf("%s", line)
	}
	return nil
}

// require returns an error that names the programs which are not on PATH. A dry run wants none.
func (s *Session) require(programs ...string) error {
	if s.DryRun {
		return nil
	}
	return onPath(programs...)
}

// programs returns what steps run.
func programs(steps []step) []string {
	var all []string
	for _, step := range steps {
		for _, command := range step.commands {
			if !slices.Contains(all, command.args[0]) {
				all = append(all, command.args[0])
			}
		}
	}
	return all
}

// reach returns an error where the environment's cluster does not answer.
func (s *Session) reach(ctx context.Context) error {
	if s.DryRun {
		return nil
	}
	if err := s.require("kubectl"); err != nil {
		return err
	}
	dev := s.Environment.Name == Dev
	if _, err := os.Stat(s.Environment.Kubeconfig); err != nil {
		if dev {
			return fmt.Errorf("the credentials of a cluster are missing: make one with %s: %w", s.command("create-cluster"), err)
		}
		return fmt.Errorf("the credentials of the cluster are missing: az aks get-credentials --resource-group GROUP --name CLUSTER --file %s: %w", quote(s.Environment.Kubeconfig), err)
	}
	get := s.kubectl("get", "--raw", "/readyz", "--request-timeout", "15s")
	if _, err := s.look(ctx, get.env, get.args...); err != nil {
		if dev {
			return fmt.Errorf("the cluster does not answer: start it with %s: %w", s.command("start-cluster"), err)
		}
		return fmt.Errorf("the cluster of %s does not answer: %w", s.Environment.Name, err)
	}
	return nil
}

// run prints a command line and runs it.
func (s *Session) run(ctx context.Context, c command) error {
	args := slices.Clone(c.args)
	args[0] = resolve(args[0])
	s.printf("  $ %s", line(args, c.env))
	if s.DryRun {
		return nil
	}
	timeout := c.timeout
	if timeout == 0 {
		timeout = commandTimeout
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it was not done in %s", timeout))
	defer cancel()
	if c.silent {
		defer s.beat()()
	}
	err := s.Root.Run(limited, workspace.Command{Args: args, Env: c.env})
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), context.Cause(limited))
	}
	return err
}

// look runs a program that changes nothing, and returns what it writes to stdout. Errors end in what it wrote to stderr.
func (s *Session) look(ctx context.Context, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	err := s.Root.Run(ctx, workspace.Command{Args: args, Env: env, Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		if said := strings.TrimSpace(stderr.String()); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return "", err
	}
	return stdout.String(), nil
}

// beat says now and then that something is at work, until it is stopped.
func (s *Session) beat() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	start, ticker := time.Now(), time.NewTicker(s.Heartbeat)
	go func() {
		defer close(ended)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.printf("    … at work for %s", time.Since(start).Round(time.Second))
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// requireDev returns an error where dev is not the environment.
func (s *Session) requireDev() error {
	if s.Environment.Name == Dev {
		return nil
	}
	return errors.New("this is for the cluster on this machine, and " + s.Environment.Name + " is loaded: load_config dev")
}

func (s *Session) printf(format string, args ...any) {
	fmt.Fprintf(s.Out, format+"\n", args...)
}

// command returns what a person types for another of the developer's commands.
func (s *Session) command(name string) string {
	if os.Getenv("DEVBOX_SHELL_ENABLED") != "" {
		return name
	}
	return "go run ./tools/dev " + name
}

// line returns a command line of a shell. Variables that have their value already are left out.
func line(args, env []string) string {
	var words []string
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if os.Getenv(name) != value {
			words = append(words, name+"="+quote(value))
		}
	}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

// plain is what no shell takes for anything but itself.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote returns a word of a shell that stands for text.
func quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
