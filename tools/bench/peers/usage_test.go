package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsageIsReadAsItIsWritten(t *testing.T) {
	u := usage{user: 1500 * time.Millisecond, system: 7}
	require.Equal(t, "1500000000 7", u.String())
	got, err := parseUsage(u.String())
	require.NoError(t, err)
	require.Equal(t, u, got)
	require.Equal(t, usage{user: time.Second, system: 3}, u.since(usage{user: time.Second / 2, system: 4}))
	require.Equal(t, 1500*time.Millisecond+7, u.total())
	for _, text := range []string{"", "1", "a b", "1 2 3", "-1 2", "1 -2", "1.5 2"} {
		_, err := parseUsage(text)
		require.EqualError(t, err, `CPU time "`+text+`": want two numbers of nanoseconds`)
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
