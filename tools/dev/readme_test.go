//go:build integration

package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codingflow/rating/tools/dev/workspace"
	"github.com/stretchr/testify/require"
)

// upTimeout bounds the start of `go run ./tools/dev up`, its compilation included.
const upTimeout = 10 * time.Minute

// example is one command of README, and what it prints: "…" stands for any text without a line break.
type example struct {
	command string
	output  []string
}

// fences returns the contents of the Markdown text's code blocks in one language.
func fences(text, language string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, strings.TrimSpace(match[1]))
	}
	return blocks
}

// examples returns the commands in blocks of a console.
func examples(blocks []string) []example {
	var all []example
	for _, line := range strings.Split(strings.Join(blocks, "\n"), "\n") {
		if command, found := strings.CutPrefix(line, "$ "); found {
			all = append(all, example{command: command})
		} else if len(all) > 0 {
			all[len(all)-1].output = append(all[len(all)-1].output, line)
		}
	}
	return all
}

// pattern returns the regular expression that an example's output must match.
func pattern(lines []string) string {
	quoted := regexp.QuoteMeta(strings.Join(lines, "\n"))
	return "^" + strings.ReplaceAll(quoted, "…", `[^\n]*`) + "$"
}

func TestTheExamplesOfREADMEWorkAsWritten(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	text, err := os.ReadFile(root.Path("README.md"))
	require.NoError(t, err)
	commands := fences(string(text), "sh")
	require.GreaterOrEqual(t, len(commands), 2)
	require.Equal(t, "go run ./tools/dev up", commands[0])
	require.Equal(t, "go run ./tools/dev test", commands[1], "which is what runs this test")
	require.Len(t, commands, 3)

	busy, err := net.Dial("tcp", "localhost:8080")
	if err == nil {
		require.NoError(t, busy.Close())
		t.Fatal("README's examples use port 8080 and something listens there: end it")
	}
	stop := start(t, root, commands[0])
	awaitAPI(t)
	run(t, string(root), examples(fences(string(text), "console")))
	stop()

	for _, part := range strings.Split(commands[2], "\n") {
		start(t, root, part)
	}
	awaitAPI(t)
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://localhost:8080/api/users")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, upTimeout, 100*time.Millisecond, "the parts on their own do not answer")
}

// run runs examples in a folder, in one shell, so that later ones see the variables of earlier ones, and checks what each prints.
func run(t *testing.T, dir string, list []example) {
	t.Helper()
	require.NotEmpty(t, list)
	var session strings.Builder
	session.WriteString("set -o pipefail\n")
	const separator = "=====next====="
	for _, e := range list {
		session.WriteString(e.command + "\necho; echo " + separator + "\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), upTimeout)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-s")
	shell.Stdin = strings.NewReader(session.String())
	shell.Dir = dir
	shell.Stderr = t.Output()
	output, err := shell.Output()
	require.NoError(t, err)
	parts := strings.Split(string(output), separator+"\n")
	require.Len(t, parts, len(list)+1)
	for i, e := range list {
		require.Regexp(t, pattern(e.output), strings.TrimSpace(parts[i]), e.command)
	}
}

// start runs a command of README in the background, again and again until it is stopped, as a person would who starts
// the parts in another order; its data is in a temporary folder. It is interrupted as with Ctrl-C, and must end.
func start(t *testing.T, root workspace.Root, command string) (stop func()) {
	t.Helper()
	data := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, "bash", "-c", command)
			cmd.Dir = string(root)
			cmd.Env = append(os.Environ(), "DEV_DATA="+data)
			cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches the whole group
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
			if err := cmd.Run(); ctx.Err() == nil { // such as the proxy, before NATS is there
				t.Log(command, "ended:", err)
				time.Sleep(time.Second)
			}
		}
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("does not stop:", command)
		}
	}
	t.Cleanup(stop)
	return stop
}

// awaitAPI waits until the proxy is ready.
func awaitAPI(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://localhost:8080/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, upTimeout, 100*time.Millisecond)
}
