// Package perf puts load on a running system with the scripts of tools/k6, which k6 runs. k6 is a program of its own that has to
// be on the machine: the Devbox shell has it.
//
// k6 is under the AGPL. Nothing here links it, and no go.mod of this project has it.
package perf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/codingflow/rating/tools/dev/workspace"
)

const (
	// reachTimeout bounds the question whether there is an API.
	reachTimeout = 10 * time.Second
	// endTimeout is how long k6 may take to end when it is interrupted: it waits for answers, deletes its data and reports.
	endTimeout = 2 * time.Minute

	// The exit codes of k6 that are no fault of a script (errext/exitcodes in its source).
	exitThresholds  = 99
	exitInterrupted = 105
)

var (
	// ErrNoK6 means that k6 is not on this machine.
	ErrNoK6 = errors.New("k6 is not on PATH: the Devbox shell has it (devbox shell), and https://grafana.com/docs/k6/latest/set-up/install-k6/ tells how to install it; --k6 names it elsewhere")
	// ErrThresholds means that the system did not keep what a script asks of it.
	ErrThresholds = errors.New("a threshold is broken: the report says which")
)

// Config says what to run.
type Config struct {
	// Script is one of tools/k6: smoke, load, spike, breakpoint or soak.
	Script string
	// URL is where the API is mounted, such as http://localhost:8080/api.
	URL string
	// Rate is how many visits begin in a second; 0 for the script's default.
	Rate int
	// Duration is how long they do; 0 for the script's default.
	Duration time.Duration
	// P95 and P99 are the times in which 95 and 99 of 100 answers of each route must be there; 0 for the scripts' defaults.
	P95, P99 time.Duration
	// K6 is the program. Default: k6 on PATH.
	K6 string
	// Stdout and Stderr are where k6 writes its report and its progress. Default: those of this process.
	Stdout, Stderr io.Writer
}

// Run runs a script of the checkout. When ctx ends, k6 is interrupted: it still deletes the data that it has made and reports.
//
// Errors: [ErrNoK6]; [ErrThresholds]; nothing answers at the URL; ctx has ended; k6 fails, and has said why itself.
func Run(ctx context.Context, root workspace.Root, config Config) error {
	program, err := find(config.K6)
	if err != nil {
		return err
	}
	if err := reach(ctx, config.URL); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "run", "--no-usage-report", root.Path("tools", "k6", config.Script+".js"))
	cmd.Env = append(os.Environ(), config.env()...)
	cmd.Stdout, cmd.Stderr = config.Stdout, config.Stderr
	if cmd.Stdout == nil {
		cmd.Stdout = os.Stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	// A terminal sends Ctrl-C to the whole group of a process, and k6 takes a second signal as a demand to end at once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endTimeout
	return config.result(ctx, cmd.Run())
}

// find returns the path of k6.
func find(k6 string) (string, error) {
	if k6 == "" {
		path, err := exec.LookPath("k6")
		if err != nil {
			return "", ErrNoK6
		}
		return path, nil
	}
	path, err := exec.LookPath(k6)
	if err != nil {
		return "", fmt.Errorf("--k6: %w", err)
	}
	return path, nil
}

// reach checks that there is an API at a URL.
func reach(ctx context.Context, api string) error {
	u, err := url.Parse(api)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("--url: %q is no URL such as http://localhost:8080/api", api)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(api, "/")+"/services?pageSize=1", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: start the system with `go run ./tools/dev up`, name another with --url, or have one started with --up", api)
	case err != nil:
		return fmt.Errorf("cannot reach %s: %w", api, err)
	}
	defer func() { _ = response.Body.Close() }()
	// Any other answer is for the run to count.
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%s/services is answered %s: --url is to name where the API is mounted, of a system without sign-in", strings.TrimSuffix(api, "/"), response.Status)
	}
	return nil
}

// env returns the variables that the scripts read.
func (c *Config) env() []string {
	env := []string{"PERF_URL=" + c.URL}
	if c.Rate > 0 {
		env = append(env, "PERF_RATE="+strconv.Itoa(c.Rate))
	}
	set := func(name string, value time.Duration, unit time.Duration) {
		if value > 0 {
			env = append(env, name+"="+strconv.FormatFloat(float64(value)/float64(unit), 'f', -1, 64))
		}
	}
	set("PERF_DURATION", c.Duration, time.Second)
	set("PERF_P95", c.P95, time.Millisecond)
	set("PERF_P99", c.P99, time.Millisecond)
	return env
}

// result says what the end of k6 means.
func (c *Config) result(ctx context.Context, err error) error {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: interrupted: %w", c.Script, context.Cause(ctx))
	case errors.As(err, &exit) && exit.ExitCode() == exitThresholds:
		return fmt.Errorf("%s: %w", c.Script, ErrThresholds)
	case errors.As(err, &exit) && exit.ExitCode() == exitInterrupted:
		return fmt.Errorf("%s: interrupted", c.Script)
	case err != nil:
		return fmt.Errorf("%s: k6: %w", c.Script, err)
	}
	return nil
}
