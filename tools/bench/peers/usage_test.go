package main

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsageIsReadAsItIsWritten(t *testing.T) {
	u := usage{user: 1500 * time.Millisecond, system: 7, resident: 4096}
	require.Equal(t, "1500000000 7 4096", u.String())
	got, err := parseUsage(u.String())
	require.NoError(t, err)
	require.Equal(t, u, got)
	require.Equal(t, usage{user: time.Second, system: 3, resident: 4096}, u.since(usage{user: time.Second / 2, system: 4}))
	require.Equal(t, 1500*time.Millisecond+7, u.total())
	for _, text := range []string{"", "1 2", "a b c", "1 2 3 4", "-1 2 3", "1 -2 3", "1 2 -3", "1.5 2 3"} {
		_, err := parseUsage(text)
		require.EqualError(t, err, `usage "`+text+`": want two numbers of nanoseconds and one of bytes`)
	}
}

func TestOwnUsageGrowsWithWork(t *testing.T) {
	before, err := ownUsage()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for i := range 1_000_000 {
			_ = i
		}
		after, err := ownUsage()
		return err == nil && after.since(before).total() > 0
	}, 10*time.Second, time.Millisecond)
}

func TestOwnMemoryIsKnown(t *testing.T) {
	u, err := ownUsage()
	require.NoError(t, err)
	if runtime.GOOS != "linux" {
		require.Zero(t, u.resident)
		return
	}
	require.Greater(t, u.resident, int64(1<<20))
}
