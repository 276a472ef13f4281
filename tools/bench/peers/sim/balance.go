package sim

import "math/rand/v2"

// balancer chooses the instance of each call, for one caller.
type balancer interface {
	// choose returns an instance that lives, of which the caller has one call more from now on.
	choose(alive *fleet, random *rand.Rand) int32
	// done tells that the caller has one call less at an instance.
	done(instance int32)
}

func newBalancer(policy Policy, instances int, random *rand.Rand) balancer {
	switch policy {
	case RoundRobin:
		return &roundRobin{next: random.Int32N(int32(instances))}
	case LeastRequest:
		return newLeastRequest(instances)
	case TwoChoices:
		return &twoChoices{out: make([]int32, instances)}
	default:
		return anyInstance{}
	}
}

// fleet is which instances live.
type fleet struct {
	dead  []bool
	lives int
}

// any returns an instance that lives.
func (f *fleet) any(random *rand.Rand) int32 {
	for {
		if i := random.Int32N(int32(len(f.dead))); !f.dead[i] {
			return i
		}
	}
}

type anyInstance struct{}

func (anyInstance) choose(alive *fleet, random *rand.Rand) int32 { return alive.any(random) }
func (anyInstance) done(int32)                                   {}

type roundRobin struct{ next int32 }

func (r *roundRobin) choose(alive *fleet, _ *rand.Rand) int32 {
	for {
		i := r.next
		r.next = (r.next + 1) % int32(len(alive.dead))
		if !alive.dead[i] {
			return i
		}
	}
}

func (*roundRobin) done(int32) {}

type twoChoices struct{ out []int32 }

func (t *twoChoices) choose(alive *fleet, random *rand.Rand) int32 {
	one, other := alive.any(random), alive.any(random)
	if t.out[other] < t.out[one] {
		one = other
	}
	t.out[one]++
	return one
}

func (t *twoChoices) done(instance int32) { t.out[instance]-- }

// leastRequest keeps instances in the order of the calls that are out, so that a choice and an answer each exchange two of
// them: those with n calls are byCalls[start[n]:start[n+1]].
type leastRequest struct {
	out     []int32
	byCalls []int32
	place   []int32 // of an instance in byCalls
	start   []int32
}

func newLeastRequest(instances int) *leastRequest {
	l := &leastRequest{out: make([]int32, instances), byCalls: make([]int32, instances), place: make([]int32, instances)}
	for i := range l.byCalls {
		l.byCalls[i], l.place[i] = int32(i), int32(i)
	}
	l.start = []int32{0, int32(instances)}
	return l
}

func (l *leastRequest) choose(alive *fleet, random *rand.Rand) int32 {
	end := l.start[l.out[l.byCalls[0]]+1]
	chosen := l.byCalls[random.Int32N(end)]
	for i := 0; alive.dead[chosen]; i++ {
		chosen = l.byCalls[i]
	}
	n := l.out[chosen]
	l.exchange(l.place[chosen], l.start[n+1]-1)
	l.start[n+1]--
	l.out[chosen]++
	if int(n)+2 == len(l.start) {
		l.start = append(l.start, int32(len(l.out)))
	}
	return chosen
}

func (l *leastRequest) done(instance int32) {
	n := l.out[instance]
	l.exchange(l.place[instance], l.start[n])
	l.start[n]++
	l.out[instance]--
}

func (l *leastRequest) exchange(i, j int32) {
	one, other := l.byCalls[i], l.byCalls[j]
	l.byCalls[i], l.byCalls[j] = other, one
	l.place[one], l.place[other] = j, i
}
