package kubernetes

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// writer calls a function for each line.
type writer func(string)

func (w writer) Write(data []byte) (int, error) {
	w(string(data))
	return len(data), nil
}

func TestASilentProgramIsSaidToBeAtWork(t *testing.T) {
	enough := filepath.Join(t.TempDir(), "enough")
	var lines []string
	s := &Session{Root: workspace.Root(t.TempDir()), Heartbeat: time.Millisecond, Out: writer(func(line string) {
		lines = append(lines, line)
		if len(lines) == 3 {
			require.NoError(t, os.WriteFile(enough, nil, 0o600))
		}
	})}
	require.NoError(t, s.run(t.Context(), command{args: []string{"sh", "-c", `until [ -e "$0" ]; do :; done`, enough}, silent: true}))
	require.Equal(t, "  $ sh -c 'until [ -e \"$0\" ]; do :; done' "+enough+"\n", lines[0])
	for _, line := range lines[1:] {
		require.Regexp(t, `^    … at work for \d+s\n$`, line)
	}
}

func TestAProgramThatHangsIsEnded(t *testing.T) {
	s := &Session{Root: workspace.Root(t.TempDir()), Out: new(bytes.Buffer)}
	err := s.run(t.Context(), command{args: []string{"sleep", "60"}, timeout: time.Millisecond})
	require.EqualError(t, err, "sleep 60: it was not done in 1ms")
}

func TestAnInterruptedProgramIsNotCalledSlow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &Session{Root: workspace.Root(t.TempDir()), Out: writer(func(string) { cancel() })}
	err := s.run(ctx, command{args: []string{"sleep", "60"}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestConnectionsAreTriedForAsLongAsPatienceLasts(t *testing.T) {
	var out bytes.Buffer
	s := &Session{Root: workspace.Root(t.TempDir()), Out: &out}
	forward := Forward{Settled: time.Hour, Pause: time.Millisecond, Patience: 100 * time.Millisecond}
	start := time.Now()
	require.EqualError(t, s.keepConnected(t.Context(), command{args: []string{"false"}}, forward), "false: exit status 1")
	require.GreaterOrEqual(t, time.Since(start), forward.Patience)
	require.Contains(t, out.String(), "  $ false\nThe connection ended. The next one:\n  $ false\n")
}

func TestAConnectionThatEndsWithoutAnErrorIsOneThatEnded(t *testing.T) {
	s := &Session{Root: workspace.Root(t.TempDir()), Out: new(bytes.Buffer)}
	err := s.keepConnected(t.Context(), command{args: []string{"true"}}, Forward{Settled: time.Hour})
	require.EqualError(t, err, "kubectl port-forward ended")
}

func TestWordsComeOutOfAShellAsTheyWentIn(t *testing.T) {
	for word, want := range map[string]string{
		"":                     "''",
		"--timeout":            "--timeout",
		"k8s:deploy_dev@1/a=b": "k8s:deploy_dev@1/a=b",
		"a b":                  "'a b'",
		"$HOME":                "'$HOME'",
		"it's":                 `'it'\''s'`,
		"a\nb":                 "'a\nb'",
		"~":                    "'~'",
	} {
		require.Equal(t, want, quote(word))
		s := &Session{Root: workspace.Root(t.TempDir())}
		got, err := s.look(t.Context(), nil, "sh", "-c", "printf %s "+quote(word))
		require.NoError(t, err)
		require.Equal(t, word, got)
	}
}

func TestVariablesThatHaveTheirValueAreLeftOutOfACommandLine(t *testing.T) {
	t.Setenv("KUBECONFIG", "/there")
	env := []string{"KUBECONFIG=/there", "REGISTRY=a b"}
	require.Equal(t, "REGISTRY='a b' bazel run", line([]string{"bazel", "run"}, env))
}

func TestTheRegistryOfDevIsOnThisMachine(t *testing.T) {
	for registry, valid := range map[string]bool{
		"k3d-rating.localhost:5000":  true,
		"k3d-rating.localhost:65535": true,
		"k3d-rating.localhost:0":     false,
		"k3d-rating.localhost:65536": false,
		"k3d-rating.localhost:http":  false,
		"k3d-rating.localhost":       false,
		"localhost:5000":             false,
		"example.com:5000":           false,
		":5000":                      false,
	} {
		_, err := NewEnvironment("/", Settings{Environment: Dev, DevRegistry: registry})
		if valid {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, `registry of dev "`+registry+`": it must be NAME.localhost:PORT, such as k3d-rating.localhost:5000`)
	}
}

func TestAnEnvironmentThatIsNoneIsRefused(t *testing.T) {
	_, err := NewEnvironment("/", Settings{Environment: "staging"})
	require.EqualError(t, err, `environment "staging": it must be dev or prod`)
}
