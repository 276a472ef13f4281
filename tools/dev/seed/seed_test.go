package seed_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/seed"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
)

// up runs a stack until the test ends, and returns its URL.
func up(t *testing.T) string {
	t.Helper()
	s, _ := stacktest.Start(t, stack.Config{Data: t.TempDir()})
	return "http://" + s.Addr().String()
}

// count is what a system has.
type count struct{ users, services, ratings int }

// counted asks a system what it has: a page holds all that these tests make.
func counted(t *testing.T, root string) count {
	t.Helper()
	var answer struct {
		Users    []struct{ Name string }
		Services []struct{ RatingCount string }
	}
	for _, kind := range []string{"users", "services"} {
		response, err := http.Get(root + "/api/" + kind + "?pageSize=1000")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		require.NoError(t, response.Body.Close())
	}
	got := count{users: len(answer.Users), services: len(answer.Services)}
	for _, service := range answer.Services {
		n, err := strconv.Atoi(service.RatingCount)
		require.NoError(t, err)
		got.ratings += n
	}
	return got
}

func TestARunThatIsRepeatedAddsNothing(t *testing.T) {
	root := up(t)
	plan := seed.Plan{Seed: 1, Users: 30, Services: 12, Ratings: 300}
	reports := map[string][]int{}
	config := seed.Config{Plan: plan, Address: root + "/api", Progress: func(step string, done, _ int) { reports[step] = append(reports[step], done) }}

	first, err := seed.Run(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, count{30, 12, 300}, counted(t, root))
	require.Equal(t, 0, first.Skipped)
	require.Len(t, reports["users"], 31)
	require.Contains(t, reports["ratings"], 300)

	second, err := seed.Run(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, count{30, 12, 300}, counted(t, root))

	// A larger plan has the same users and services, and others beside.
	config.Plan.Users, config.Plan.Services, config.Plan.Ratings = 40, 14, 350
	third, err := seed.Run(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, first.Users, third.Users[:30])
	require.Equal(t, first.Services, third.Services[:12])
	require.Positive(t, third.Skipped)
	require.Equal(t, count{40, 14, 300 + 350 - third.Skipped}, counted(t, root))

	// Another seed makes others.
	config.Plan = plan
	config.Plan.Seed = 2
	_, err = seed.Run(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, count{70, 26, 300 + 350 - third.Skipped + 300}, counted(t, root))
}

func TestRequestsAreSentAgainUnderTheSameKeyAfterRetryAfter(t *testing.T) {
	root, err := url.Parse(up(t))
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(root)
	var mutex sync.Mutex
	refused := map[string]time.Time{} // by key
	waits := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		at, again := refused[r.Header.Get("Idempotency-Key")]
		first := r.Method == http.MethodPost && !again
		if first {
			refused[r.Header.Get("Idempotency-Key")] = time.Now()
		} else if again && time.Since(at) >= time.Second {
			waits++
		}
		mutex.Unlock()
		if first {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)

	_, err = seed.Run(t.Context(), seed.Config{Plan: seed.Plan{Users: 2, Services: 1, Ratings: 2}, Address: front.URL + "/api"})
	require.NoError(t, err)
	require.Equal(t, count{2, 1, 2}, counted(t, root.String()))
	require.Len(t, refused, 4, "two users, a service, a batch")
	require.Equal(t, 4, waits)
}

func TestARunThatIsToldToComeBackMuchLaterGivesUp(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "{}")
			return
		}
		w.Header().Set("Retry-After", "61")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(front.Close)
	_, err := seed.Run(t.Context(), seed.Config{Plan: seed.Plan{Users: 1}, Address: front.URL})
	require.EqualError(t, err, "create users: the answer is 503 Service Unavailable, and not the API's")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	const free = "http://127.0.0.1:1/api"
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<h1>Hi</h1>") }))
	t.Cleanup(website.Close)
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)

	plan := seed.Plan{Users: 1}
	tests := []struct {
		name   string
		config seed.Config
		err    string
	}{
		{"nobody", seed.Config{Plan: plan, Address: free}, "nothing listens at " + free +
			": start the system with `go run ./tools/dev up`, or name another with --address"},
		{"a web site", seed.Config{Plan: plan, Address: website.URL}, "there is no API at " + website.URL + ": the answer is no JSON"},
		{"another path", seed.Config{Plan: plan, Address: missing.URL}, "there is no API at " + missing.URL + ": the answer is 404 Not Found, and not the API's"},
		{"no URL", seed.Config{Plan: plan, Address: "localhost:8080"}, `address: "localhost:8080" is no URL such as http://localhost:8080/api`},
		{"no plan", seed.Config{Address: free}, "users and services: there is nothing to create"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := seed.Run(t.Context(), test.config)
			require.EqualError(t, err, test.err)
		})
	}
}

func TestWhatTheAPIRefusesEndsTheRun(t *testing.T) {
	root := up(t)
	backend, err := url.Parse(root)
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(backend)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			r.Body = io.NopCloser(strings.NewReader(`{}`))
			r.ContentLength = 2
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	_, err = seed.Run(t.Context(), seed.Config{Plan: seed.Plan{Users: 100}, Address: front.URL + "/api"})
	require.EqualError(t, err, "create users: INVALID_ARGUMENT: user.display_name: must be at least 1 characters")
}

func TestARunEndsWithItsContext(t *testing.T) {
	root := up(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := seed.Run(ctx, seed.Config{
		Plan: seed.Plan{Users: 1000}, Address: root + "/api",
		Progress: func(_ string, done, _ int) {
			if done > 0 {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, counted(t, root).users, 1000)
}
