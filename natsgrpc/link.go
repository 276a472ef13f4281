package natsgrpc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
)

const (
	// heartbeatInterval is how often an end of a stream tells the other that it is alive.
	heartbeatInterval = 1500 * time.Millisecond
	// silenceLimit is how long an end waits for a sign of life: three heartbeats, and the default ack wait.
	silenceLimit = 5 * time.Second
	// heartTick is how often the streams are looked at; a fraction of the above.
	heartTick = 250 * time.Millisecond
)

// ReasonStreamBroken goes with UNAVAILABLE: frames of a stream were lost, or its other end has gone.
const ReasonStreamBroken = "STREAM_BROKEN"

// streamBroken is the error of a stream whose frames do not all arrive.
func streamBroken(what string) error {
	return errorWithReason(codes.Unavailable, ReasonStreamBroken, "natsgrpc: the stream is broken: "+what)
}

// link is one end of a stream: its two directions and what is known of the other end's life.
type link struct {
	in     receiver
	out    sender
	broken func(error) // ends the stream

	heard atomic.Bool // since the last look

	// of the heart only
	alive time.Time // when something was heard
	beat  time.Time // when the last heartbeat was sent
}

// newLink makes an end that sends to subject, "" where it is not known yet, and that the other end reaches at reply.
// When the stream cannot go on it calls broken, which may be more than once.
func newLink(nc *nats.Conn, subject, reply string, broken func(error)) *link {
	l := &link{broken: broken}
	l.out.init(nc, subject, reply, broken)
	l.in.init(l.out.ping)
	return l
}

// take does with a frame what both ends do. An error means that the stream is broken.
func (l *link) take(f frame) error {
	l.heard.Store(true)
	if err := l.in.take(f); err != nil {
		return err
	}
	if f.kind == framePing {
		l.out.allow(f.credit)
	}
	return nil
}

// look sends a heartbeat when it is due and breaks the stream when the other end is silent.
func (l *link) look(now time.Time) {
	if l.heard.Swap(false) {
		l.alive = now
	}
	if now.Sub(l.alive) > silenceLimit {
		l.broken(streamBroken("nothing was heard of the other end for " + silenceLimit.String()))
		return
	}
	if now.Sub(l.beat) >= heartbeatInterval {
		l.beat = now
		l.out.ping(l.in.granted())
	}
}

// heart beats for all streams of one connection or server. It has a goroutine while there are any.
type heart struct {
	mu     sync.Mutex
	links  map[*link]struct{}
	stop   chan struct{} // of the running goroutine, nil if there is none
	closed bool
	loop   sync.WaitGroup
}

// add begins the heartbeats of a stream that both ends know.
func (h *heart) add(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	l.alive, l.beat = time.Now(), time.Now()
	if h.links == nil {
		h.links = map[*link]struct{}{}
	}
	h.links[l] = struct{}{}
	if h.stop == nil {
		stop := make(chan struct{})
		h.stop = stop
		h.loop.Go(func() { h.run(stop) })
	}
}

// remove ends them.
func (h *heart) remove(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.links, l)
	if len(h.links) == 0 {
		h.halt()
	}
}

// close ends all, and returns when the goroutine has ended.
func (h *heart) close() {
	h.mu.Lock()
	h.closed = true
	h.halt()
	h.mu.Unlock()
	h.loop.Wait()
}

func (h *heart) halt() {
	if h.stop != nil {
		close(h.stop)
		h.stop = nil
	}
}

func (h *heart) run(stop <-chan struct{}) {
	tick := time.NewTicker(heartTick)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			for _, l := range h.snapshot(stop) {
				l.look(now)
			}
		}
	}
}

// snapshot returns the streams for the goroutine that stop ends; none when it has been ended: another one may have begun,
// and both a tick and the end may be there to be received.
func (h *heart) snapshot(stop <-chan struct{}) []*link {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != stop {
		return nil
	}
	links := make([]*link, 0, len(h.links))
	for l := range h.links {
		links = append(links, l)
	}
	return links
}
