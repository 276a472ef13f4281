package natsgrpc

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// call is one call in flight: what waits for the messages that come for it. Unary calls are pooled; nothing is delivered
// to one after end, since deliveries hold the lock of calls.
type call struct {
	number uint64
	token  string // the number as it stands in subjects
	id     string
	method *method
	stream *clientStream // takes the answers where the call is a stream

	answer  chan *nats.Msg // holds the first answer
	refused chan error     // holds the first refusal of the request
	timer   *time.Timer

	waits bool // for a queue and a server, where there is none now

	counted  *backlog  // of the queue, which the call is counted for; nil before it is admitted
	answered time.Time // when the answer came; zero before

	// under the lock of calls
	request  *nats.Msg // for repeats
	trusting bool      // the queue was not asked yet whether it has the request
	queued   bool      // the queue has it
	repeated bool      // it was published more than once
	shared   bool      // its id is the caller's choice, so another may have sent it
}

var callPool = sync.Pool{New: func() any {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &call{answer: make(chan *nats.Msg, 1), refused: make(chan error, 1), timer: timer}
}}

// calls are the calls in flight of one Conn.
type calls struct {
	conn string                // the Conn's name in subjects
	look func(*call) *nats.Msg // makes the request for the kept answer to a call, whose reply looked takes

	mu       sync.Mutex
	closed   bool
	next     uint64
	byNumber map[uint64]*call
	byID     map[string][]*call // those whose id does not tell the number
}

// begin adds a call. Without an id it gets a fresh one, "<conn>-<number>".
//
// Errors: the Conn is closed.
func (cs *calls) begin(m *method, id string, stream *clientStream) (*call, error) {
	p := callPool.Get().(*call)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		callPool.Put(p)
		return nil, errClosed
	}
	cs.next++
	p.number, p.token, p.method, p.stream = cs.next, strconv.FormatUint(cs.next, 36), m, stream
	p.id, p.shared = id, id != ""
	if p.shared {
		cs.byID[id] = append(cs.byID[id], p)
	} else {
		p.id = cs.conn + "-" + p.token
	}
	cs.byNumber[p.number] = p
	return p, nil
}

// end removes a call; what still comes for it is dropped.
func (cs *calls) end(p *call) {
	cs.mu.Lock()
	delete(cs.byNumber, p.number)
	if same, keyed := cs.byID[p.id]; keyed {
		cs.byID[p.id] = without(same, p)
		if len(cs.byID[p.id]) == 0 {
			delete(cs.byID, p.id)
		}
	}
	cs.mu.Unlock()
	if p.counted != nil {
		p.counted.leave(p.answered)
	}
	if p.stream != nil { // it may be asked for its state after its end
		return
	}
	p.timer.Stop()
	empty(p.answer)
	empty(p.refused)
	*p = call{answer: p.answer, refused: p.refused, timer: p.timer}
	callPool.Put(p)
}

// empty takes what a channel for one element holds.
func empty[T any](ch <-chan T) {
	select {
	case <-ch:
	default:
	}
}

// without returns the calls without one of them.
func without(all []*call, p *call) []*call {
	var rest []*call
	for _, other := range all {
		if other != p {
			rest = append(rest, other)
		}
	}
	return rest
}

// close lets no further call begin.
func (cs *calls) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
}

// answered hands an answer to the call with a number. It reports false where there is none, and returns the stream that
// has the number instead of a call that waits for an answer.
func (cs *calls) answered(token string, msg *nats.Msg) (stream *clientStream, found bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p := cs.numbered(token)
	if p == nil {
		return nil, false
	}
	if p.stream == nil {
		p.deliver(msg)
	}
	return p.stream, true
}

// answeredID hands an answer to the calls with an id.
func (cs *calls) answeredID(id string, msg *nats.Msg) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, p := range cs.byID[id] {
		p.deliver(msg)
	}
	if token, own := strings.CutPrefix(id, cs.conn+"-"); own {
		if p := cs.numbered(token); p != nil {
			p.deliver(msg)
		}
	}
}

// numbered returns the call with a number, nil if it has ended. Called with the lock held.
func (cs *calls) numbered(token string) *call {
	n, err := strconv.ParseUint(token, 36, 64)
	if err != nil {
		return nil
	}
	return cs.byNumber[n]
}

// deliver keeps the first answer. A message with a status of NATS itself is none: who may pull can have one sent to any
// subject. Called with the lock held.
func (p *call) deliver(msg *nats.Msg) {
	if msg.Header.Get(statusHeader) != "" {
		return
	}
	select {
	case p.answer <- msg:
	default:
	}
}

// acknowledged notes what the queue said of a request.
func (cs *calls) acknowledged(token string, ack pubAck) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if p := cs.numbered(token); p != nil {
		p.acknowledge(ack)
	}
}

// acknowledge is acknowledged for one call. Called with the lock held.
func (p *call) acknowledge(ack pubAck) {
	err := ack.err
	if err == nil {
		stored := !ack.duplicate && !ack.taken
		p.queued = p.queued || stored || !p.shared
		if !p.shared || stored {
			return
		}
		err = &takenError{sequence: ack.sequence} // the answer to a repeat too: what the queue has may be another call's
	} else if p.repeated { // the refusal of a repeat says nothing of the first one
		return
	}
	select {
	case p.refused <- err:
	default:
	}
}

// sent notes the request of a call, so that it can be repeated, and whether its queue was not asked to confirm it.
func (cs *calls) sent(p *call, request *nats.Msg, trusting bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p.request, p.trusting, p.queued, p.repeated = request, trusting, false, false
}

// repeat returns what is to be published for a call whose answer does not come, nil if nothing is: the request, since a queue
// in memory may be lost; or, for a command, a look at the kept answers, since its own may have been published while this
// connection was lost.
func (cs *calls) repeat(p *call) *nats.Msg {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.again(p)
}

// again is repeat with the lock held.
func (cs *calls) again(p *call) *nats.Msg {
	if p.request != nil && p.method.kind == command && p.stream == nil {
		return cs.look(p)
	}
	return p.repeat()
}

// repeats returns what is to be published for all calls.
func (cs *calls) repeats() []*nats.Msg {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var repeats []*nats.Msg
	for _, p := range cs.byNumber {
		if again := cs.again(p); again != nil {
			repeats = append(repeats, again)
		}
	}
	return repeats
}

// looked takes the reply to a look for the answer to a command. It returns the request where there is neither an answer nor
// a queue that is known to have it: only then may it be published again, since a restart of the NATS server ends the window
// of duplicates for what is acknowledged.
func (cs *calls) looked(token string, msg *nats.Msg) *nats.Msg {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p := cs.numbered(token)
	if p == nil {
		return nil
	}
	if msg.Header.Get(statusHeader) == "" && (!p.shared || decided(msg)) { // an undecided one may be older than the call
		p.deliver(msg)
		return nil
	}
	return p.repeat()
}

// confirmed reports whether a queue has said that it has a call's request, or was not asked.
func (cs *calls) confirmed(p *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return p.queued || p.trusting
}

// repeat returns the request of a call if it is to be published again. Where its queue was not asked yet, that is the first
// publish which counts. Called with the lock held.
func (p *call) repeat() *nats.Msg {
	if p.trusting {
		p.trusting = false
		return p.request
	}
	if p.request == nil || p.queued && (p.method.kind == command || p.stream != nil) {
		return nil
	}
	p.repeated = true
	return p.request
}

// refuse ends the calls of a service that nobody has answered yet with an error.
func (cs *calls) refuse(service string, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, p := range cs.byNumber {
		if p.method.service == service {
			select {
			case p.refused <- err:
			default:
			}
		}
	}
}
