package transcode

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPreferences(t *testing.T) {
	async := preferences{respondAsync: true}
	for _, test := range []struct {
		fields []string
		want   preferences
	}{
		{nil, preferences{}},
		{[]string{""}, preferences{}},
		{[]string{"respond-async"}, async},
		{[]string{" Respond-Async\t"}, async},
		{[]string{"respond-async; foo=bar"}, async},
		{[]string{`respond-async;`}, async},
		{[]string{`respond-async=""`}, async},
		{[]string{"handling=lenient, respond-async"}, async},
		{[]string{"return=minimal", "respond-async"}, async},
		{[]string{`foo="a, respond-async"`}, preferences{}},
		{[]string{`foo="a\", respond-async", respond-async`}, async},
		{[]string{",,respond-async,,"}, async},
		{[]string{"respond-asynchronously"}, preferences{}},
		{[]string{"wait=10"}, preferences{wait: 10 * time.Second}},
		{[]string{"respond-async, wait=10"}, preferences{respondAsync: true, wait: 10 * time.Second}},
		{[]string{"wait=10", "respond-async"}, preferences{respondAsync: true, wait: 10 * time.Second}},
		{[]string{`wait = "10"; foo`}, preferences{wait: 10 * time.Second}},
		{[]string{"wait=1, wait=2, WAIT=3"}, preferences{wait: time.Second}},
		{[]string{"wait=", "wait=5"}, preferences{}},
		{[]string{"wait"}, preferences{}},
		{[]string{"wait=-1"}, preferences{}},
		{[]string{"wait=1.5"}, preferences{}},
		{[]string{"wait=soon"}, preferences{}},
		{[]string{"wait=86401"}, preferences{wait: maxWait}},
		{[]string{"wait=" + strings.Repeat("9", 100)}, preferences{wait: maxWait}},
		{[]string{strings.Repeat("a=b, ", 100) + "respond-async"}, async},
	} {
		require.Equal(t, test.want, preferencesOf(http.Header{"Prefer": test.fields}), "%q", test.fields)
	}
	var many strings.Builder
	for i := range maxPreferences {
		fmt.Fprintf(&many, "x%d,", i)
	}
	require.Equal(t, preferences{}, preferencesOf(http.Header{"Prefer": {many.String() + "respond-async"}}))
}

func FuzzPreferences(f *testing.F) {
	f.Add("respond-async, wait=10")
	f.Add(`foo="\`)
	f.Fuzz(func(t *testing.T, field string) {
		p := preferencesOf(http.Header{"Prefer": {field}})
		require.GreaterOrEqual(t, p.wait, time.Duration(0))
		require.LessOrEqual(t, p.wait, maxWait)
		require.True(t, !p.respondAsync || strings.Contains(strings.ToLower(field), "respond-async"))
	})
}
