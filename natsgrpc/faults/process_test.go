package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest/roletest"
)

const (
	// startTimeout bounds the start of a process, with the race detector and on a busy machine.
	startTimeout = 30 * time.Second
	// readyLine is what a process prints when it does its work. What it prints later are results.
	readyLine = "ready"
)

// process is a copy of this test's binary that plays a role.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	ready  chan struct{}
	exited chan struct{}
}

// start starts a process and waits until it is ready. Its later lines go to results, which may be nil. It is killed when
// the test ends.
func start(t *testing.T, r role, results func(line string)) *process {
	t.Helper()
	p := launch(t, r, results)
	t.Cleanup(p.kill)
	p.awaitReady(t)
	return p
}

// launch starts a process, which is the caller's to kill. Unlike start it may be called by any goroutine of the test.
func launch(t *testing.T, r role, results func(line string)) *process {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Env = roletest.Environment(r)
	cmd.Stderr = t.Output()
	stdin, stdinErr := cmd.StdinPipe() // held open: the process ends with it
	stdout, stdoutErr := cmd.StdoutPipe()
	if err := firstError(stdinErr, stdoutErr); err != nil {
		panic(err)
	}
	p := &process{cmd: cmd, stdin: stdin, ready: make(chan struct{}), exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Errorf("start a process: %v", err)
		close(p.exited)
		return p
	}
	go func() { // ends with the process, which the cleanup waits for
		defer close(p.exited)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			switch {
			case lines.Text() == readyLine:
				close(p.ready)
			case results != nil:
				results(lines.Text())
			}
		}
		_ = cmd.Wait() // that it was killed is the point
	}()
	return p
}

// awaitReady returns when the process is ready.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.exited:
		require.FailNow(t, "a process ended before it was ready", "%v", p.cmd.ProcessState)
	case <-time.After(startTimeout):
		require.FailNow(t, "a process does not get ready")
	}
}

// kill ends the process with SIGKILL and waits for its end. A process that has ended stays so.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended
	<-p.exited
}

// retire lets the process end as it does when it is told to, and waits for its end.
func (p *process) retire(t *testing.T) {
	t.Helper()
	require.NoError(t, p.stdin.Close())
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.FailNow(t, "a process does not end")
	}
}

// pause stops the process where it is; its connections stay open.
func (p *process) pause(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
}

// resume lets a paused process go on.
func (p *process) resume(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
}

// sayReady tells the test that this process is ready.
func sayReady() { fmt.Println(readyLine) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
