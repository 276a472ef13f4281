//go:build integration

package main

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/perf"
)

// Its stand-in for k6 is told of in tools/dev/perf.
func TestPerfStartsASystemForItself(t *testing.T) {
	k6, err := filepath.Abs(filepath.Join("perf", "testdata", "k6.mjs"))
	require.NoError(t, err)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	c := &perfCommand{Script: "smoke", Up: true, Rate: 10, Duration: 2 * time.Second, P95: 8 * time.Second, P99: 8 * time.Second, K6: k6}
	require.NoError(t, c.Run(t.Context()))
	c.P95 = time.Microsecond
	err = c.Run(t.Context())
	require.True(t, errors.Is(err, perf.ErrThresholds), err)
	left, err := filepath.Glob(filepath.Join(temporary, "perf*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
