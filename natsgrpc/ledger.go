package natsgrpc

import (
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// ledgerTick is how often the calls in hand are looked at; a fraction of the shortest heartbeat interval.
	ledgerTick = 100 * time.Millisecond
	// answerRetry is how long an answer waits for its PubAck before it is published again.
	answerRetry = time.Second
	// leftAge is how long the ids of queries are remembered that were cancelled before they came, and maxLeft how many.
	leftAge = 30 * time.Second
	maxLeft = 10_000
)

// The first letter of the last token of the subjects on which JetStream answers to a ledger.
const (
	keptToken      = "k" // the PubAck of an answer or a dead letter: k<task>-<step>
	heartbeatToken = "h" // the reply to a heartbeat: h<task>-<when it was sent>
)

// ledger holds the calls that a server has in hand, from delivery to acknowledgement. It tells JetStream that they are
// alive, notices when JetStream cannot hear it any more, and sees the answers to commands into their stream.
type ledger struct {
	nc     *nats.Conn
	logger *slog.Logger
	start  time.Time // heartbeats carry the time since, which is monotonic
	inbox  string    // "<inbox>."
	sub    *nats.Subscription
	window chan struct{} // holds an element for each answer that waits for its PubAck

	done chan struct{}
	loop sync.WaitGroup

	missing atomic.Bool // a stream has refused an answer, or does not confirm it: it may be gone

	mu    sync.Mutex
	empty *sync.Cond
	next  uint64
	tasks map[uint64]*task

	queries map[string]*task     // by id
	left    map[string]time.Time // ids of queries that were cancelled before they came, and when
}

func newLedger(nc *nats.Conn, logger *slog.Logger, window int) (*ledger, error) {
	l := &ledger{
		nc:     nc,
		logger: logger,
		start:  time.Now(),
		inbox:  nc.NewInbox() + ".",
		window: make(chan struct{}, window),
		done:   make(chan struct{}),
		tasks:  map[uint64]*task{},

		queries: map[string]*task{},
		left:    map[string]time.Time{},
	}
	l.empty = sync.NewCond(&l.mu)
	var err error
	if l.sub, err = nc.Subscribe(l.inbox+"*", l.onMessage); err != nil {
		return nil, fmt.Errorf("natsgrpc: subscribe: %w", err)
	}
	l.loop.Go(l.watch)
	return l, nil
}

// close stops the heartbeats.
func (l *ledger) close() error {
	close(l.done)
	l.loop.Wait()
	return unsubscribe(l.sub)
}

// add begins the heartbeats of a task that has just been delivered. It reports whether its caller has left already.
func (l *ledger) add(t *task) (left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	t.number = l.next
	l.tasks[t.number] = t
	if t.worker.queue.kind == query {
		l.queries[t.id] = t
		left = time.Since(l.left[t.id]) < leftAge
	}
	return left
}

// cancelled cancels the query whose caller has left, and remembers its id until it comes, or comes again.
func (l *ledger) cancelled(id string) {
	l.mu.Lock()
	t := l.queries[id]
	if now := time.Now(); validToken(id) {
		if len(l.left) >= maxLeft {
			maps.DeleteFunc(l.left, func(_ string, at time.Time) bool { return now.Sub(at) > leftAge })
		}
		if len(l.left) < maxLeft {
			l.left[id] = now
		}
	}
	l.mu.Unlock()
	if t != nil {
		t.abandon(errCallerLeft)
	}
}

// remove ends them.
func (l *ledger) remove(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tasks, t.number)
	if l.queries[t.id] == t {
		delete(l.queries, t.id)
	}
	if len(l.tasks) == 0 {
		l.empty.Broadcast()
	}
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tasks)
}

func (l *ledger) waitEmpty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.tasks) > 0 {
		l.empty.Wait()
	}
}

func (l *ledger) snapshot() []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	tasks := make([]*task, 0, len(l.tasks))
	for _, t := range l.tasks {
		tasks = append(tasks, t)
	}
	return tasks
}

// giveBack returns all calls to their queues.
func (l *ledger) giveBack() {
	for _, t := range l.snapshot() {
		t.giveBack()
	}
}

func (l *ledger) watch() {
	tick := time.NewTicker(ledgerTick)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case now := <-tick.C:
			for _, t := range l.snapshot() {
				t.look(now)
			}
		}
	}
}

// onMessage takes JetStream's replies to heartbeats and answers.
func (l *ledger) onMessage(msg *nats.Msg) {
	token := lastToken(msg.Subject)
	number, detail, _ := strings.Cut(token[1:], "-")
	n, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	l.mu.Lock()
	t := l.tasks[n]
	l.mu.Unlock()
	if t == nil {
		return
	}
	switch token[:1] {
	case heartbeatToken:
		if microseconds, err := strconv.ParseInt(detail, 36, 64); err == nil && msg.Header.Get(statusHeader) == "" {
			t.confirm(l.start.Add(time.Duration(microseconds) * time.Microsecond))
		}
	case keptToken:
		if err := readPubAck(msg).err; err != nil {
			l.missing.Store(true)
			l.logger.Error("natsgrpc: keep an answer", "method", t.method, "request", t.id, "error", err, "puback", string(msg.Data))
			return // published again after answerRetry
		}
		if step, err := strconv.Atoi(detail); err == nil && t.kept(step) {
			t.worker.tail.hold(t, time.Now())
		}
	}
}

// heartbeatReply is where JetStream confirms a heartbeat that a task sends now.
func (l *ledger) heartbeatReply(t *task, now time.Time) string {
	return l.inbox + heartbeatToken + strconv.FormatUint(t.number, 36) + "-" + strconv.FormatInt(now.Sub(l.start).Microseconds(), 36)
}

// keptReply is where JetStream confirms what a task publishes into a stream in a step.
func (l *ledger) keptReply(t *task, step int) string {
	return l.inbox + keptToken + strconv.FormatUint(t.number, 36) + "-" + strconv.Itoa(step)
}
