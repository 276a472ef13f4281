package pull

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestJobsAreReadAsTheyAreWritten(t *testing.T) {
	for _, j := range []job{{}, {number: math.MaxUint64, work: 5 * time.Second}} {
		got, err := parseJob(j.encode())
		require.NoError(t, err)
		require.Equal(t, j, got)
	}
	_, err := parseJob([]byte("short"))
	require.EqualError(t, err, "a job of 5 bytes: want 16")
	_, err = parseJob(job{work: -1}.encode())
	require.EqualError(t, err, "a job of -1ns: want at least 0")
}
