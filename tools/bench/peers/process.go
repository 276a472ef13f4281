package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// stopTimeout is how long a process may take to end before it is killed.
const stopTimeout = 10 * time.Second

// process is a running serveCommand. It is not safe for concurrent use.
type process struct {
	role    string
	address string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start runs this program in a role and waits until it serves.
func start(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"serve", role}, args...)...)
	cmd.Cancel = func() error { return os.ErrProcessDone } // stop ends it
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	p := &process{role: role, cmd: cmd, in: in, out: bufio.NewReader(out)}
	line, err := p.line()
	address, ready := strings.CutPrefix(line, readyLine+" ")
	if err == nil && !ready {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", role, err), p.stop())
	}
	p.address = address
	return p, nil
}

func (p *process) line() (string, error) {
	line, err := p.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// ask asks a process a question and returns its answer.
func (p *process) ask(question string) (string, error) {
	_, err := fmt.Fprintln(p.in, question)
	var line string
	if err == nil {
		line, err = p.line()
	}
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", p.role, err)
	}
	return line, nil
}

// usage asks a process what it has taken.
func (p *process) usage() (usage, error) {
	line, err := p.ask(usageLine)
	if err != nil {
		return usage{}, err
	}
	u, err := parseUsage(line)
	if err != nil {
		return usage{}, fmt.Errorf("ask %s: %w", p.role, err)
	}
	return u, nil
}

// stop has the process end and waits for it.
func (p *process) stop() error {
	_ = p.in.Close() // it reads the end of its input
	kill := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.role, err)
	}
	return nil
}
