package sim

import "time"

func (r *run) halfTrip() time.Duration { return time.Duration(r.Calibration.PushTrip) / 2 }

func (r *run) startPush() {
	r.slots = int32(r.Slots)
	for i := range r.Instances {
		r.workers = append(r.workers, worker{instance: int32(i), free: r.slots, queue: emptyQueue})
	}
	for range r.Callers {
		r.balancers = append(r.balancers, newBalancer(r.Policy, r.Instances, r.choices))
	}
}

// push sends a call to an instance.
func (r *run) push(id int32) {
	c := &r.calls[id]
	if r.alive.lives == 0 {
		r.tell(c, failed, r.now)
		r.drop(id)
		return
	}
	c.worker = r.balancers[c.caller].choose(&r.alive, r.choices)
	r.agenda.plan(event{at: r.now + r.halfTrip(), what: reaches, a: id, c: c.use})
}

// reach has an instance take a call.
func (r *run) reach(id int32) {
	c := &r.calls[id]
	c.ready = r.now
	r.append(&r.workers[c.worker].queue, id)
	r.serve(c.worker)
}

// serve gives free slots to the calls that wait at an instance.
func (r *run) serve(instance int32) {
	w := &r.workers[instance]
	for w.free > 0 && w.queue.length > 0 {
		w.free--
		r.begin(r.take(&w.queue), r.now)
	}
}

// known plans when the caller knows that a call has ended.
func (r *run) known(c *call) {
	r.agenda.plan(event{at: r.now + r.halfTrip(), what: answered, a: c.caller, b: c.worker})
}

// fail ends a call whose instance is dead.
func (r *run) fail(id int32) {
	c := &r.calls[id]
	r.tell(c, failed, r.now+r.halfTrip())
	r.known(c)
	r.drop(id)
}
