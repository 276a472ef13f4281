// Command smoke asks a deployed system, where its users do, whether it works: the API through the gateway, the queue and the
// database, and the pages. It changes nothing.
//
//	go run ./tools/smoke --address https://rating.example.com
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

const (
	// pause is how long a check that failed waits for the next try.
	pause = 2 * time.Second
	// tryTimeout bounds one try of a check, all its requests together.
	tryTimeout = 20 * time.Second
)

type cli struct {
	Address string        `required:"" env:"ADDRESS" placeholder:"URL" help:"Where people find the system: https://rating.example.com. The API is below /api, the app below /ui."`
	Token   string        `env:"SMOKE_TOKEN" help:"Bearer token, to read users too where that takes one."`
	Timeout time.Duration `default:"3m" help:"How long each check is tried again: a new address or certificate takes a while to be known."`
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Name("smoke"), kong.Description("Asks a deployed system whether it works; changes nothing."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser.FatalIfErrorf(c.run(ctx, os.Stdout))
}

// run runs all checks and writes a line on each.
//
// Errors: the address is none, or how many checks failed; the lines say why.
func (c *cli) run(ctx context.Context, w io.Writer) error {
	address, err := url.Parse(c.Address)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" || address.Path != "" && address.Path != "/" || address.RawQuery != "" || address.Fragment != "" {
		return fmt.Errorf("address: %q is no URL such as https://rating.example.com", c.Address)
	}
	if c.Timeout <= 0 {
		return fmt.Errorf("timeout: %s is not positive", c.Timeout)
	}
	site := &site{address: address, token: c.Token, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	failed := 0
	for _, check := range site.checks() {
		found, err := eventually(ctx, c.Timeout, check.run)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed++
			_, err = fmt.Fprintf(w, "FAILED %s: %v\n", check.name, err)
		default:
			_, err = fmt.Fprintf(w, "ok     %s: %s\n", check.name, found)
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(site.checks()))
	}
	return nil
}

// eventually tries until there is no error. The last try begins before the time is over; its error is returned.
func eventually(ctx context.Context, timeout time.Duration, try func(context.Context) (string, error)) (string, error) {
	over := time.After(timeout)
	for {
		once, cancel := context.WithTimeout(ctx, tryTimeout)
		found, err := try(once)
		cancel()
		if err == nil {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-over:
			return "", err
		case <-time.After(pause):
		}
	}
}
