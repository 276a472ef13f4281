package natsgrpc

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxPatience is how long a call waits for a server that knows its method while none says so, where half of the call's
	// time is longer: a rollout's first instance may be about to start, or its only one restart.
	maxPatience = 30 * time.Second
	// seekTimeout is how long a server waits for another's offer. One that is paused or has just left says nothing.
	seekTimeout = 250 * time.Millisecond
	// minSeekPause is the pause after an offer of nothing; it doubles. In the long run a server sends, for each method that it
	// does not know and however many calls wait, 20 messages a second while those are busy who know it (busySeekPause), and 4
	// while nobody does (maxSeekPause).
	minSeekPause  = 5 * time.Millisecond
	busySeekPause = 50 * time.Millisecond
	maxSeekPause  = 250 * time.Millisecond
)

// strays holds the calls that a worker pulled and whose method it does not know, until a server takes them that does. They
// take no slots; their requests stay in the queue, whose bounds are theirs.
type strays struct {
	worker  *worker
	seekers sync.WaitGroup

	mu      sync.Mutex
	arrived map[string][]*stray // by where slots for them are sought; what is there has a goroutine
}

// stray is a call of an unknown method.
type stray struct {
	*task
	observed *serverCall
	deadline time.Time // zero for none
	since    time.Time // when it came
	patience time.Duration
}

func newStrays(w *worker) *strays { return &strays{worker: w, arrived: map[string][]*stray{}} }

// add takes a call.
func (s *strays) add(t *task, observed *serverCall) {
	observed.park()
	now := time.Now()
	c := &stray{task: t, observed: observed, since: now, patience: maxPatience}
	if deadline, limited, _ := takeDeadline(t.msg.Header); limited { // an error was answered before
		c.deadline, c.patience = deadline, min(c.patience, deadline.Sub(now)/2)
	}
	version := t.wireVersion()
	if claim := now.Add(claimTimeout); t.stream && (c.deadline.IsZero() || claim.Before(c.deadline)) { // then its client gives up
		c.deadline, c.patience = claim, min(c.patience, claimTimeout/2)
	}
	if !validToken(version) { // no server can be asked
		c.unimplemented()
		return
	}
	subject := seekSubject(s.worker.queue.service, s.worker.queue.kind, s.worker.queue.shard, t.name, version)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sought := s.arrived[subject]
	s.arrived[subject] = append(s.arrived[subject], c)
	if !sought {
		s.seekers.Go(func() { s.seek(subject) })
	}
}

// wait returns when no call is left. Between stop and wait of the worker no call comes.
func (s *strays) wait() { s.seekers.Wait() }

// take adds the calls that have arrived. When there are none the goroutine has ended.
func (s *strays) take(subject string, calls []*stray) []*stray {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls = append(calls, s.arrived[subject]...)
	s.arrived[subject] = nil
	if len(calls) == 0 {
		delete(s.arrived, subject)
	}
	return calls
}

// seek asks for slots until all calls of a method are taken or over.
func (s *strays) seek(subject string) {
	var calls []*stray
	var known time.Time // when a server has last said that it knows the method
	pause := minSeekPause
	for {
		if calls = s.take(subject, calls); len(calls) == 0 {
			return
		}
		offered, err := s.ask(subject, len(calls))
		if err == nil {
			known = time.Now()
		}
		waiting := len(calls)
		calls = slices.DeleteFunc(calls, func(c *stray) bool {
			if offered.Slots > 0 && c.handOver(offered.Subject) {
				offered.Slots--
				return true
			}
			return false
		})
		if len(calls) < waiting {
			pause = minSeekPause
			continue
		}
		calls = slices.DeleteFunc(calls, func(c *stray) bool { return c.over(known, err != nil) })
		longest := busySeekPause
		if err != nil {
			longest = maxSeekPause
		}
		pause = min(pause, longest)
		time.Sleep(jitter(pause))
		pause *= 2
	}
}

// slotSeek and slotOffer are the bodies of a request for slots and of its answer.
type (
	slotSeek struct {
		Calls int `json:"calls"`
	}
	slotOffer struct {
		Slots   int    `json:"slots"`
		Subject string `json:"subject,omitempty"`
	}
)

// ask asks one of the servers that know the method for slots. It may have none.
//
// Errors: no server knows the method, or none has said so in time.
func (s *strays) ask(subject string, calls int) (slotOffer, error) {
	body, err := json.Marshal(slotSeek{Calls: calls})
	if err != nil {
		return slotOffer{}, err
	}
	nc := s.worker.run.server.nc
	if !nc.IsConnected() { // the question would wait in the reconnect buffer, and slots be kept for nobody
		return slotOffer{}, errNotConnected
	}
	ctx, cancel := context.WithTimeout(s.worker.run.handlers, seekTimeout)
	defer cancel()
	answer, err := nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return slotOffer{}, err
	}
	var offered slotOffer
	if err := json.Unmarshal(answer.Data, &offered); err != nil {
		return slotOffer{}, err
	}
	if !isOfferSubject(s.worker.queue.service, offered.Subject) {
		offered.Slots = 0
	}
	return offered, nil
}

// isOfferSubject reports whether a subject has the form of an offer for this service.
func isOfferSubject(service, subject string) bool {
	server, n := tokenAt(subject, 2), lastToken(subject)
	return validToken(server) && validToken(n) && subject == offerSubject(service, server, n)
}

// handOver gives the request to the server that has kept a slot for it, as JetStream has delivered it. It reports whether the
// request is that server's now. One that JetStream was not heard of for half an ack wait stays, since the other begins with
// that.
func (c *stray) handOver(subject string) bool {
	c.mu.Lock()
	if c.gone() || c.abandoned != nil || time.Since(c.confirmed) > handOverAge(c.worker) {
		c.mu.Unlock()
		return false
	}
	// The ack subject is a part of the subject, since NATS takes none as a reply subject; a header could be too much for it.
	err := c.worker.run.server.nc.PublishMsg(&nats.Msg{Subject: subject + "." + c.msg.Subject + "." + c.msg.Reply, Header: c.msg.Header, Data: c.msg.Data})
	c.lost = err == nil
	c.mu.Unlock()
	if err != nil {
		c.worker.run.server.logger.Error("natsgrpc: hand a call to another server", "method", c.method, "request", c.id, "error", err)
		return false
	}
	c.worker.run.ledger.remove(c.task)
	c.observed.handedOver()
	return true
}

// handOverAge is how long ago a heartbeat was sent, at most, that JetStream has confirmed, of a request that is handed over.
func handOverAge(w *worker) time.Duration { return w.queue.Consumer.AckWait / 2 }

// over settles a call that waits no longer, and reports whether it did. known is when a server has last said that it knows
// the method; unknown says that none did just now.
func (c *stray) over(known time.Time, unknown bool) bool {
	now := time.Now()
	c.mu.Lock()
	lost, left := c.lost, c.abandoned != nil
	c.mu.Unlock()
	since := c.since
	if known.After(since) {
		since = known
	}
	switch {
	case lost:
		c.worker.run.ledger.remove(c.task)
		c.observed.end(outcome{}, errLost)
	case left:
		c.forget()
		c.observed.end(outcome{}, errUnknownMethod)
	case !c.deadline.IsZero() && !now.Before(c.deadline):
		c.answer(failure(errExpired))
	case unknown && now.Sub(since) >= c.patience:
		c.unimplemented()
	case unknown && c.worker.isStopped(): // a server that stays may wait for one that knows it
		c.giveBack()
		c.worker.run.ledger.remove(c.task)
		c.observed.end(outcome{}, errDrained)
	default:
		return false
	}
	return true
}

// unimplemented answers a call that no server knows.
func (c *stray) unimplemented() {
	c.answer(failure(status.Errorf(codes.Unimplemented, "unknown method %s for service %s", c.name, c.worker.service.descriptor.FullName())))
}

func (c *stray) answer(result outcome) {
	c.failed = nil
	c.observed.end(result, nil)
	c.conclude(result, func() {}) // its slot is free
}

// wireVersion names the version of the wire that a request is in, as one token.
func (t *task) wireVersion() string {
	version := t.msg.Header.Get(headerVersion)
	if version == "" {
		version = wireVersion
	}
	if t.stream {
		version += "-" + t.msg.Header.Get(headerStream)
	}
	return version
}

// knownVersion reports whether this server understands the request's version of the wire.
func (t *task) knownVersion() bool {
	version, stream := t.msg.Header.Get(headerVersion), t.msg.Header.Get(headerStream)
	return (version == "" || version == wireVersion) && (stream == "" || stream == streamVersion)
}
