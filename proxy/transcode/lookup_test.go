package transcode

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// lookupRoutes are the routes of one resource: the standard methods, a child's, and custom methods. %d is the resource.
var lookupRoutes = []struct{ method, template, path string }{
	{"GET", "/v1/resource%ds", "/v1/resource%ds"},
	{"POST", "/v1/resource%ds", "/v1/resource%ds"},
	{"GET", "/v1/{name=resource%ds/*}", "/v1/resource%ds/0196f2c4-7d1e"},
	{"PATCH", "/v1/{resource.name=resource%ds/*}", "/v1/resource%ds/0196f2c4-7d1e"},
	{"DELETE", "/v1/{name=resource%ds/*}", "/v1/resource%ds/0196f2c4-7d1e"},
	{"POST", "/v1/{name=resource%ds/*}:archive", "/v1/resource%ds/0196f2c4-7d1e:archive"},
	{"GET", "/v1/{parent=resource%ds/*}/children", "/v1/resource%ds/0196f2c4-7d1e/children"},
	{"POST", "/v1/{parent=resource%ds/*}/children:batchCreate", "/v1/resource%ds/0196f2c4-7d1e/children:batchCreate"},
	{"GET", "/v1/{name=resource%ds/*/children/*}", "/v1/resource%ds/0196f2c4-7d1e/children/7"},
	{"POST", "/v1/resource%ds/{id}/children/{child_id}:move", "/v1/resource%ds/0196f2c4-7d1e/children/7:move"},
}

// lookupRequest is a request and the route that it takes.
type lookupRequest struct {
	method, path string
	route        int
}

// lookupRequests is how many requests a benchmark in random order goes through, whatever the number of routes: as many
// paths to read, and branches to predict.
const lookupRequests = 20_000

// newLookup returns a trie of so many routes, and requests for them in random order.
func newLookup(t testing.TB, count int) (*trie[int], []lookupRequest) {
	t.Helper()
	routes := &trie[int]{}
	for i := range count {
		route, resource := lookupRoutes[i%len(lookupRoutes)], i/len(lookupRoutes)
		tmpl, err := parseTemplate(fmt.Sprintf(route.template, resource))
		require.NoError(t, err)
		_, ok := routes.insert(route.method, tmpl, i)
		require.True(t, ok)
	}
	var requests []lookupRequest
	random := rand.New(rand.NewPCG(1, 1))
	for range lookupRequests {
		i := random.IntN(count)
		route, resource := lookupRoutes[i%len(lookupRoutes)], i/len(lookupRoutes)
		requests = append(requests, lookupRequest{route.method, fmt.Sprintf(route.path, resource), i})
	}
	return routes, requests
}

// TestLookupTakesTheStepsOfThePath shows that the number of routes is no part of a lookup's cost: as many nodes are looked
// at as the path has segments, and the root. BenchmarkLookup has the times.
func TestLookupTakesTheStepsOfThePath(t *testing.T) {
	for _, count := range []int{10, 1000, 10_000} {
		routes, requests := newLookup(t, count)
		for _, r := range requests {
			segments, steps := routes.walk(nil, r.path, func(found methods[int]) bool {
				route, ok := found.forMethod(r.method)
				return ok && route == r.route
			})
			require.Equal(t, len(segments)+1, steps, "%s %s among %d routes", r.method, r.path, count)
		}
		// A colon that starts no verb costs a second walk, and a path that does not exist no more than its segments.
		_, steps := routes.walk(nil, "/v1/resource0s/a:b", func(methods[int]) bool { return true })
		require.Equal(t, 2*(3+1), steps)
		_, steps = routes.walk(nil, "/v1/nothing/a/b/c/d/e", func(methods[int]) bool { return true })
		require.Equal(t, 2, steps)
	}
}

// BenchmarkLookup looks up one path again and again (hot), and all paths in random order (random). There what a lookup
// reads of 10,000 routes is no longer in the processor's first cache, whatever the structure.
func BenchmarkLookup(b *testing.B) {
	for _, order := range []string{"hot", "random"} {
		for _, count := range []int{10, 10_000} {
			b.Run(fmt.Sprintf("%s/routes=%d", order, count), func(b *testing.B) {
				routes, requests := newLookup(b, count)
				if order == "hot" {
					requests = slices.DeleteFunc(requests, func(r lookupRequest) bool { return r.route != count-1 })[:1]
				}
				b.ReportAllocs()
				next := 0
				for b.Loop() {
					var buffer [16]string
					r := &requests[next]
					if route, _, ok := routes.find(buffer[:0], r.method, r.path); !ok || route != r.route {
						b.Fatal("not found")
					}
					if next++; next == len(requests) {
						next = 0
					}
				}
			})
		}
	}
}
