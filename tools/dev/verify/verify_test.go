package verify

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoTestArguments(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "test -tags integration -timeout 30m ./..."},
		{Options{Race: true}, "test -tags integration -timeout 30m -race ./..."},
		{Options{Args: []string{"-run", "X"}}, "test -tags integration -timeout 30m -run X ./..."},
	} {
		var got []string
		for _, args := range goTests(c.options) {
			got = append(got, strings.Join(args, " "))
		}
		require.Equal(t, []string{"go -C . " + c.want, "go -C k8s/validate " + c.want, "go -C tools/bench/peers " + c.want, "go -C tools/operations " + c.want}, got)
	}
	named := goTests(Options{Args: []string{"-v", "./proxy"}})
	require.Equal(t, [][]string{strings.Fields("go test -tags integration -timeout 30m -v ./proxy")}, named)
}

func TestMissingFindsWhatIsNotOnPath(t *testing.T) {
	look := func(program string) (string, error) {
		if program == "gcc" {
			return "", exec.ErrNotFound
		}
		return "/bin/" + program, nil
	}
	require.Empty(t, missing(needs(Options{}), look))
	absent := missing(needs(Options{Race: true}), look)
	require.Len(t, absent, 1)
	require.Equal(t, "gcc", absent[0].program)
}

func TestNothingIsInstalledWithoutConsent(t *testing.T) {
	for answer, want := range map[string]bool{"\n": true, "y\n": true, "YES\n": true, "n\n": false, "what?\n": false, "": false} {
		require.Equal(t, want, confirm(strings.NewReader(answer), "Install?"), "%q", answer)
	}
}
