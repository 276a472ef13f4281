package gatewaytest

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	randomSeed     = flag.Uint64("seed", 1, "seed of the random requests")
	randomRequests = flag.Int("requests", 3000, "how many random requests to send")
)

// same is the section of the requests that are served alike.
const same = "same"

// readRequests returns the requests of testdata/requests.txt by section.
func readRequests(t testing.TB) map[string][]request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "requests.txt"))
	require.NoError(t, err)
	sections := map[string][]request{}
	section := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			require.NotContains(t, sections, section)
		default:
			sections[section] = append(sections[section], request(line))
		}
	}
	return sections
}

func TestRequestsAreServedAsByGRPCGatewayOrDifferAsListed(t *testing.T) {
	pair := newPair(t)
	sections := readRequests(t)
	for section, requests := range sections {
		t.Run(section, func(t *testing.T) {
			for _, r := range requests {
				ours, theirs := pair.send(t, r)
				name, ok := explain(r, ours, theirs)
				require.True(t, ok, "not listed: %s\n%s\n%s", r, ours, theirs)
				if name == "" {
					name = same
				}
				require.Equal(t, section, name, "%s\n%s\n%s", r, ours, theirs)
			}
		})
	}
	require.Greater(t, len(sections[same]), 300)
	var names []string
	for _, d := range differences {
		require.NotContains(t, names, d.name)
		require.NotEmpty(t, d.reason, d.name)
		require.NotEmpty(t, sections[d.name], "no request shows the difference %q", d.name)
		names = append(names, d.name)
	}
	for section := range sections {
		require.True(t, section == same || slices.Contains(names, section), "there is no difference %q", section)
	}
}

func TestRandomRequestsAreServedAsByGRPCGatewayOrDifferAsListed(t *testing.T) {
	pair := newPair(t)
	g := generator{rand.New(rand.NewPCG(*randomSeed, 0))}
	counts := map[string]int{}
	for range *randomRequests {
		r := g.request()
		ours, theirs := pair.send(t, r)
		name, ok := explain(r, ours, theirs)
		require.True(t, ok, "not listed: %s\n%s\n%s", r, ours, theirs)
		counts[name]++
		if name == "" && ours.status == http.StatusOK {
			counts["200"]++
		}
	}
	t.Logf("requests by difference, %q for none: %v", "", counts)
	require.Greater(t, counts["200"], *randomRequests/5, "most random requests are refused, so little is compared")
}

func FuzzRequests(f *testing.F) {
	for _, requests := range readRequests(f) {
		for _, r := range requests {
			method, target, body, header := r.parts()
			if header == "" {
				f.Add(method, target, body)
			}
		}
	}
	pair := newPair(f)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		// The rest is what net/http refuses before a handler sees it, or how a request is written here.
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \t\r\n#") ||
			strings.Contains(body, " | ") || !slices.Contains(fuzzMethods, method) {
			t.Skip()
		}
		// Of invalid UTF-8 grpc-gateway makes errors of its own, whatever else is wrong with the request.
		if unescaped, err := url.PathUnescape(target); err != nil || !utf8.ValidString(unescaped+body) {
			t.Skip()
		}
		r := request(method + " " + target + " " + body)
		ours, theirs := pair.send(t, r)
		_, ok := explain(r, ours, theirs)
		require.True(t, ok, "not listed: %s\n%s\n%s", r, ours, theirs)
	})
}

// fuzzMethods leaves HEAD out, whose answers do not say what is wrong.
var fuzzMethods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PURGE",
}
