package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/codingflow/rating/tools/dev/seed"
)

type seedCommand struct {
	Address  string `help:"Where the API is mounted." default:"http://localhost:8080/api" env:"DEV_ADDRESS"`
	Token    string `help:"Bearer token, where the system asks for one." env:"DEV_TOKEN" placeholder:"TOKEN"`
	Users    int    `help:"How many users there are." default:"200"`
	Services int    `help:"How many services there are." default:"50"`
	Ratings  int    `help:"How many ratings there are: up to one of each user for each service." default:"5000"`
	Seed     uint64 `help:"Chooses the data. The same seed and numbers make the same, and add nothing to it within 10 days." default:"1"`
}

// Run fills a running system with data.
func (c *seedCommand) Run(ctx context.Context) error {
	progress := progressLines(os.Stdout)
	if term.IsTerminal(int(os.Stdout.Fd())) {
		progress = progressBars(os.Stdout)
	}
	plan := seed.Plan{Seed: c.Seed, Users: c.Users, Services: c.Services, Ratings: c.Ratings}
	summary, err := seed.Run(ctx, seed.Config{Plan: plan, Address: c.Address, Token: c.Token, Progress: progress})
	if err != nil {
		return err
	}
	return c.report(os.Stdout, summary)
}

// report writes what is there and what to look at.
func (c *seedCommand) report(w io.Writer, summary *seed.Summary) error {
	already := ""
	if summary.Skipped > 0 {
		already = fmt.Sprintf(" (%d of them as they were before)", summary.Skipped)
	}
	root, err := url.Parse(c.Address)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `
There are now %d users, %d services and %d ratings%s of seed %d. To run it again within 10 days adds nothing.

Look at them:

  %s in a browser
  curl '%s/services?pageSize=3'
`, len(summary.Users), len(summary.Services), summary.Ratings, already, c.Seed, root.ResolveReference(&url.URL{Path: "/ui"}), c.Address)
	if err == nil && len(summary.Services) > 0 {
		_, err = fmt.Fprintf(w, "  curl '%s/%s/ratingSummary'\n", c.Address, summary.Services[0])
	}
	return err
}

// progressBars returns what shows the progress of each step as a bar on a terminal.
func progressBars(w io.Writer) func(step string, done, total int) {
	var bar *progressbar.ProgressBar
	return func(step string, done, total int) {
		if total == 0 {
			return
		}
		if done == 0 {
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(fmt.Sprintf("%-8s", step)),
				progressbar.OptionShowCount(), progressbar.OptionSetWidth(40),
				progressbar.OptionOnCompletion(func() { _, _ = fmt.Fprintln(w) }))
		}
		_ = bar.Set(done) // it is for the eye only
	}
}

// progressLines returns what writes a line for each step that is done.
func progressLines(w io.Writer) func(step string, done, total int) {
	return func(step string, done, total int) {
		if done == total && total > 0 {
			_, _ = fmt.Fprintf(w, "%s: %d of %d\n", step, done, total)
		}
	}
}
