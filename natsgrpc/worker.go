package natsgrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
)

const (
	// pullExpiry is how long a pull waits at an empty queue.
	pullExpiry = 5 * time.Second
	// pullGrace is how much later than its expiry a pull is forgotten whose end nobody told.
	pullGrace = time.Second
	// pullPause is the wait after a pull that the server refused.
	pullPause = 250 * time.Millisecond
)

// pendingHeader is in the status that ends a pull: how many of its messages were not delivered.
const pendingHeader = "Nats-Pending-Messages"

// worker pulls one queue: it promises each free slot to JetStream once, and runs one call in each.
//
// A pull asks for all slots that were freed since the last one. While some promise is still open the queue can send a
// call at once, so the next pull waits until a quarter of the slots is free and unpromised: under load that makes few
// pulls of many calls, and an idle worker has all its slots promised.
type worker struct {
	run     *running
	service *service
	queue   Queue
	slots   int
	subject string // where pulls are sent

	attributes attribute.Set // of the queue, in metrics

	wake    chan struct{} // a slot was freed, or a pull has ended
	stopped chan struct{}
	looping sync.WaitGroup
	calls   sync.WaitGroup
	idle    chan *task // to goroutines that have run a call and wait for another
	runners sync.WaitGroup
	told    atomic.Int64 // when an answer told the backlog, in nanoseconds since the Unix epoch
	strays  *strays
	offers  *offers
	tail    tail

	mu       sync.Mutex
	sub      *nats.Subscription
	inbox    string // "<inbox>.": where the calls come; each pull adds its number
	free     int
	waiting  []*task // calls that came while no slot was free, since strays have taken what was promised
	promised int
	pulls    map[uint64]pull // by number: those whose end is not known
	number   uint64          // of the newest pull
	oldest   uint64          // no pull in pulls has a lower number
	asked    int             // the sum of the batches in pulls
	pause    time.Time       // no pull before this
	lost     bool            // JetStream may not have the queue any more

	newest     delivery // the last one
	backlogged bool     // the last answer that told of the queue told of a backlog
}

// pull is a request for calls that may still be waiting at the server.
type pull struct {
	batch  int
	forget time.Time
}

func newWorker(r *running, s *service, q Queue, slots int) *worker {
	w := &worker{
		run:     r,
		service: s,
		queue:   q,
		slots:   slots,
		subject: r.server.api + "CONSUMER.MSG.NEXT." + q.Stream.Name + "." + q.Consumer.Durable,
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
		idle:    make(chan *task),
		free:    slots,
		pulls:   map[uint64]pull{},

		attributes: queueAttributes(s, q),
	}
	w.strays, w.offers = newStrays(w), newOffers(w)
	return w
}

// start subscribes and begins to pull.
func (w *worker) start() error {
	if err := w.offers.start(); err != nil {
		return err
	}
	if err := w.subscribe(); err != nil {
		return errors.Join(err, w.offers.stop(), w.offers.close())
	}
	w.looping.Go(w.loop)
	w.signal()
	return nil
}

// subscribe makes a new inbox and takes all promises back: what was pulled to an older inbox is not delivered there any
// more, and JetStream gives what it could not deliver to the next pull at once.
func (w *worker) subscribe() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	inbox := w.run.server.nc.NewInbox() + "."
	sub, err := w.run.server.nc.Subscribe(inbox+"*", func(msg *nats.Msg) { w.onMessage(msg, inbox) })
	if err != nil {
		return fmt.Errorf("natsgrpc: subscribe to queue %s: %w", w.queue.Stream.Name, err)
	}
	w.sub, w.inbox = sub, inbox
	w.promised, w.asked = 0, 0
	w.newest = delivery{} // a queue that is made again counts anew
	clear(w.pulls)
	return nil
}

// restart pulls anew after a reconnect.
func (w *worker) restart() error {
	w.mu.Lock()
	old := w.sub
	w.mu.Unlock()
	if err := w.subscribe(); err != nil {
		return err
	}
	w.signal()
	return old.Drain() // what is on its way still comes, and goes back at once
}

// stop ends pulling. Calls that are on their way still come: the subscription is drained, and JetStream gives what it
// cannot deliver any more to other workers at once.
func (w *worker) stop() {
	close(w.stopped)
	w.looping.Wait()
	w.tail.close()
	if err := w.offers.stop(); err != nil {
		w.run.server.logger.Error("natsgrpc: stop offering slots", "queue", w.queue.Stream.Name, "error", err)
	}
	w.mu.Lock()
	sub := w.sub
	w.mu.Unlock()
	if !w.run.server.nc.IsConnected() { // nothing comes any more, and Drain would wait for a flush
		w.mu.Lock()
		w.inbox = "" // nor is accepted
		w.mu.Unlock()
		_ = sub.Unsubscribe()
		return
	}
	w.calls.Add(1)
	ended := sync.OnceFunc(w.calls.Done) // a connection that is closed now may call the handler and fail Drain
	sub.SetClosedHandler(func(string) { ended() })
	if err := sub.Drain(); err != nil {
		ended()
	}
}

// isStopped reports whether pulling has ended.
func (w *worker) isStopped() bool {
	select {
	case <-w.stopped:
		return true
	default:
		return false
	}
}

// wait returns when all calls have left their slots, and those of unknown methods this server.
func (w *worker) wait() {
	w.calls.Wait()
	w.runners.Wait()
	w.strays.wait()
}

func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// loop sends a pull whenever there is something to promise.
func (w *worker) loop() {
	tick := time.NewTicker(pullPause)
	defer tick.Stop()
	for {
		select {
		case <-w.stopped:
			return
		case <-w.wake:
		case now := <-tick.C:
			w.tail.release(now.Add(-tailAge))
		}
		if !w.run.server.nc.IsConnected() {
			continue // a pull would wait in the reconnect buffer, forgotten here and served there
		}
		if batch, reply := w.promise(time.Now()); batch > 0 {
			if err := w.pull(batch, reply); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				w.run.server.logger.Error("natsgrpc: pull", "queue", w.queue.Stream.Name, "error", err)
			}
		}
	}
}

// promise decides how many calls to ask for now, and notes them as promised.
func (w *worker) promise(now time.Time) (batch int, reply string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgetOld(now)
	batch = w.free - w.promised
	if now.Before(w.pause) || batch <= 0 || w.promised > 0 && batch < max(1, w.slots/4) {
		return 0, ""
	}
	w.promised += batch
	w.number++
	w.pulls[w.number] = pull{batch: batch, forget: now.Add(pullExpiry + pullGrace)}
	w.asked += batch
	return batch, w.inbox + strconv.FormatUint(w.number, 36)
}

// forgetOld drops pulls whose end went unnoticed, and with them the promises that cannot be kept any more. A pull that
// was served in full ends without a word, so what is promised is at most what the remembered pulls asked for. More means
// that a pull was neither served nor ended: JetStream does not answer pulls of a queue that it does not have.
func (w *worker) forgetOld(now time.Time) {
	for ; w.oldest <= w.number; w.oldest++ {
		if p, open := w.pulls[w.oldest]; open && now.Before(p.forget) {
			break
		}
		w.forget(w.oldest)
	}
	if w.promised > w.asked {
		w.promised = w.asked
		w.lost = true
	}
}

// forget drops a pull, if it is still remembered, and returns it.
func (w *worker) forget(number uint64) (pull, bool) {
	p, open := w.pulls[number]
	delete(w.pulls, number)
	w.asked -= p.batch
	return p, open
}

func (w *worker) pull(batch int, reply string) error {
	body, err := json.Marshal(struct {
		Batch   int           `json:"batch"`
		Expires time.Duration `json:"expires"`
	}{batch, pullExpiry})
	if err != nil {
		return err
	}
	return w.run.server.nc.PublishRequest(w.subject, reply, body)
}

// onMessage takes a call, or the status that ends a pull.
func (w *worker) onMessage(msg *nats.Msg, inbox string) {
	if msg.Reply == "" {
		w.onStatus(msg)
		return
	}
	accepted, slot := w.accept(inbox)
	if !accepted { // it was pulled before a reconnect: its slot is promised anew
		_ = msg.Respond([]byte("-NAK")) // a lost one is redelivered after the ack wait
		return
	}
	t := newTask(w, msg)
	w.note(t.delivery)
	w.calls.Add(1)
	t.enlist()
	if slot || w.slotOrWait(t) {
		w.handle(t)
	}
}

// handle runs a call that has a slot in a goroutine. One that has run a call before is taken where there is one, since its
// stack has grown already. There are never more of them than slots.
func (w *worker) handle(t *task) {
	select {
	case w.idle <- t:
	default:
		w.runners.Go(func() { w.runCalls(t) })
	}
}

// runCalls runs calls until the worker has stopped.
func (w *worker) runCalls(t *task) {
	for {
		t.run()
		w.calls.Done()
		select {
		case t = <-w.idle:
		case <-w.stopped:
			return
		}
	}
}

// note keeps what the newest delivery says of the queue.
func (w *worker) note(d delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.delivered > w.newest.delivered {
		w.newest = d
	}
}

// tell returns what an answer tells of the queue's backlog, "" where there is none, unless there was one when it was told
// last, and where it was told just now.
func (w *worker) tell(now time.Time) string {
	last := w.told.Load()
	if now.UnixNano()-last < int64(backlogInterval) || !w.told.CompareAndSwap(last, now.UnixNano()) {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	there := w.newest.pending > 0
	if !there && !w.backlogged {
		return ""
	}
	w.backlogged = there
	return queueName(w.queue.kind, w.queue.service, w.queue.shard) + " " + strconv.Itoa(w.newest.pending) + " " + strconv.FormatUint(w.newest.delivered, 10)
}

// accept takes a promised call, if it comes to the present inbox, and a slot for it, if there is one.
func (w *worker) accept(inbox string) (accepted, slot bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if inbox != w.inbox {
		return false, false
	}
	if slot = w.free > 0; slot {
		w.free--
	}
	if w.promised = max(0, w.promised-1); w.promised == 0 && w.free > 0 {
		w.signal() // no pull is open any more: what is free need not wait for a quarter
	}
	return true, slot
}

// slotOrWait takes a slot for a call, or leaves the call to whoever frees one.
func (w *worker) slotOrWait(t *task) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free > 0 {
		w.free--
		return true
	}
	w.waiting = append(w.waiting, t)
	return false
}

// takeSlots takes as many slots as are free, n at most, whether they are promised or not.
func (w *worker) takeSlots(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, w.free)
	w.free -= n
	return n
}

// freeSlot is called once for each slot that was taken: when a call's handler has returned. A call that waits has it next.
func (w *worker) freeSlot() {
	w.mu.Lock()
	var next *task
	if len(w.waiting) > 0 {
		next, w.waiting = w.waiting[0], w.waiting[1:]
	} else {
		w.free++
	}
	w.mu.Unlock()
	if next != nil {
		w.handle(next)
		return
	}
	w.signal()
}

// onStatus ends a pull: it expired, or the server refused it.
func (w *worker) onStatus(msg *nats.Msg) {
	code := msg.Header.Get(statusHeader)
	if code == "100" { // a heartbeat
		return
	}
	n, err := strconv.ParseUint(lastToken(msg.Subject), 36, 64)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ended, known := w.forget(n)
	if !known {
		return
	}
	undelivered, err := strconv.Atoi(msg.Header.Get(pendingHeader))
	if err != nil { // refused as a whole
		undelivered = ended.batch
		w.pause = time.Now().Add(pullPause)
		w.lost = w.lost || code == noResponders
	}
	w.promised = max(0, w.promised-undelivered)
	w.signal()
}

// takeLost reports whether the queue may have been lost since the last time.
func (w *worker) takeLost() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := w.lost
	w.lost = false
	return lost
}
