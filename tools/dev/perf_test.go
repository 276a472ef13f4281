package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func TestFlagsOfPerf(t *testing.T) {
	const url = "http://localhost:8080/api"
	for _, test := range []struct {
		args string
		want perfCommand
		err  string
	}{
		{"", perfCommand{Script: "smoke", URL: url}, ""},
		{"spike --up --rate 3 --duration 6s", perfCommand{Script: "spike", URL: url, Up: true, Rate: 3, Duration: 6 * time.Second}, ""},
		{
			"load --url http://other/api --p95 20ms --p99 1s --k6 /bin/k6",
			perfCommand{Script: "load", URL: "http://other/api", P95: 20 * time.Millisecond, P99: time.Second, K6: "/bin/k6"},
			"",
		},
		{"stress", perfCommand{}, `[<script>] must be one of "smoke","load","spike","breakpoint","soak" but got "stress"`},
		{"--rate=-1", perfCommand{}, "--rate -1: want at least 1"},
		{"--duration 10ms", perfCommand{}, "--duration 10ms: smoke wants at least 1s"},
		{"spike --duration 5s", perfCommand{}, "--duration 5s: spike wants at least 6s"},
		{"--p99=-1s", perfCommand{}, "--p95 and --p99 must not be negative"},
	} {
		t.Run(strings.ReplaceAll(test.args, "/", "|"), func(t *testing.T) {
			var c cli
			parser, err := kong.New(&c, kong.Vars{"version": ""})
			require.NoError(t, err)
			_, err = parser.Parse(append([]string{"perf"}, strings.Fields(test.args)...))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, c.Perf)
		})
	}
}
