package barequeue

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Requester makes calls. There may be several of a kind, each on a connection of its own to the same server. It is safe for
// concurrent use, and ends with its connection.
type Requester struct {
	nc      *nats.Conn
	kind    Kind
	answers string // "<answers of the kind>.<connection>.": where answers to this one come
	pubAcks string // "<inbox>.": where PubAcks come
	next    atomic.Uint64

	mu      sync.Mutex
	waiting map[string]chan []byte // by token
}

// NewRequester returns a requester of a kind that Create has created.
func NewRequester(nc *nats.Conn, kind Kind) (*Requester, error) {
	// The server's number of the connection is shorter than an inbox, and no other connection's to it.
	id, err := nc.GetClientID()
	if err != nil {
		return nil, fmt.Errorf("bare requester: %w", err)
	}
	r := &Requester{
		nc: nc, kind: kind, answers: kind.answers() + strconv.FormatUint(id, 36) + ".", pubAcks: nc.NewInbox() + ".",
		waiting: map[string]chan []byte{},
	}
	if _, err := nc.Subscribe(r.answers+"*", r.onAnswer); err != nil {
		return nil, err
	}
	// The PubAck is not waited for; that the queue takes everything is known here.
	if _, err := nc.Subscribe(r.pubAcks+"*", func(*nats.Msg) {}); err != nil {
		return nil, err
	}
	return r, nil
}

// Call makes one round trip and returns the answer.
func (r *Requester) Call(ctx context.Context, request []byte) ([]byte, error) {
	token := strconv.FormatUint(r.next.Add(1), 36)
	answer := make(chan []byte, 1)
	r.mu.Lock()
	r.waiting[token] = answer
	r.mu.Unlock()
	err := r.nc.PublishMsg(&nats.Msg{
		Subject: r.kind.requests() + token,
		Reply:   r.pubAcks + token,
		Header:  nats.Header{replyTo: {r.answers + token}},
		Data:    request,
	})
	if err != nil {
		r.taken(token)
		return nil, err
	}
	select {
	case data := <-answer:
		return data, nil
	case <-ctx.Done():
		r.taken(token)
		return nil, fmt.Errorf("bare round trip: %w", ctx.Err())
	}
}

func (r *Requester) onAnswer(msg *nats.Msg) {
	if answer := r.taken(msg.Subject[len(r.answers):]); answer != nil {
		answer <- msg.Data
	}
}

// taken removes who waits for an answer and returns where; nil if nobody does.
func (r *Requester) taken(token string) chan []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := r.waiting[token]
	delete(r.waiting, token)
	return answer
}
