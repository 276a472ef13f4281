package kubectl_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
)

func find(t *testing.T, name string) *kubectl.Kubectl {
	t.Helper()
	tool, err := kubectl.Find(name)
	require.NoError(t, err)
	return tool
}

func TestFindSaysHowToGetKubectl(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := kubectl.Find("")
	require.ErrorIs(t, err, kubectl.ErrMissing)
	require.EqualError(t, err, "kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools/), or enter the Devbox shell")
}

func TestRunGivesStdinAndReturnsStdout(t *testing.T) {
	fake := kubectltest.New(t)
	fake.Answer("apply", kubectltest.Answer{Stdout: "namespace/rating serverside-applied\n", Stderr: "Warning: careful\n"})
	got, err := find(t, "k3d-rating").Run(t.Context(), kubectl.Command{Args: []string{"apply", "--filename=-"}, Stdin: "kind: Namespace\n"})
	require.NoError(t, err)
	require.Equal(t, "namespace/rating serverside-applied\n", got)
	require.Equal(t, []kubectltest.Call{{Args: "--context=k3d-rating apply --filename=-", Stdin: "kind: Namespace\n"}}, fake.Calls(""))
}

func TestRunShowsWarningsToWhoSeesTheOutput(t *testing.T) {
	kubectltest.New(t).Answer("apply", kubectltest.Answer{Stdout: "applied\n", Stderr: "Warning: careful\n"})
	var shown bytes.Buffer
	got, err := find(t, "").Run(t.Context(), kubectl.Command{Args: []string{"apply"}, Stdout: &shown})
	require.NoError(t, err)
	require.Empty(t, got)
	require.Equal(t, "applied\nWarning: careful\n", shown.String())
}

func TestRunReturnsWhatKubectlComplainsOf(t *testing.T) {
	fake := kubectltest.New(t)
	fake.Answer("get pods", kubectltest.Answer{Stdout: "half\n", Stderr: "error: no\n", Code: 1})
	fake.Answer("get nodes", kubectltest.Answer{Code: 3})
	got, err := find(t, "").Run(t.Context(), kubectl.Command{Args: []string{"get", "pods"}})
	require.Equal(t, &kubectl.Error{Args: []string{"get", "pods"}, Code: 1, Stderr: "error: no\n"}, err)
	require.EqualError(t, err, "kubectl get pods: error: no")
	require.Equal(t, "half\n", got)
	_, err = find(t, "").Run(t.Context(), kubectl.Command{Args: []string{"get", "nodes"}})
	require.EqualError(t, err, "kubectl get nodes: exit code 3")
}

func TestRunInterruptsKubectl(t *testing.T) {
	for name, test := range map[string]struct {
		timeout time.Duration
		stop    bool
		want    string
	}{
		"when its context ends":  {time.Minute, true, "context canceled"},
		"when it takes too long": {100 * time.Millisecond, false, "kubectl rollout status: it was not done in 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := kubectltest.New(t)
			fake.Answer("rollout", kubectltest.Answer{Stdout: "Waiting\n", Hang: true})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() {
				_, err := find(t, "").Run(ctx, kubectl.Command{Args: []string{"rollout", "status"}, Timeout: test.timeout})
				ended <- err
			}()
			if test.stop {
				require.Eventually(t, func() bool { return len(fake.Calls("rollout")) == 1 }, 10*time.Second, 5*time.Millisecond)
				stop()
			}
			require.EqualError(t, <-ended, test.want)
		})
	}
}
