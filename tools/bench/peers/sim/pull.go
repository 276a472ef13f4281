package sim

import "time"

// stream is a work queue and its one consumer.
type stream struct {
	until   time.Duration // when it has done what it was given
	pending queue
	held    int // calls that it has, those that are out too
	waiting ring[waitingPull]
}

// waitingPull is a pull that waits.
type waitingPull struct {
	worker, calls int32
	life          uint32
}

func (r *run) startPull() {
	r.streams = make([]stream, r.Streams)
	for i := range r.streams {
		r.streams[i].pending = emptyQueue
	}
	r.slots = int32(r.Slots)
	each := r.Streams
	if r.Cells {
		each = 1
	}
	r.slots = int32((r.Slots + each - 1) / each)
	for instance := range r.Instances {
		for s := range each {
			if r.Cells {
				s = instance % r.Streams
			}
			id := int32(len(r.workers))
			r.workers = append(r.workers, worker{instance: int32(instance), stream: int32(s), queue: emptyQueue})
			r.agenda.plan(event{at: time.Duration(r.Calibration.Hop), what: pulls, a: id, b: r.slots})
		}
	}
}

// publish sends a call to its stream.
func (r *run) publish(id int32) {
	c := &r.calls[id]
	if r.Streams > 1 {
		c.stream = r.choices.Int32N(int32(r.Streams))
	}
	s := &r.streams[c.stream]
	s.until = max(s.until, r.now+time.Duration(r.Calibration.Hop)) + time.Duration(r.Calibration.StreamTime)
	r.agenda.plan(event{at: s.until, what: stored, a: id})
}

// store has a stream take a call.
func (r *run) store(id int32) {
	c := &r.calls[id]
	s := &r.streams[c.stream]
	if r.MaxPending > 0 && s.held >= r.MaxPending {
		r.tell(c, refused, r.now+time.Duration(r.Calibration.Hop))
		r.drop(id)
		return
	}
	s.held++
	c.ready = r.now
	r.append(&s.pending, id)
	r.match(s)
}

// match gives pending calls to waiting pulls.
func (r *run) match(s *stream) {
	for s.pending.length > 0 && s.waiting.count > 0 {
		p := s.waiting.take()
		if r.workers[p.worker].life != p.life {
			continue
		}
		id := r.take(&s.pending)
		r.calls[id].worker = p.worker
		r.begin(id, r.now+time.Duration(r.Calibration.Hop))
		if p.calls--; p.calls > 0 {
			s.waiting.add(p)
		}
	}
}

// pull has a stream take a pull.
func (r *run) pull(id, calls int32, life uint32) {
	w := &r.workers[id]
	if w.life != life {
		return
	}
	s := &r.streams[w.stream]
	if r.Calibration.MaxWaiting > 0 && s.waiting.count >= r.Calibration.MaxWaiting {
		r.result.RefusedPulls++
		r.agenda.plan(event{at: r.now + time.Duration(r.Calibration.PullRetry), what: pulls, a: id, b: calls, c: life})
		return
	}
	s.waiting.add(waitingPull{worker: id, calls: calls, life: life})
	r.result.MostPulls = max(r.result.MostPulls, s.waiting.count)
	r.match(s)
}

// freed has a worker ask for another call. Slots that are free at the same instant share a pull.
func (r *run) freed(id int32) {
	w := &r.workers[id]
	w.asking++
	if w.asking == 1 {
		r.agenda.plan(event{at: r.now, what: asks, a: id, c: w.life})
	}
}

// ask sends a pull.
func (r *run) ask(id int32, life uint32) {
	w := &r.workers[id]
	if w.life != life {
		return
	}
	r.agenda.plan(event{at: r.now + time.Duration(r.Calibration.Hop), what: pulls, a: id, b: w.asking, c: life})
	w.asking = 0
}

// beats is how many signs of life a worker sends in an ack wait.
const beats = 10.0 / 3

// lose has a stream wait for the signs of life of a call whose worker is dead.
func (r *run) lose(id int32) {
	c := &r.calls[id]
	c.use++
	c.worker = none
	c.next = none
	wait := time.Duration(r.Calibration.AckWait)
	beat := time.Duration(float64(wait) / beats)
	last := c.given + (r.now-c.given)/beat*beat
	r.agenda.plan(event{at: last + wait, what: delivers, a: id, c: c.use})
}

// deliverAgain has a stream give a call to another worker before all others.
func (r *run) deliverAgain(id int32) {
	c := &r.calls[id]
	s := &r.streams[c.stream]
	r.result.Redelivered++
	c.ready = r.now
	r.prepend(&s.pending, id)
	r.match(s)
}
