//go:build integration

package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/verify"
)

// The stack serves from PostgreSQL, whose schema it makes.
func TestTheStackKeepsItsDataInPostgreSQL(t *testing.T) {
	server := postgrestest.NewServer(t)
	config := stack.Config{Data: t.TempDir(), Database: server.URL("postgres")}
	api, down := up(t, config)
	created := request(t, "POST", api+"/users", `{"displayName": "Ada"}`)
	require.Equal(t, 200, created.code, created.body)
	down()
	api, _ = up(t, config)
	require.JSONEq(t, created.body, request(t, "GET", api+"/"+created.field(t, "name").(string), "").body)
	refused := request(t, "POST", api+"/users", `{"displayName": "A\u0000da"}`)
	require.Equal(t, 400, refused.code, refused.body)
}

// A rater is a client that creates users and their ratings and changes them, each command under a key with which it repeats
// the command until it is acknowledged.
type rater struct {
	api      string
	client   *http.Client
	services []string
	counts   *outcomes
}

// outcomes counts what the raters were told: refused is by the proxy, which lets fewer in while calls take long.
type outcomes struct {
	acknowledged, unavailable, refused atomic.Int64
}

// command sends a command until it is acknowledged, and returns the answer. It waits as it is told to.
func (r *rater) command(ctx context.Context, method, path, body, key string) (string, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, method, r.api+path, strings.NewReader(body))
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", strconv.Quote(key))
		resp, err := r.client.Do(req)
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			return "", err
		case resp.StatusCode == http.StatusOK:
			r.counts.acknowledged.Add(1)
			return string(text), nil
		case resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), `"reason":"DATABASE_UNAVAILABLE"`):
			r.counts.unavailable.Add(1)
		case resp.StatusCode == http.StatusTooManyRequests:
			r.counts.refused.Add(1)
		default:
			return "", fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil {
			return "", fmt.Errorf("%s %s: %s: Retry-After: %w", method, path, resp.Status, err)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(time.Duration(seconds) * time.Second):
		}
	}
}

// rate creates a user and a rating and changes its score. It returns the rating as it was acknowledged last.
func (r *rater) rate(ctx context.Context, key string, i int) (string, error) {
	var user, rating struct{ Name string }
	text, err := r.command(ctx, "POST", "/users", fmt.Sprintf(`{"displayName": %q}`, key), key+" user")
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal([]byte(text), &user); err != nil {
		return "", err
	}
	body := fmt.Sprintf(`{"user": %q, "service": %q, "score": %d}`, user.Name, r.services[i%len(r.services)], i%6)
	if text, err = r.command(ctx, "POST", "/ratings", body, key+" rating"); err != nil {
		return "", err
	}
	if err := json.Unmarshal([]byte(text), &rating); err != nil {
		return "", err
	}
	return r.command(ctx, "PATCH", "/"+rating.Name, fmt.Sprintf(`{"score": %d}`, (i+1)%6), key+" change")
}

// PostgreSQL is killed while 64 clients create and change, through the proxy and the queues: once it is started again at once,
// and once it stays away until clients have been told so. Every acknowledged command is there afterwards, each once, and the
// averages are those of the ratings. At full size it is killed ten times.
func TestAKilledPostgreSQLLosesNothingAndCountsNothingTwice(t *testing.T) {
	const clients = 64
	kills := 2
	if os.Getenv(verify.SizeVariable) == "full" {
		kills = 10
	}
	server := postgrestest.NewServer(t)
	api, _ := up(t, stack.Config{Data: t.TempDir(), Database: server.URL("postgres")})
	var counts outcomes
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	r := &rater{api: api, client: &http.Client{Transport: transport, Timeout: time.Minute}, counts: &counts}
	for i := range 5 {
		service := request(t, "POST", api+"/services", fmt.Sprintf(`{"displayName": "Service %d"}`, i))
		require.Equal(t, 200, service.code, service.body)
		r.services = append(r.services, service.field(t, "name").(string))
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var stop atomic.Bool
	var group sync.WaitGroup
	acknowledged := make([][]string, clients)
	for client := range clients {
		group.Go(func() {
			for i := 0; !stop.Load() && !t.Failed(); i++ {
				rating, err := r.rate(ctx, fmt.Sprintf("%d-%d", client, i), client+i)
				if err != nil {
					t.Error(err)
					return
				}
				acknowledged[client] = append(acknowledged[client], rating)
			}
		})
	}
	await := func(counter *atomic.Int64, more int64, what string) {
		target := counter.Load() + more
		require.Eventually(t, func() bool { return t.Failed() || counter.Load() >= target }, 2*time.Minute, time.Millisecond, what)
		require.False(t, t.Failed())
	}
	for kill := range kills {
		await(&counts.acknowledged, 500, "commands are acknowledged")
		require.NoError(t, server.Kill())
		if kill%2 == 1 {
			await(&counts.unavailable, clients, "clients are told that the database is away")
		}
		require.NoError(t, server.Start())
	}
	await(&counts.acknowledged, 500, "commands are acknowledged again")
	stop.Store(true)
	group.Wait()

	st, err := postgres.Open(t.Context(), server.URL("postgres"), postgres.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	total := 0
	for _, ratings := range acknowledged {
		for _, text := range ratings {
			total++
			var want struct {
				Name, User, Etag string
				Score            int32
			}
			require.NoError(t, json.Unmarshal([]byte(text), &want))
			got, err := st.GetRating(t.Context(), want.Name)
			require.NoError(t, err)
			require.Equal(t, want.Etag, got.GetEtag())
			require.Equal(t, want.Score, got.GetScore())
			_, err = st.GetUser(t.Context(), want.User)
			require.NoError(t, err)
		}
	}
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: 10 * total})
	require.NoError(t, err)
	require.Len(t, users, total, "users")
	rows := 0
	for _, service := range r.services {
		ratings, err := st.ListRatings(t.Context(), store.RatingQuery{Service: service, Limit: 10 * total})
		require.NoError(t, err)
		rows += len(ratings)
		var counts [store.MaxScore + 1]int64
		for _, rating := range ratings {
			counts[rating.GetScore()]++
		}
		want := store.NewRatingSummary(service, counts)
		got, err := st.GetRatingSummary(t.Context(), service)
		require.NoError(t, err)
		require.Equal(t, want.GetRatingCount(), got.GetRatingCount())
		require.InDelta(t, want.GetAverageScore(), got.GetAverageScore(), 0)
	}
	require.Equal(t, total, rows, "ratings")
	t.Logf("%d kills, %d ratings of as many users, %d commands acknowledged, %d times told 503 and %d times 429",
		kills, total, counts.acknowledged.Load(), counts.unavailable.Load(), counts.refused.Load())
}
