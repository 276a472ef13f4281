package transcode

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiate(t *testing.T) {
	const (
		json    = contentTypeJSON
		problem = contentTypeProblem
		none    = ""
	)
	tests := []struct {
		accept string
		want   string
	}{
		{"*/*", json},
		{"application/*", json},
		{"application/json", json},
		{"application/problem+json", problem},
		{"Application/Problem+JSON", problem},
		{"application/problem+json; charset=utf-8", problem},
		{`application/problem+json;profile="a,b;q=0"`, problem},

		// Equals: the first offer.
		{"application/json, application/problem+json", json},
		{"application/problem+json, application/json", json},
		{"application/problem+json, */*", json},
		{"application/problem+json;q=0.5, application/json;q=0.5", json},

		// Qualities.
		{"application/problem+json, application/json;q=0.9", problem},
		{"application/problem+json;q=0.9, application/json", json},
		{"application/problem+json, */*;q=0.8", problem},
		{"application/problem+json;Q=0.2,application/*;q=0.1", problem},
		{"application/problem+json;q=0.001,application/json;q=0", problem},
		{"application/problem+json ; q=0.5 , application/json ; q=0.4", problem},
		{"application/problem+json;q=1.000,application/json;q=0.999", problem},
		{"application/problem+json;q=5,application/json;q=1", json},
		{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", json},
		{"application/problem+json, application/json; q=.2", problem},

		// The most specific range counts.
		{"application/json;q=0, */*", problem},
		{"application/json;q=0.5, application/*", problem},
		{"application/*;q=0.5, application/problem+json;q=0.4", json},
		{"*/*, application/*;q=0.1, application/json;q=0.05", problem},
		{"application/json;q=0.1, application/json;v=2;q=0.9, application/problem+json;q=0.5", json},

		// Neither.
		{"text/html", none},
		{"text/*, image/png", none},
		{"application/*+json", none},
		{"application", none},
		{"application/jso", none},
		{"*/json", none},
		{"*/*;q=0", none},
		{"application/*;q=0", none},
		{"application/json;q=0, application/problem+json;q=0.0", none},

		// What cannot be understood is passed over.
		{"", json},
		{" , ,", json},
		{"application/problem+json;q=high", json},
		{"application/problem+json;q=-1", json},
		{"application/problem+json;q=NaN", json},
		{"application/problem+json;q=0x1", json},
		{"application/problem+json;q=1e1", json},
		{"application/problem+json;q=.", json},
		{"application/problem+json;q=", json},
		{"application/problem+json;q=1;q=0.9", json},
		{"a/b/c, application/problem+json", problem},
		{"/, application/problem+json", problem},
		{`"application/json", application/problem+json`, problem},
		{`text/html;x="\",application/json", application/problem+json`, problem},
		{`text/html;x="unclosed, application/problem+json`, json},
	}
	for _, test := range tests {
		t.Run(test.accept, func(t *testing.T) {
			require.Equal(t, test.want, negotiate([]string{test.accept}, json, problem))
		})
	}

	t.Run("no field", func(t *testing.T) { require.Equal(t, json, negotiate(nil, json, problem)) })
	t.Run("two fields", func(t *testing.T) {
		require.Equal(t, problem, negotiate([]string{"application/json;q=0.1", "application/problem+json"}, json, problem))
	})
	t.Run("only the first ranges are read", func(t *testing.T) {
		many := strings.Repeat("text/html,", maxMediaRanges-1)
		require.Equal(t, problem, negotiate([]string{many + problem}, json, problem))
		require.Equal(t, none, negotiate([]string{many + "text/html," + problem}, json, problem))
	})
}

// FuzzNegotiate: whatever a client sends, one of the offers is taken or none; the order of the ranges means nothing; and
// what is refused by name is never taken while something else is liked.
func FuzzNegotiate(f *testing.F) {
	f.Add("application/problem+json", "application/json;q=0.5")
	f.Add(`text/html;x="a,\"b"`, "*/*;q=.2")
	f.Add("application/*;q=0", ",;=\"\\")
	f.Fuzz(func(t *testing.T, a, b string) {
		offers := []string{contentTypeJSON, contentTypeProblem}
		got := negotiate([]string{a, b}, offers...)
		require.Contains(t, append(slices.Clone(offers), ""), got)

		if len(mediaRanges([]string{a, b})) == maxMediaRanges {
			return // some were not read
		}
		require.Equal(t, got, negotiate([]string{b, a}, offers...))
		if joined := slices.Collect(listElements(a + "," + b)); len(joined) == len(slices.Collect(listElements(a)))+len(slices.Collect(listElements(b))) {
			require.Equal(t, got, negotiate([]string{a + "," + b}, offers...), "no quote is open at the comma")
		}
		for _, r := range mediaRanges([]string{a, b}) {
			require.GreaterOrEqual(t, r.quality, 0.0)
			require.LessOrEqual(t, r.quality, 1.0)
		}
	})
}
