package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// call is a call from its arrival to its end. Its place is used again.
type call struct {
	start   time.Duration
	service time.Duration // at an instance that is not slow
	ready   time.Duration // since when it waits for a slot
	given   time.Duration // when it was promised to its worker
	takes   time.Duration // service at that worker
	next    int32         // behind it in a queue
	worker  int32         // that it was given to, or none
	caller  int32
	stream  int32
	use     uint32 // of this place, and attempt: events of earlier ones are void
	counted bool   // it is after the warm-up
	ended   bool   // its caller has been told
}

// none is no call and no worker.
const none = -1

// queue is calls in order, linked by call.next.
type queue struct {
	first, last int32
	length      int
}

// worker pulls from one stream for one instance, or is the instance itself where it is pushed to.
type worker struct {
	instance int32
	stream   int32
	life     uint32 // counted up when it dies
	dead     bool
	free     int32 // slots, where it is pushed to
	asking   int32 // slots that its next pull is for
	queue    queue // where it is pushed to
}

// run is a run in progress.
type run struct {
	Config
	result                      *Result
	now                         time.Duration
	agenda                      agenda
	calls                       []call
	unused                      []int32
	arrived                     int
	told                        int // calls whose callers know how they ended
	arrivals, services, choices *rand.Rand

	workers   []worker
	busy      []time.Duration // of an instance's slots
	alive     fleet
	streams   []stream
	balancers []balancer
	slots     int32 // of a worker
}

// checkEvery is after how many events a run looks whether it shall go on.
const checkEvery = 1 << 16

// Run simulates a system until its last call has ended. Equal configurations have equal results, on one architecture.
//
// Errors: what is wrong with the configuration, and ctx's.
func Run(ctx context.Context, config Config) (*Result, error) {
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("simulation: %w", err)
	}
	r := newRun(config)
	for r.told < r.Calls { // what follows, such as pulls that are repeated, is without end
		e, ok := r.agenda.next()
		if !ok {
			r.abandon()
			break
		}
		r.result.Events++
		if r.result.Events%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.now = e.at
		r.happen(e)
	}
	r.result.End = max(r.result.End, r.now)
	for _, busy := range r.busy {
		r.result.Busy = append(r.result.Busy, busy.Seconds()/(r.result.End.Seconds()*float64(r.slotsOfInstance())))
	}
	return r.result, nil
}

// abandon ends the calls that wait in a stream from which nobody is left to pull.
func (r *run) abandon() {
	for i := range r.streams {
		for s := &r.streams[i]; s.pending.length > 0; {
			id := r.take(&s.pending)
			r.tell(&r.calls[id], failed, max(r.now, r.calls[id].start+r.Deadline+1))
			r.drop(id)
		}
	}
}

func newRun(config Config) *run {
	config.Streams, config.Callers = max(1, config.Streams), max(1, config.Callers)
	r := &run{
		Config: config,
		result: newResult(),
		// What is drawn for one purpose changes nothing of what is drawn for another: all policies get the same calls.
		arrivals: rand.New(rand.NewPCG(config.Seed, 1)),
		services: rand.New(rand.NewPCG(config.Seed, 2)),
		choices:  rand.New(rand.NewPCG(config.Seed, 3)),
		busy:     make([]time.Duration, config.Instances),
		alive:    fleet{dead: make([]bool, config.Instances), lives: config.Instances},
	}
	r.agenda.plan(event{at: r.untilNext(), what: arrives})
	for i, kill := range config.Kills {
		r.agenda.plan(event{at: kill.At, what: dies, a: int32(i)})
	}
	if config.Policy == Pull {
		r.startPull()
	} else {
		r.startPush()
	}
	return r
}

// slotsOfInstance is how many calls an instance runs at once: with shards each has at least one slot.
func (r *run) slotsOfInstance() int { return int(r.slots) * (len(r.workers) / r.Instances) }

func (r *run) happen(e event) {
	switch e.what {
	case arrives:
		r.arrive()
	case stored:
		r.store(e.a)
	case asks:
		r.ask(e.a, e.c)
	case pulls:
		r.pull(e.a, e.b, e.c)
	case reaches:
		if r.calls[e.a].use == e.c {
			r.reach(e.a)
		}
	case finishes:
		if r.calls[e.a].use == e.c {
			r.finish(e.a)
		}
	case answered:
		r.balancers[e.a].done(e.b)
	case delivers:
		if r.calls[e.a].use == e.c {
			r.deliverAgain(e.a)
		}
	case dies:
		r.die(e.a)
	case returns:
		r.comeBack(r.Kills[e.a].Instance)
	default: // there is no other
	}
}

// untilNext is the time between two arrivals.
func (r *run) untilNext() time.Duration {
	return time.Duration(r.arrivals.ExpFloat64() / r.Rate * float64(time.Second))
}

// arrive begins a call and plans the next one.
func (r *run) arrive() {
	id := r.place()
	c := &r.calls[id]
	c.start, c.service = r.now, r.Service.draw(r.services)
	c.counted = r.arrived >= r.Warmup
	if r.Callers > 1 {
		c.caller = r.choices.Int32N(int32(r.Callers))
	}
	r.arrived++
	if r.arrived < r.Calls {
		r.agenda.plan(event{at: r.now + r.untilNext(), what: arrives})
	}
	if r.Policy == Pull {
		r.publish(id)
	} else {
		r.push(id)
	}
}

// place returns a place for a call.
func (r *run) place() int32 {
	if n := len(r.unused); n > 0 {
		id := r.unused[n-1]
		r.unused = r.unused[:n-1]
		r.calls[id] = call{worker: none, next: none, use: r.calls[id].use}
		return id
	}
	r.calls = append(r.calls, call{worker: none, next: none})
	return int32(len(r.calls) - 1)
}

// drop frees the place of a call.
func (r *run) drop(id int32) {
	r.calls[id].use++
	r.calls[id].worker = none
	r.unused = append(r.unused, id)
}

// outcome is how a call ended.
type outcome uint8

const (
	ok outcome = iota
	failed
	refused
	expired
)

// tell ends a call for its caller, who hears of it at a time; after the deadline that is not how it ended.
func (r *run) tell(c *call, how outcome, at time.Duration) {
	if c.ended {
		return
	}
	c.ended = true
	r.told++
	if r.Deadline > 0 && at > c.start+r.Deadline {
		how, at = expired, c.start+r.Deadline
	}
	r.result.End = max(r.result.End, at)
	switch how {
	case ok:
		r.result.OK++
	case failed:
		r.result.Failed++
	case refused:
		r.result.Refused++
	case expired:
		r.result.Expired++
	}
	if c.counted && (how == ok || how == expired) {
		_ = r.result.Latency.RecordValue(int64(min(at-c.start, highest))) // which is what bounds it
	}
}

// begin counts a call's wait and its work, and plans its end. It begins at a time from now; one that is late by then is not
// run.
func (r *run) begin(id int32, at time.Duration) {
	c := &r.calls[id]
	w := &r.workers[c.worker]
	c.given = r.now
	if c.counted {
		r.result.Begun++
		if r.now > c.ready {
			r.result.Waited++
			r.result.Wait += r.now - c.ready
		}
	}
	c.takes = c.service
	if int(w.instance) < r.Slow {
		c.takes = time.Duration(float64(c.service) * r.SlowFactor)
	}
	if r.Deadline > 0 && at >= c.start+r.Deadline {
		r.tell(c, expired, at)
		c.takes = 0
	}
	r.agenda.plan(event{at: at + c.takes, what: finishes, a: id, c: c.use})
}

// die ends an instance's life.
func (r *run) die(index int32) {
	kill := r.Kills[index]
	if r.alive.dead[kill.Instance] {
		return
	}
	r.alive.dead[kill.Instance] = true
	r.alive.lives--
	for i := range r.workers {
		if w := &r.workers[i]; int(w.instance) == kill.Instance {
			w.life++
			w.dead, w.asking, w.queue = true, 0, emptyQueue
		}
	}
	for id := range r.calls {
		c := &r.calls[id]
		if c.worker == none || int(r.workers[c.worker].instance) != kill.Instance {
			continue
		}
		if r.Policy == Pull {
			r.lose(int32(id))
		} else {
			r.fail(int32(id))
		}
	}
	if kill.Restart > 0 {
		r.agenda.plan(event{at: r.now + kill.Restart, what: returns, a: index})
	}
}

// comeBack begins the next life of an instance.
func (r *run) comeBack(instance int) {
	r.alive.dead[instance] = false
	r.alive.lives++
	for i := range r.workers {
		if w := &r.workers[i]; int(w.instance) == instance {
			w.dead = false
			w.free = r.slots
			if r.Policy == Pull {
				r.agenda.plan(event{at: r.now + time.Duration(r.Calibration.Hop), what: pulls, a: int32(i), b: r.slots, c: w.life})
			}
		}
	}
}

// finish frees a call's slot and sends its answer.
func (r *run) finish(id int32) {
	c := &r.calls[id]
	w := c.worker
	r.busy[r.workers[w].instance] += c.takes
	if r.Policy == Pull {
		r.tell(c, ok, r.now+2*time.Duration(r.Calibration.Hop))
		r.streams[c.stream].held--
		r.drop(id)
		r.freed(w)
		return
	}
	r.tell(c, ok, r.now+r.halfTrip())
	r.known(c)
	r.drop(id)
	r.workers[w].free++
	r.serve(w)
}

var emptyQueue = queue{first: none, last: none}

// append puts a call behind all others.
func (r *run) append(q *queue, id int32) {
	r.calls[id].next = none
	if q.last == none {
		q.first = id
	} else {
		r.calls[q.last].next = id
	}
	q.last = id
	q.length++
	r.result.MostPending = max(r.result.MostPending, q.length)
}

// prepend puts a call before all others.
func (r *run) prepend(q *queue, id int32) {
	r.calls[id].next = q.first
	q.first = id
	if q.last == none {
		q.last = id
	}
	q.length++
}

// take takes the first call off.
func (r *run) take(q *queue) int32 {
	id := q.first
	q.first = r.calls[id].next
	if q.first == none {
		q.last = none
	}
	q.length--
	return id
}
