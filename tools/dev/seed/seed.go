package seed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

const (
	// concurrency is how many requests are in flight: a small part of what a proxy takes of one client.
	concurrency = 8
	// batchSize is how many ratings a request creates. The API takes 1,000; with fewer, others who write wait less.
	batchSize = 250
)

// Config says where to create what.
type Config struct {
	Plan Plan
	// Address is where the API is mounted, such as http://localhost:8080/api.
	Address string
	// Token is the bearer token of each request, where the system asks for one.
	Token string
	// Progress is told how much of a step is done, from one goroutine at a time. Default: nobody is.
	Progress func(step string, done, total int)
}

// Summary is what is there after a run.
type Summary struct {
	Users, Services []string // names, by index
	// Ratings is how many of the plan's ratings are there, and Skipped how many of them had another score or comment before.
	Ratings, Skipped int
}

// Run creates what the plan says, unless an earlier run of the same plan has. It ends with the first error, and may then be
// called again to go on.
//
// Errors: the plan or the address is wrong; nothing listens there; the API refuses a request, or does not answer any more.
func Run(ctx context.Context, config Config) (*Summary, error) {
	if err := config.Plan.Check(); err != nil {
		return nil, err
	}
	if config.Progress == nil {
		config.Progress = func(string, int, int) {}
	}
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	if err := c.reach(ctx); err != nil {
		return nil, err
	}
	plan, summary := config.Plan, &Summary{Users: make([]string, config.Plan.Users), Services: make([]string, config.Plan.Services)}
	err = each(ctx, config, "users", plan.Users, 1, func(ctx context.Context, i int) error {
		user := &ratingv1.User{}
		err := c.post(ctx, "/users", plan.user(i), user, i)
		summary.Users[i] = user.GetName()
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, config, "services", plan.Services, 1, func(ctx context.Context, i int) error {
		wanted, _ := plan.service(i)
		service := &ratingv1.Service{}
		err := c.post(ctx, "/services", wanted, service, i)
		summary.Services[i] = service.GetName()
		return err
	})
	if err != nil {
		return nil, err
	}
	var skipped atomic.Int64
	batches := slices.Collect(slices.Chunk(plan.ratings(), batchSize))
	err = each(ctx, config, "ratings", plan.Ratings, batchSize, func(ctx context.Context, i int) error {
		n, err := c.rate(ctx, summary, batches[i])
		skipped.Add(int64(n))
		return err
	})
	summary.Ratings, summary.Skipped = plan.Ratings, int(skipped.Load())
	return summary, err
}

// rate creates ratings together; where one of them is there already, each by itself. It returns how many were there.
func (c *client) rate(ctx context.Context, summary *Summary, batch []rating) (skipped int, err error) {
	all := &ratingv1.BatchCreateRatingsRequest{}
	for _, r := range batch {
		all.Requests = append(all.Requests, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{
			User: summary.Users[r.user], Service: summary.Services[r.service], Score: &r.score, Comment: r.comment,
		}})
	}
	err = c.post(ctx, "/ratings:batchCreate", all, &ratingv1.BatchCreateRatingsResponse{}, 0)
	if !isConflict(err) {
		return 0, err
	}
	for _, request := range all.GetRequests() {
		err := c.post(ctx, "/ratings", request.GetRating(), &ratingv1.Rating{}, 0)
		switch {
		case isConflict(err):
			skipped++
		case err != nil:
			return skipped, err
		}
	}
	return skipped, nil
}

// isConflict reports whether an error is ALREADY_EXISTS.
func isConflict(err error) bool {
	var failed *statusError
	return errors.As(err, &failed) && failed.httpStatus == http.StatusConflict && failed.status == "ALREADY_EXISTS"
}

// each calls do for each part of a step, the last of which may be smaller, and ends with the first error.
func each(ctx context.Context, config Config, step string, total, part int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	finished := make(chan int)
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		done := 0
		config.Progress(step, done, total)
		for n := range finished {
			done += n
			config.Progress(step, done, total)
		}
	}()
	for i := range (total + part - 1) / part {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(ctx, i); err != nil {
				return fmt.Errorf("create %s: %w", step, err)
			}
			finished <- min(part, total-i*part)
			return nil
		})
	}
	err := group.Wait()
	close(finished)
	<-reported
	return err
}
