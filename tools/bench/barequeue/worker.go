package barequeue

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// replyTo is the header that says where an answer goes.
const replyTo = "Reply-To"

// pullExpiry is how long a pull waits for requests before the server ends it.
const pullExpiry = 30 * time.Second

// Worker handles requests, one after the other. There may be many of a kind. It ends with its connection.
type Worker struct {
	nc      *nats.Conn
	kind    Kind
	slots   int
	handle  func(request []byte) []byte
	inbox   string
	acks    string // "<inbox>.": where the PubAcks of kept answers come
	handled int    // since the last pull

	mu      sync.Mutex
	unacked map[string]string // the answer's connection and token → the request's ack subject
}

// NewWorker returns a worker of a kind that Create has created. It asks for so many requests at a time, at least 4; those of
// a quarter of them in one pull.
func NewWorker(nc *nats.Conn, kind Kind, slots int, handle func(request []byte) []byte) (*Worker, error) {
	if slots < 4 {
		return nil, fmt.Errorf("%d slots: want at least 4", slots)
	}
	w := &Worker{
		nc: nc, kind: kind, slots: slots, handle: handle, inbox: nc.NewInbox(), acks: nc.NewInbox() + ".", unacked: map[string]string{},
	}
	if _, err := nc.Subscribe(w.acks+">", w.onKept); err != nil {
		return nil, err
	}
	if _, err := nc.Subscribe(w.inbox, w.onRequest); err != nil {
		return nil, err
	}
	return w, w.pull(slots)
}

// onRequest handles one request, and pulls again when a quarter of the slots is free.
func (w *Worker) onRequest(msg *nats.Msg) {
	if msg.Reply == "" { // an expired pull
		var undelivered int
		if _, err := fmt.Sscan(msg.Header.Get("Nats-Pending-Messages"), &undelivered); err == nil {
			_ = w.pull(undelivered)
		}
		return
	}
	to := msg.Header.Get(replyTo)
	answer := w.handle(msg.Data)
	if w.kind.keeps() {
		token := w.kind.token(to)
		w.mu.Lock()
		w.unacked[token] = msg.Reply
		w.mu.Unlock()
		_ = w.nc.PublishMsg(&nats.Msg{Subject: to, Reply: w.acks + token, Data: answer})
	} else {
		_ = w.nc.Publish(to, answer)
		w.ack(msg.Reply)
	}
	if w.handled++; w.handled == w.slots/4 {
		w.handled = 0
		_ = w.pull(w.slots / 4)
	}
}

// onKept acks a request whose answer is in its stream.
func (w *Worker) onKept(msg *nats.Msg) {
	token := msg.Subject[len(w.acks):]
	w.mu.Lock()
	request := w.unacked[token]
	delete(w.unacked, token)
	w.mu.Unlock()
	w.ack(request)
}

func (w *Worker) ack(request string) { _ = w.nc.Publish(request, []byte("+ACK")) }

func (w *Worker) pull(batch int) error {
	request, err := json.Marshal(map[string]any{"batch": batch, "expires": pullExpiry})
	if err != nil {
		return err
	}
	return w.nc.PublishRequest(w.kind.pulls(), w.inbox, request)
}
