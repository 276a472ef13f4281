//go:build integration && linux

package overload

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest/roletest"
)

// The cores of a scenario's processes.
const (
	serverCore    = "0"
	generatorCore = "1"
)

// startTimeout bounds the start of a process, with the race detector and on a busy machine.
const startTimeout = time.Minute

// process is a process of a scenario.
type process struct {
	cmd    *exec.Cmd
	lines  chan string // of its standard output; closed at its end
	exited chan struct{}
}

// start starts a program on a core, in an environment, or in this process's where that is nil. It is killed when the test ends. Its log goes to stderr.
func start(t *testing.T, core string, env []string, stderr io.Writer, program string, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "taskset", append([]string{"--cpu-list", core, program}, args...)...)
	cmd.Env = env
	cmd.Stderr = stderr
	_, err := cmd.StdinPipe() // held open: a role ends with it
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "taskset is part of util-linux")
	p := &process{cmd: cmd, lines: make(chan string, 16), exited: make(chan struct{})}
	go func() { // ends with the process, for which the cleanup waits
		defer close(p.exited)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 64<<20) // records of a minute are 20 MB
		for lines.Scan() {
			p.lines <- lines.Text()
		}
		close(p.lines)
		_ = cmd.Wait() // it is killed in the end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error says that it has ended
		for range p.lines {
		}
		<-p.exited
	})
	return p
}

// startRole starts this test's binary in a role.
func startRole(t *testing.T, core string, r role) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return start(t, core, roletest.Environment(r), t.Output(), self)
}

// line returns the next line that the process prints.
func (p *process) line(t *testing.T, timeout time.Duration) string {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(t, ok, "a process has ended")
		return line
	case <-time.After(timeout):
		require.FailNow(t, "a process says nothing")
		return ""
	}
}

// memory returns how many bytes of memory the process has resident.
func (p *process) memory(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(data), "VmRSS:")
	require.True(t, found)
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(t, err)
	return kib << 10
}
