package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test's binary be the processes that compare starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A tiny run: every front answers every kind of request alike, and has a row.
func TestCompareMeasuresEveryFront(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	for _, c := range []*compareCommand{
		{Rounds: 1, Calls: 8, Clients: []int{1, 4}, Requests: []string{"get", "list", "create"}, Payload: 10},
		{Rounds: 1, Calls: 4, Clients: []int{2}, Requests: []string{"get"}, Payload: 10, AccessLog: true, Profile: t.TempDir()},
	} {
		var table strings.Builder
		require.NoError(t, c.run(ctx, &table))
		var rows []string
		for line := range strings.Lines(table.String()) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[1] != "clients" {
				rows = append(rows, strings.Join(fields[:3], " "))
			}
		}
		var want []string
		for _, kind := range c.Requests {
			for _, clients := range c.Clients {
				for _, front := range fronts {
					want = append(want, kind+" "+string(rune('0'+clients))+" "+front)
				}
			}
		}
		require.Equal(t, want, rows[1:], table.String()) // below the line of versions
		if c.Profile != "" {
			profiles, err := filepath.Glob(filepath.Join(c.Profile, "*.pprof"))
			require.NoError(t, err)
			require.Len(t, profiles, 2*(len(fronts)+2), "two of each process")
		}
	}
}

func TestCompareSaysWhichFrontIsWrong(t *testing.T) {
	_, err := start(t.Context(), "proxy", "--nats=nats://127.0.0.1:1")
	require.ErrorContains(t, err, "start proxy: EOF")
	_, err = start(t.Context(), "nobody")
	require.ErrorContains(t, err, "start nobody: EOF")
}

func TestProcessesEndWithTheirInput(t *testing.T) {
	p, err := start(context.Background(), "nats", "--store="+t.TempDir())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(p.address, "nats://127.0.0.1:"), p.address)
	u, err := p.usage()
	require.NoError(t, err)
	require.Positive(t, u.total())
	require.NoError(t, p.stop())
	require.True(t, p.cmd.ProcessState.Success())
}

func TestFlags(t *testing.T) {
	tests := []struct{ args, want string }{
		{"", ""},
		{"--rounds 3 --calls 5 --clients 1,2 --requests get,create --payload 9 --access-log", ""},
		{"--rounds 0", "--rounds 0: want at least 1"},
		{"--calls 0", "--calls 0: want at least 1"},
		{"--clients 1,0", "--clients 0: want at least 1"},
		{"--payload 2001", "--payload 2001: want 1 to 2000"},
		{"--requests get,put", "--requests put: there is no such kind"},
		{"lab", ""},
		{"lab --full --out there --rounds 3 --duration 2s --payload 9", ""},
		{"lab --rounds=-1", "--rounds -1: want at least 1"},
		{"lab --duration=-1s", "--duration -1s: want more than 0"},
		{"lab --payload 0", "--payload 0: want 1 to 2000"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			parser, err := kong.New(&cli{})
			require.NoError(t, err)
			_, err = parser.Parse(strings.Fields(test.args))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			var parse *kong.ParseError
			require.True(t, errors.As(err, &parse), err)
			require.Contains(t, err.Error(), test.want)
		})
	}
}
