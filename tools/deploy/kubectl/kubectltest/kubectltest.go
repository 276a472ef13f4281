// Package kubectltest stands in for kubectl in tests: a script which records what it is asked, and gives the answers that
// the test has laid down. What they say was taken from kubectl 1.32 and 1.36. It needs a POSIX shell at /bin/sh.
//
//	fake := kubectltest.New(t)
//	fake.Answer("get pods", kubectltest.Answer{Stdout: `{"items": []}`})
package kubectltest

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed kubectl.sh
var script []byte

// An Answer is what kubectl does.
type Answer struct {
	Stdout, Stderr string
	Code           int  // exit code
	Hang           bool // print, then wait to be interrupted
}

// A Call is one run of kubectl. One that was interrupted is there a second time, as "interrupted ARGS".
type Call struct {
	Args  string // with blanks between
	Stdin string
}

// A Fake is the kubectl on PATH for the length of a test.
type Fake struct {
	t      testing.TB
	folder string
	rules  int
}

// New puts a kubectl on PATH. It does nothing, and succeeds, unless Answer says otherwise.
func New(t *testing.T) *Fake {
	t.Helper()
	fake := &Fake{t: t, folder: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(fake.folder, "kubectl"), script, 0o700))
	t.Setenv("PATH", fake.folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	fake.Answer("", Answer{})
	return fake
}

// Answer lays down the answer to calls whose arguments, with blanks between, contain args. The last one that fits counts.
func (f *Fake) Answer(args string, answer Answer) {
	f.t.Helper()
	f.rules++
	folder := filepath.Join(f.folder, "rules", fmt.Sprintf("%03d", f.rules))
	require.NoError(f.t, os.MkdirAll(folder, 0o700))
	files := map[string]string{"args": args, "stdout": answer.Stdout, "stderr": answer.Stderr, "code": strconv.Itoa(answer.Code)}
	if answer.Hang {
		files["hang"] = ""
	}
	for name, content := range files {
		require.NoError(f.t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
}

// Calls returns the calls whose arguments contain args, in the order in which they began.
func (f *Fake) Calls(args string) []Call {
	f.t.Helper()
	data, err := os.ReadFile(filepath.Join(f.folder, "calls"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(f.t, err)
	var calls []Call
	for line := range strings.Lines(string(data)) {
		id, said, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !strings.Contains(said, args) {
			continue
		}
		call := Call{Args: said}
		if !strings.HasPrefix(said, "interrupted ") {
			stdin, err := os.ReadFile(filepath.Join(f.folder, "stdin."+id))
			require.NoError(f.t, err)
			call.Stdin = string(stdin)
		}
		calls = append(calls, call)
	}
	return calls
}
