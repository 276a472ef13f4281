package natsgrpc

import (
	"time"

	"github.com/nats-io/nats.go"
)

// confirmAfter is how long a call that has asked for no PubAck waits for its answer before it does ask: no caller waits much
// longer to hear of a full queue.
const confirmAfter = 30 * time.Millisecond

// trusts reports whether the queue of a call is not asked at first whether it has the request. To a caller who waits for one
// answer its PubAck costs as much as the answer does: a read of the socket, and goroutines that are woken. So a call whose
// method has just answered fast, without a backlog, asks for it when the answer does not come. A query can be published
// again at any time, since the queue holds one message for each id; a command once it has no kept answer, since the queue
// then has it, or has had it within its window of duplicates, or never got it.
func (c *Conn) trusts(p *call, now time.Time) bool {
	if !p.method.prompt.expected(now) {
		return false
	}
	_, backlog := c.queues.of(p.method, p.id).wait(now)
	return !backlog
}

// unconfirmed returns a request that asks for no PubAck.
func unconfirmed(request *nats.Msg) *nats.Msg {
	return &nats.Msg{Subject: request.Subject, Header: request.Header, Data: request.Data}
}
