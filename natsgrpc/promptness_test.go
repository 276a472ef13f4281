package natsgrpc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMethodIsExpectedToAnswerAsFastAsItLastDid(t *testing.T) {
	var p promptness
	now := time.Unix(1_790_000_000, 0)
	require.False(t, p.expected(now), "before any answer")
	p.answered(now, promptAnswer)
	require.True(t, p.expected(now.Add(promptFor)))
	require.False(t, p.expected(now.Add(promptFor+1)), "long ago")
	p.answered(now, promptAnswer+1)
	require.False(t, p.expected(now), "slow")
}
