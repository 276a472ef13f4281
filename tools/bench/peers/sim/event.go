package sim

import "time"

// what is what happens in an event.
type what uint8

const (
	arrives  what = iota // the next call
	stored               // the next call of stream a is in it
	pulls                // worker a, in its life c, asks for b calls
	asks                 // worker a, in its life c, sends a pull for b calls
	reaches              // call a, in its use c, is at its instance
	finishes             // call a, in its use c, frees its slot
	answered             // caller a knows the answer from instance b
	delivers             // call a, in its use c, is another worker's
	dies                 // kill a
	returns              // kill a is over
	kinds                // is how many there are
)

// event is something that happens at a time; of those at one time the first that was planned comes first.
type event struct {
	at    time.Duration
	order uint64
	what  what
	a, b  int32
	c     uint32
}

func (e *event) before(other *event) bool {
	return e.at < other.at || e.at == other.at && e.order < other.order
}

// agenda is what is to happen. Most events of one kind are planned in the order in which they happen, since hops are constant:
// these are in lanes, and only others, mostly the ends of calls, in a heap. A queue of container/heap for all of them, which
// calls through an interface for each comparison, takes several times as long.
type agenda struct {
	lanes   [kinds]ring[event]
	last    [kinds]time.Duration // of what is in each lane
	heap    eventHeap
	planned uint64
}

// plan adds an event.
func (a *agenda) plan(e event) {
	a.planned++
	e.order = a.planned
	if lane := &a.lanes[e.what]; e.what != finishes && (lane.count == 0 || e.at >= a.last[e.what]) {
		lane.add(e)
		a.last[e.what] = e.at
		return
	}
	a.heap.add(e)
}

// next takes the first event off; ok is false when there is none.
func (a *agenda) next() (first event, ok bool) {
	var from *ring[event]
	var least *event
	if len(a.heap) > 0 {
		least = &a.heap[0]
	}
	for i := range a.lanes {
		if lane := &a.lanes[i]; lane.count > 0 {
			if e := lane.first(); least == nil || e.before(least) {
				least, from = e, lane
			}
		}
	}
	switch {
	case least == nil:
		return event{}, false
	case from != nil:
		return from.take(), true
	}
	return a.heap.take(), true
}

// eventHeap is a heap of events, with four children a node.
type eventHeap []event

func (h *eventHeap) add(e event) {
	*h = append(*h, e)
	events := *h
	i := len(events) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&events[parent]) {
			break
		}
		events[i] = events[parent]
		i = parent
	}
	events[i] = e
}

func (h *eventHeap) take() event {
	events := *h
	first := events[0]
	end := len(events) - 1
	last := events[end]
	events = events[:end]
	*h = events
	i := 0
	for {
		child := 4*i + 1
		if child >= end {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, end); c++ {
			if events[c].before(&events[least]) {
				least = c
			}
		}
		if !events[least].before(&last) {
			break
		}
		events[i] = events[least]
		i = least
	}
	if end > 0 {
		events[i] = last
	}
	return first
}
