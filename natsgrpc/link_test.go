package natsgrpc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A goroutine that has been told to stop may see one more tick. The streams are then another one's.
func TestAHeartThatStoppedLooksAtNoStream(t *testing.T) {
	var h heart
	defer h.close()
	first, second := &link{}, &link{}
	h.add(first)
	stopped := h.stop
	require.Equal(t, []*link{first}, h.snapshot(stopped))
	h.remove(first)
	h.add(second)
	require.Empty(t, h.snapshot(stopped))
	require.Equal(t, []*link{second}, h.snapshot(h.stop))
	h.remove(second)
}
