package main

import (
	"cmp"
	"slices"
)

// spread is the median of values, of an even number the lower one, and how far they reach.
type spread[T cmp.Ordered] struct{ median, min, max T }

func spreadOf[T cmp.Ordered](values []T) spread[T] {
	sorted := slices.Sorted(slices.Values(values))
	return spread[T]{median: sorted[(len(sorted)-1)/2], min: sorted[0], max: sorted[len(sorted)-1]}
}
