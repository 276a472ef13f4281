package natsgrpc

import (
	"fmt"
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
	// backlogMaxAge is how long a caller believes what it was told.
	backlogMaxAge = time.Second
	// backlogMargin is by how much the expected wait must exceed what the deadline leaves: the rate is an estimate.
	backlogMargin = 1.5
	// rateWeight is the weight of the newest observation in the rate.
	rateWeight = 0.3
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
	delivered uint64    // so far, by all workers
	at        time.Time // when that was told
	rate      float64   // deliveries per second; 0 while it is not known
}

// observe notes what a worker told.
func (b *backlog) observe(pending int, delivered uint64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	elapsed := now.Sub(b.at)
	if delivered <= b.delivered && elapsed < backlogMaxAge { // an older answer; a queue that is made again counts anew
		return
	}
	if delivered > b.delivered && elapsed < backlogMaxAge && elapsed > 0 {
		rate := float64(delivered-b.delivered) / elapsed.Seconds()
		if b.rate > 0 {
			rate = rateWeight*rate + (1-rateWeight)*b.rate
		}
		b.rate = rate
	} else {
		b.rate = 0
	}
	b.pending, b.delivered, b.at = pending, delivered, now
}

// wait returns how long a request that is published now is expected to wait, and false while that is not known.
func (b *backlog) wait(now time.Time) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	age := now.Sub(b.at)
	if b.rate <= 0 || age > backlogMaxAge {
		return 0, false
	}
	return max(0, time.Duration(float64(b.pending)/b.rate*float64(time.Second))-age), true
}

// drainTime returns how long the queue is expected to take until it is empty, 0 if that is not known.
func (b *backlog) drainTime() time.Duration {
	wait, _ := b.wait(time.Now())
	return wait
}

// admit refuses a call at once that would not be taken before its deadline.
func (c *Conn) admit(m *method, id string, deadline time.Time) error {
	now := time.Now()
	wait, known := c.queues.of(m, id).wait(now)
	left := deadline.Sub(now)
	if !known || float64(wait) < backlogMargin*float64(left) {
		return nil
	}
	return errorWithReason(codes.ResourceExhausted, ReasonBacklog,
		fmt.Sprintf("natsgrpc: the queue's backlog takes about %v; the call has %v", wait.Round(time.Millisecond), left.Round(time.Millisecond)),
		retryInfo(wait-left))
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
