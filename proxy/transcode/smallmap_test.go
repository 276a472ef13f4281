package transcode

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmallMapIsAMapWhateverItsSize(t *testing.T) {
	var small smallMap[int]
	want := map[string]int{}
	for i := range 3 * maxSmallMap {
		_, ok := small.get(fmt.Sprint(i))
		require.False(t, ok)
		for _, value := range []int{-i, i} { // the second replaces the first
			small.set(fmt.Sprint(i), value)
			want[fmt.Sprint(i)] = value
		}
		for key, value := range want {
			got, ok := small.get(key)
			require.True(t, ok, "%s of %d", key, len(want))
			require.Equal(t, value, got)
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(small.keys))
		require.LessOrEqual(t, len(small.list), maxSmallMap, "a long list is slow")
	}
	for range small.keys {
		break
	}
}
