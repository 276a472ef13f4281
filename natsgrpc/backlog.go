package natsgrpc

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
)

const (
	// backlogInterval is how often a worker tells its queue's backlog, if there is one, in its answers.
	backlogInterval = 50 * time.Millisecond
	// backlogMinTrust and backlogMaxTrust bound how long a caller believes what it was told: for twice the time between the
	// last two tellings, since a queue whose calls take long is heard of seldom.
	backlogMinTrust = time.Second
	backlogMaxTrust = 10 * time.Second
	// backlogShare is the share of a call's time that it may be expected to wait for. The rest is for the handler, whose
	// work would be wasted if it ended after the deadline, and because the wait is an estimate.
	backlogShare = 0.5
	// rateWeight is the weight of the newest observation in the rate.
	rateWeight = 0.3
	// emptyGain is how many times as fast as it was seen to drain a queue may be that was empty when it was last heard of: it
	// held nobody back.
	emptyGain = 2
)

// backlogs is what a caller knows of the queues that it uses. The workers tell: each answer of a queue that has a backlog
// says, now and then, how many requests wait and how many were delivered so far, by all workers together.
type backlogs struct {
	queues sync.Map // the queue's "<kind>.<svc>.<shard>" → *backlog
}

func (bs *backlogs) named(name string) *backlog {
	if b, ok := bs.queues.Load(name); ok {
		return b.(*backlog)
	}
	b, _ := bs.queues.LoadOrStore(name, &backlog{})
	return b.(*backlog)
}

// of returns the backlog of the queue that a call goes to.
func (bs *backlogs) of(m *method, id string) *backlog {
	if m.shards <= 1 {
		return bs.named(m.queue)
	}
	return bs.named(queueName(m.kind, m.service, m.shard(id)))
}

// observe notes what a worker told of a queue, if it is one that this caller uses.
func (bs *backlogs) observe(name string, pending int, delivered uint64, now time.Time) {
	if b, used := bs.queues.Load(name); used {
		b.(*backlog).observe(pending, delivered, now)
	}
}

// queueName is how a backlog is told apart.
func queueName(k kind, service, shard string) string { return string(k) + "." + service + "." + shard }

// backlog is how long one queue was, and how fast its requests are delivered.
type backlog struct {
	mu        sync.Mutex
	pending   int
	delivered uint64        // so far, by all workers
	at        time.Time     // when that was told
	trust     time.Duration // how long it is believed
	rate      float64       // deliveries per second; 0 while it is not known
	sent      int           // by this caller since
	waiting   int           // of this caller's calls
	paused    bool          // at some time since, none was
	answered  time.Time     // when a call of this caller was answered last
}

// observe notes what a worker told.
func (b *backlog) observe(pending int, delivered uint64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	elapsed := now.Sub(b.at)
	if delivered <= b.delivered && elapsed < b.trust { // an older answer; a queue that is made again counts anew
		return
	}
	if delivered > b.delivered && elapsed < backlogMaxTrust && elapsed > 0 {
		b.rate = b.rateWith(float64(delivered-b.delivered)/elapsed.Seconds(), pending)
	} else {
		b.rate = 0
	}
	b.trust = min(max(2*elapsed, backlogMinTrust), backlogMaxTrust)
	b.pending, b.delivered, b.at, b.sent, b.paused = pending, delivered, now, 0, false
}

// rateWith returns the rate with a new observation, at whose end so many requests wait. While the queue was empty there were
// fewer deliveries than there might have been. It was for certain where the observation begins or ends so, and may have been
// while this caller had no call: such an observation lowers no rate, and is none where there was none before.
func (b *backlog) rateWith(observed float64, pending int) float64 {
	idle := b.pending == 0 || b.paused // before the requests came that were delivered since
	averaged := rateWeight*observed + (1-rateWeight)*b.rate
	switch {
	case b.rate == 0 && (idle || pending == 0):
		return 0
	case b.rate == 0:
		return observed
	case idle:
		return max(b.rate, observed)
	case pending == 0:
		return max(b.rate, averaged)
	}
	return averaged
}

// wait returns how long a request that is published now is expected to wait, and false while that is not known.
func (b *backlog) wait(now time.Time) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	age := now.Sub(b.at)
	if b.rate <= 0 || age > b.trust {
		return 0, false
	}
	rate := b.rate
	if b.pending == 0 {
		rate *= emptyGain
	}
	return max(0, time.Duration(float64(b.pending+b.sent)/rate*float64(time.Second))-age), true
}

// add counts a request that is about to be published. Its call ends with leave.
func (b *backlog) add() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
	b.waiting++
}

// leave takes note that a call has ended, and when it was answered, if it was.
func (b *backlog) leave(answered time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	if answered.After(b.answered) {
		b.answered = answered
	}
	b.paused = b.paused || b.waiting == 0
}

// wasThere reports whether the queue was there a moment ago: a call that was in it has been answered.
func (b *backlog) wasThere(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Sub(b.answered) <= aliveGrace
}

// drainTime returns how long the queue is expected to take until it is empty, 0 if that is not known.
func (b *backlog) drainTime() time.Duration {
	wait, _ := b.wait(time.Now())
	return wait
}

// admit refuses a call at once that would not be taken in time, and counts any other.
func (c *Conn) admit(p *call, deadline time.Time) error {
	now := time.Now()
	queue := c.queues.of(p.method, p.id)
	left := deadline.Sub(now)
	acceptable := time.Duration(backlogShare * float64(left))
	if wait, known := queue.wait(now); known && wait > acceptable {
		return errorWithReason(codes.ResourceExhausted, ReasonBacklog,
			fmt.Sprintf("natsgrpc: the queue's backlog takes about %v; the call has %v", wait.Round(time.Millisecond), left.Round(time.Millisecond)),
			retryInfo(wait-acceptable))
	}
	queue.add()
	p.counted = queue
	return nil
}

// ExpectedWait returns how long a call of a method ("/pkg.Service/Method") that begins now is expected to wait in its queue: the
// requests before it, by the rate at which they are delivered. It is false while that is not known, and so where there is no
// backlog. What is known comes from the workers' answers to this Conn. Of a queue with shards it looks at one by chance, as
// the call would.
func (c *Conn) ExpectedWait(fullName string) (wait time.Duration, known bool) {
	m, err := c.methods.find(fullName)
	if err != nil {
		return 0, false
	}
	queue := m.queue
	if m.shards > 1 {
		queue = queueName(m.kind, m.service, strconv.Itoa(rand.IntN(m.shards)))
	}
	return c.queues.named(queue).wait(time.Now())
}

// observe takes what an answer tells of its queue.
func (c *Conn) observe(answer *nats.Msg) {
	if value := answer.Header.Get(headerBacklog); value != "" {
		if name, pending, delivered, ok := parseBacklog(value); ok {
			c.queues.observe(name, pending, delivered, time.Now())
		}
	}
}

// parseBacklog reads "<kind>.<svc>.<shard> <pending> <delivered>".
func parseBacklog(value string) (name string, pending int, delivered uint64, ok bool) {
	name, rest, _ := strings.Cut(value, " ")
	first, second, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(first, 10, 31)
	if err != nil {
		return "", 0, 0, false
	}
	if delivered, err = strconv.ParseUint(second, 10, 64); err != nil {
		return "", 0, 0, false
	}
	return name, int(n), delivered, true
}
