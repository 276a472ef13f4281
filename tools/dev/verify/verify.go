// Package verify runs the project's tests, those included that need more than Go: it finds out which programs are
// missing and installs them from the system's packages.
package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// SizeVariable is the environment variable that long scenarios read: "full" for their full size.
const SizeVariable = "TEST_SIZE"

// Options says how to test.
type Options struct {
	// Race runs the tests with Go's race detector, which wants a C compiler.
	Race bool
	// Full runs long scenarios (faults, load, fuzzing) at their full size instead of the one for CI.
	Full bool
	// Yes installs what is missing without asking.
	Yes bool
	// Args are further arguments of go test. Without a package among them all packages are tested.
	Args []string
}

// need is a program that tests use.
type need struct {
	program  string
	packages []string // Debian's
	why      string
}

// needs returns what the tests use beside Go.
func needs(options Options) []need {
	all := []need{
		{program: "curl", packages: []string{"curl", "ca-certificates"}, why: "README's examples"},
		{program: "jq", packages: []string{"jq"}, why: "the scripts that sign images"},
		{program: "npm", packages: []string{"npm"}, why: "the web app, protobuf's conformance suite, the linter of OpenAPI documents, and clients and workers in TypeScript"},
		{program: "python3", packages: []string{"python3", "python3-venv"}, why: "the Python of docs/clients.md"},
		{program: "initdb", packages: []string{"postgresql"}, why: "the rating service on PostgreSQL"},
		{program: "chromedriver", packages: []string{"chromium", "chromium-driver"}, why: "the page to try the API"},
		{program: "chromium", packages: []string{"chromium"}, why: "the web app"},
	}
	if options.Race {
		all = append(all, need{program: "gcc", packages: []string{"gcc", "libc6-dev"}, why: "the race detector"})
	}
	return all
}

// Run installs what is missing and runs all tests.
//
// Errors: something is missing and cannot or must not be installed; a test fails.
func Run(ctx context.Context, root workspace.Root, options Options) error {
	if err := install(ctx, root, missing(needs(options), look), options.Yes, os.Stdin); err != nil {
		return err
	}
	var env []string
	if options.Race {
		env = append(env, "CGO_ENABLED=1")
	}
	if options.Full {
		env = append(env, SizeVariable+"=full")
	}
	var errs []error
	for _, args := range goTests(options) {
		errs = append(errs, root.Run(ctx, workspace.Command{Args: args, Env: env}))
	}
	return errors.Join(errs...)
}

// goTests returns the commands that run the tests: one for each module, or the one for the packages that are named.
func goTests(options Options) [][]string {
	args := []string{"test", "-tags", "integration", "-timeout", "30m"}
	if options.Race {
		args = append(args, "-race")
	}
	args = append(args, options.Args...)
	for _, arg := range options.Args {
		if strings.HasPrefix(arg, ".") || strings.HasPrefix(arg, "github.com/") {
			return [][]string{append([]string{"go"}, args...)}
		}
	}
	var all [][]string
	for _, module := range workspace.Modules {
		all = append(all, slices.Concat([]string{"go", "-C", module}, args, []string{"./..."}))
	}
	return all
}

// look finds a program on PATH, or where Debian keeps PostgreSQL's server programs.
func look(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	if found, globErr := filepath.Glob("/usr/lib/postgresql/*/bin/" + program); globErr == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	return "", err
}

// missing returns the needs whose program look does not find.
func missing(all []need, look func(string) (string, error)) []need {
	var absent []need
	for _, n := range all {
		if _, err := look(n.program); err != nil {
			absent = append(absent, n)
		}
	}
	return absent
}

// install installs Debian packages, after asking on the terminal.
func install(ctx context.Context, root workspace.Root, absent []need, yes bool, answers io.Reader) error {
	if len(absent) == 0 {
		return nil
	}
	var packages []string
	for _, n := range absent {
		fmt.Fprintf(os.Stderr, "%s is missing; %s needs it.\n", n.program, n.why)
		packages = append(packages, n.packages...)
	}
	commands := [][]string{
		{"apt-get", "update", "-qq"},
		append([]string{"apt-get", "install", "-y", "-qq", "--no-install-recommends"}, packages...),
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install %s with your system's packages: apt-get is not on PATH", strings.Join(packages, " "))
	}
	if !yes && !confirm(answers, "Install "+strings.Join(packages, " ")+" with apt-get?") {
		return errors.New("not installed: " + strings.Join(packages, " "))
	}
	for _, args := range commands {
		if os.Getuid() != 0 {
			args = append([]string{"sudo"}, args...)
		}
		if err := root.Run(ctx, workspace.Command{Args: args, Env: []string{"DEBIAN_FRONTEND=noninteractive"}}); err != nil {
			return err
		}
	}
	return nil
}

// confirm asks a question that Enter answers with yes. No answer is no.
func confirm(answers io.Reader, question string) bool {
	fmt.Fprint(os.Stderr, question+" [Y/n] ")
	answer, err := bufio.NewReader(answers).ReadString('\n')
	if err != nil {
		fmt.Fprintln(os.Stderr)
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "" || answer == "y" || answer == "yes"
}
