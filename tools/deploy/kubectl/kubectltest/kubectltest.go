// Package kubectltest stands in for kubectl in tests: the test binary itself, run under that name, which records what it is
// asked and gives the answers that the test has laid down. What kubectl says and prints was taken from kubectl 1.32.
//
//	func TestMain(m *testing.M) { kubectltest.Main(m) }
//
//	fake := kubectltest.New(t)
//	fake.Answer("get pods", kubectltest.Answer{Stdout: `{"items": []}`})
package kubectltest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// variable holds the folder of the fake that a process belongs to.
const variable = "KUBECTLTEST"

// patience is how long an answer that hangs does so: a test whose kubectl nobody stops ends all the same.
const patience = time.Minute

// An Answer is what kubectl does.
type Answer struct {
	Stdout, Stderr string
	Code           int  // exit code
	Hang           bool // print, then wait to be interrupted
}

// A Call is one run of kubectl.
type Call struct {
	Args  string // with blanks between
	Stdin string
}

type rule struct {
	Args   string
	Answer Answer
}

// A Fake is a kubectl on PATH for the length of a test.
type Fake struct {
	t      testing.TB
	folder string
	rules  []rule
}

// New puts a kubectl on PATH. It does nothing, and succeeds, unless Answer says otherwise.
func New(t *testing.T) *Fake {
	t.Helper()
	folder := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(folder, "kubectl")))
	t.Setenv("PATH", folder)
	t.Setenv(variable, folder)
	fake := &Fake{t: t, folder: folder}
	fake.write()
	return fake
}

// Answer lays down the answer to calls whose arguments, with blanks between, contain args. The last one that fits counts.
func (f *Fake) Answer(args string, answer Answer) {
	f.t.Helper()
	f.rules = append(f.rules, rule{args, answer})
	f.write()
}

func (f *Fake) write() {
	f.t.Helper()
	data, err := json.Marshal(f.rules)
	require.NoError(f.t, err)
	require.NoError(f.t, os.WriteFile(filepath.Join(f.folder, "rules"), data, 0o600))
}

// Calls returns the calls whose arguments contain args, in the order in which they began.
func (f *Fake) Calls(args string) []Call {
	f.t.Helper()
	file, err := os.Open(filepath.Join(f.folder, "calls"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(f.t, err)
	defer file.Close()
	var calls []Call
	for decoder := json.NewDecoder(file); ; {
		var call Call
		err := decoder.Decode(&call)
		if err == io.EOF {
			return calls
		}
		require.NoError(f.t, err)
		if strings.Contains(call.Args, args) {
			calls = append(calls, call)
		}
	}
}

// Main is what TestMain does: it is kubectl, or runs the tests.
func Main(m *testing.M) {
	if filepath.Base(os.Args[0]) != "kubectl" {
		os.Exit(m.Run())
	}
	code, err := serve(os.Getenv(variable), strings.Join(os.Args[1:], " "))
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubectltest:", err)
		code = 2
	}
	os.Exit(code)
}

// serve is kubectl.
func serve(folder, args string) (int, error) {
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	if err := record(folder, Call{Args: args, Stdin: string(stdin)}); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(filepath.Join(folder, "rules"))
	if err != nil {
		return 0, err
	}
	var rules []rule
	if err := json.Unmarshal(data, &rules); err != nil {
		return 0, err
	}
	var answer Answer
	for _, rule := range rules {
		if strings.Contains(args, rule.Args) {
			answer = rule.Answer
		}
	}
	fmt.Print(answer.Stdout)
	fmt.Fprint(os.Stderr, answer.Stderr)
	if answer.Hang {
		select {
		case <-interrupted:
			return 130, record(folder, Call{Args: "interrupted " + args})
		case <-time.After(patience):
			return 0, fmt.Errorf("nobody interrupted %s", args)
		}
	}
	return answer.Code, nil
}

// record appends a call in one write, so that calls at once do not mix.
func record(folder string, call Call) error {
	file, err := os.OpenFile(filepath.Join(folder, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	data, err := json.Marshal(call)
	if err != nil {
		return err
	}
	if _, err := file.Write(append(data, '\n')); err != nil {
		return err
	}
	return file.Close()
}
