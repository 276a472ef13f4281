package sim

// ring is a queue that grows as needed, to a power of two.
type ring[T any] struct {
	items       []T
	head, count int
}

func (r *ring[T]) add(item T) {
	if r.count == len(r.items) {
		grown := make([]T, max(16, 2*r.count))
		n := copy(grown, r.items[r.head:])
		copy(grown[n:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.count)&(len(r.items)-1)] = item
	r.count++
}

// first is the oldest item of a ring that is not empty.
func (r *ring[T]) first() *T { return &r.items[r.head] }

func (r *ring[T]) take() T {
	item := r.items[r.head]
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.count--
	return item
}
