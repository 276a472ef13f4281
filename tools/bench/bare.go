package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// slots is how many requests each worker has in hand at once: natsgrpc's default.
const slots = 16

// bare is the least that a pulled round trip can be: a work queue, one requester connection, one worker connection,
// coalesced pulls, pipelined PubAcks, explicit acks, no headers but the reply subject. With keep each answer goes
// through a stream of its own before the request is acked, as natsgrpc's commands do.
type bare struct {
	requester, worker *nats.Conn
	kind              string
	keep              bool

	next    atomic.Uint64
	mu      sync.Mutex
	waiting map[string]chan struct{}

	pubAcks                  string // "<inbox>.": where the requester's PubAcks come
	pullSubject, inbox, acks string
	handled                  int
	unacked                  map[string]string // the answer's token → the request's ack subject
}

func newBare(ctx context.Context, kind string, requester, worker *nats.Conn) (*bare, error) {
	b := &bare{
		requester: requester, worker: worker, kind: kind, keep: kind == "command",
		waiting: map[string]chan struct{}{}, unacked: map[string]string{},
	}
	js, err := jetstream.New(worker)
	if err != nil {
		return nil, err
	}
	queue := jetstream.StreamConfig{
		Name: "BARE_" + kind, Subjects: []string{"bare." + kind + ".>"}, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, MaxMsgs: 10_000, Storage: jetstream.MemoryStorage,
	}
	if b.keep {
		queue.Storage = jetstream.FileStorage
		answers := jetstream.StreamConfig{
			Name: "BARE_answers", Subjects: []string{"bareanswer.>"}, MaxBytes: 1 << 30, Storage: jetstream.FileStorage,
		}
		if _, err := js.CreateStream(ctx, answers); err != nil {
			return nil, err
		}
	}
	if _, err := js.CreateStream(ctx, queue); err != nil {
		return nil, err
	}
	consumer := jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1}
	if _, err := js.CreateConsumer(ctx, queue.Name, consumer); err != nil {
		return nil, err
	}
	b.pullSubject = "$JS.API.CONSUMER.MSG.NEXT." + queue.Name + ".workers"
	b.inbox = worker.NewInbox()
	b.pubAcks = requester.NewInbox() + "."
	b.acks = worker.NewInbox() + "."
	answers := "bareanswer." + kind + ".*"
	if _, err := requester.Subscribe(answers, b.onAnswer); err != nil {
		return nil, err
	}
	// The PubAck is not waited for; that the queue takes everything is known here.
	if _, err := requester.Subscribe(b.pubAcks+"*", func(*nats.Msg) {}); err != nil {
		return nil, err
	}
	if _, err := worker.Subscribe(b.acks+"*", b.onKept); err != nil {
		return nil, err
	}
	if _, err := worker.Subscribe(b.inbox, b.onRequest); err != nil {
		return nil, err
	}
	return b, b.pull(slots)
}

// call makes one round trip.
func (b *bare) call(ctx context.Context, payload []byte) error {
	token := strconv.FormatUint(b.next.Add(1), 36)
	done := make(chan struct{})
	b.mu.Lock()
	b.waiting[token] = done
	b.mu.Unlock()
	err := b.requester.PublishMsg(&nats.Msg{
		Subject: "bare." + b.kind + "." + token,
		Reply:   b.pubAcks + token,
		Header:  nats.Header{"Reply-To": {"bareanswer." + b.kind + "." + token}},
		Data:    payload,
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("bare round trip: %w", ctx.Err())
	}
}

func (b *bare) onAnswer(msg *nats.Msg) {
	token := msg.Subject[len("bareanswer."+b.kind+"."):]
	b.mu.Lock()
	done := b.waiting[token]
	delete(b.waiting, token)
	b.mu.Unlock()
	if done != nil {
		close(done)
	}
}

// onRequest handles one request, and pulls again when a quarter of the slots is free.
func (b *bare) onRequest(msg *nats.Msg) {
	if msg.Reply == "" { // an expired pull
		var undelivered int
		if _, err := fmt.Sscan(msg.Header.Get("Nats-Pending-Messages"), &undelivered); err == nil {
			_ = b.pull(undelivered)
		}
		return
	}
	to := msg.Header.Get("Reply-To")
	if b.keep {
		token := to[len("bareanswer."+b.kind+"."):]
		b.mu.Lock()
		b.unacked[token] = msg.Reply
		b.mu.Unlock()
		_ = b.worker.PublishMsg(&nats.Msg{Subject: to, Reply: b.acks + token, Data: msg.Data})
	} else {
		_ = b.worker.Publish(to, msg.Data)
		_ = b.worker.Publish(msg.Reply, []byte("+ACK"))
	}
	if b.handled++; b.handled == slots/4 {
		b.handled = 0
		_ = b.pull(slots / 4)
	}
}

// onKept acks a request whose answer is in its stream.
func (b *bare) onKept(msg *nats.Msg) {
	token := msg.Subject[len(b.acks):]
	b.mu.Lock()
	ack := b.unacked[token]
	delete(b.unacked, token)
	b.mu.Unlock()
	_ = b.worker.Publish(ack, []byte("+ACK"))
}

func (b *bare) pull(batch int) error {
	request, err := json.Marshal(map[string]any{"batch": batch, "expires": 30 * time.Second})
	if err != nil {
		return err
	}
	return b.worker.PublishRequest(b.pullSubject, b.inbox, request)
}
