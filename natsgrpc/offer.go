package natsgrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// seekGroup is the queue group of the servers that know a method: one of them is asked.
const seekGroup = "servers"

// offers are the slots that a worker keeps for calls that servers of another version have pulled.
//
// Slots that JetStream was promised may be among them, since an idle worker has promised all. A call that comes for such a
// slot meanwhile waits until one is free.
type offers struct {
	worker *worker
	seeks  []*nats.Subscription
	hands  *nats.Subscription

	mu      sync.Mutex
	stopped bool
	number  uint64 // of the newest
	open    map[string]*offer
}

// offer is a number of slots that are kept for a while.
type offer struct {
	slots int
	made  time.Time
	end   *time.Timer
}

func newOffers(w *worker) *offers { return &offers{worker: w, open: map[string]*offer{}} }

// start subscribes.
func (o *offers) start() error {
	w := o.worker
	nc, q := w.run.server.nc, w.queue
	subject := offerSubject(q.service, w.run.streams.id, "*") + "." + string(q.kind) + "." + q.service + "." + q.shard + ".*.*.>"
	var err error
	if o.hands, err = nc.Subscribe(subject, o.onHandOver); err != nil {
		return fmt.Errorf("natsgrpc: subscribe: %w", err)
	}
	for name := range q.methods {
		version := wireVersion
		if _, stream := w.service.streams[name]; stream {
			version += "-" + streamVersion
		} else if _, served := w.service.handlers[name]; !served {
			continue
		}
		sub, err := nc.QueueSubscribe(seekSubject(q.service, q.kind, q.shard, name, version), seekGroup, o.onSeek)
		if err != nil {
			return errors.Join(fmt.Errorf("natsgrpc: subscribe: %w", err), o.stop(), o.close())
		}
		o.seeks = append(o.seeks, sub)
	}
	return nil
}

// stop ends the offering. What was offered is still taken, and the worker waits for it.
func (o *offers) stop() error {
	o.mu.Lock()
	o.stopped = true
	o.mu.Unlock()
	var errs []error
	for _, sub := range o.seeks {
		errs = append(errs, unsubscribe(sub))
	}
	return errors.Join(errs...)
}

// close takes nothing more.
func (o *offers) close() error { return unsubscribe(o.hands) }

// onSeek offers what is free of the slots that another server asks for.
func (o *offers) onSeek(msg *nats.Msg) {
	var seek slotSeek
	var answer slotOffer
	if err := json.Unmarshal(msg.Data, &seek); err == nil && seek.Calls > 0 {
		answer = o.offer(seek.Calls)
	}
	body, err := json.Marshal(answer)
	if err == nil {
		err = msg.Respond(body)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) { // the slots are free again when the offer ends
		o.worker.run.server.logger.Error("natsgrpc: offer slots", "queue", o.worker.queue.Stream.Name, "error", err)
	}
}

// offer keeps slots for calls. It ends after a fifth of an ack wait.
func (o *offers) offer(calls int) slotOffer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return slotOffer{}
	}
	slots := o.worker.takeSlots(calls)
	if slots == 0 {
		return slotOffer{}
	}
	o.worker.calls.Add(slots)
	o.number++
	number := strconv.FormatUint(o.number, 36)
	o.open[number] = &offer{slots: slots, made: time.Now(), end: time.AfterFunc(o.worker.queue.Consumer.AckWait/5, func() { o.end(number) })}
	return slotOffer{Slots: slots, Subject: offerSubject(o.worker.queue.service, o.worker.run.streams.id, number)}
}

// end frees what is left of an offer.
func (o *offers) end(number string) {
	o.mu.Lock()
	slots := 0
	if left := o.open[number]; left != nil {
		slots = left.slots
	}
	delete(o.open, number)
	o.mu.Unlock()
	for range slots {
		o.worker.freeSlot()
		o.worker.calls.Done()
	}
}

// take takes one of the slots of an offer, if it has not ended, and returns when it was made.
func (o *offers) take(number string) (made time.Time, kept bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.open[number]
	if from == nil {
		return time.Time{}, false
	}
	if from.slots--; from.slots == 0 {
		from.end.Stop()
		delete(o.open, number)
	}
	return from.made, true
}

// onHandOver takes a call for which a slot was kept. One that comes too late is left to the queue, which delivers it again.
func (o *offers) onHandOver(msg *nats.Msg) {
	w := o.worker
	made, kept := o.take(tokenAt(msg.Subject, 3))
	if !kept {
		w.run.server.logger.Warn("natsgrpc: a call of another server came too late; the queue delivers it again", "subject", msg.Subject)
		return
	}
	request, reply := splitHandOver(msg.Subject)
	if !isDelivery(reply, w.queue) {
		w.run.server.logger.Error("natsgrpc: a call of another server is none of this queue", "subject", msg.Subject)
		w.freeSlot()
		w.calls.Done()
		return
	}
	t := newTask(w, &nats.Msg{Subject: request, Reply: reply, Header: msg.Header, Data: msg.Data})
	t.stray = true
	// The other has sent it after the offer was made, and had heard of JetStream within half an ack wait.
	t.confirmed = made.Add(-handOverAge(w))
	t.beat = time.Time{}
	t.enlist()
	t.look(time.Now())
	w.handle(t)
}

// splitHandOver returns the subject of a request that is handed over, and the one on which it is acknowledged: they follow
// the four tokens of the offer's, and the first has five.
func splitHandOver(subject string) (request, reply string) {
	parts := strings.SplitN(subject, ".", 10)
	if len(parts) < 10 {
		return "", ""
	}
	return strings.Join(parts[4:9], "."), parts[9]
}

// isDelivery reports whether a subject is one on which a delivery from a queue is acknowledged.
func isDelivery(subject string, q Queue) bool {
	rest, found := strings.CutPrefix(subject, ackPrefix)
	if !found || parseDelivery(subject).attempt == 0 {
		return false
	}
	consumer := q.Stream.Name + "." + q.Consumer.Durable + "."
	if strings.HasPrefix(rest, consumer) {
		return true
	}
	parts := strings.SplitN(rest, ".", 3) // with the domain and the account's hash
	return len(parts) == 3 && strings.HasPrefix(parts[2], consumer)
}
