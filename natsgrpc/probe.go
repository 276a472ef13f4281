package natsgrpc

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
)

const (
	// probeAfter is how long a call waits for its answer before it asks whether its service has any server.
	probeAfter = 500 * time.Millisecond
	// probeInterval is how often it asks again, all calls of one service together.
	probeInterval = 500 * time.Millisecond
	// aliveGrace is how long a service that was heard of may be silent: its servers may be reconnecting, or its only one
	// restarts. It is half of the default timeout, so that calls with that are told NO_WORKERS before their time is over.
	aliveGrace = defaultTimeout / 2
	// probeToken begins the last token of the subjects on which servers answer to probes; the service follows.
	probeToken = "~"
)

// liveness is what a Conn knows of the servers of the services that it calls.
type liveness struct {
	mu       sync.Mutex
	services map[string]*life // by the service's subject token
}

// life is when a service was asked for, and when it was heard of.
type life struct {
	asked, heard time.Time
}

// of returns what is known of a service. Called with the lock held.
func (l *liveness) of(service string) *life {
	known := l.services[service]
	if known == nil {
		known = &life{}
		if l.services == nil {
			l.services = map[string]*life{}
		}
		l.services[service] = known
	}
	return known
}

// ask reports whether it is time to ask whether a service has a server.
func (l *liveness) ask(service string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.of(service)
	if now.Sub(known.asked) < probeInterval {
		return false
	}
	known.asked = now
	return true
}

// answered notes that a service has answered a call, or lives at the other end of a stream.
func (l *liveness) answered(service string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(service).heard = now
}

// told notes the answer. It reports whether the service has no server and is not expected to have one soon.
func (l *liveness) told(service string, alive bool, now time.Time) (gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.services[service]
	switch {
	case known == nil: // nobody asked
		return false
	case alive:
		known.heard = now
		return false
	}
	return now.Sub(known.heard) > aliveGrace
}

// probe asks the servers of a method's service whether there are any, unless it may have none or was asked just now.
func (c *Conn) probe(m *method) {
	if m.scaleToZero || !c.nc.IsConnected() || !c.lives.ask(m.service, time.Now()) {
		return
	}
	c.writer.publish(&nats.Msg{Subject: aliveSubject(m.service), Reply: c.inbox + probeToken + m.service})
}

// onProbe takes the answer of a server, or NATS's word that there is none.
func (c *Conn) onProbe(service string, msg *nats.Msg) {
	alive := msg.Header.Get(statusHeader) != noResponders
	if c.lives.told(service, alive, time.Now()) {
		c.calls.refuse(service, errNoWorkers)
	}
}

// errNoWorkers is the error of calls that wait for a service which has no server.
var errNoWorkers = errorWithReason(codes.Unavailable, ReasonNoWorkers, "natsgrpc: no server of the service is running")
