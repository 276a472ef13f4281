// Package barequeue is the least that a pulled round trip can be, for measurements beside it: a JetStream work queue,
// coalesced pulls, pipelined PubAcks, explicit acks, no headers but the reply subject. For commands the queue is a file, and
// each answer goes through a stream of its own before its request is acked, as natsgrpc's do. Nothing is retried, and no call
// is told of what fails: its context ends.
package barequeue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Kind is Query or Command.
type Kind string

// The kinds. Queries wait in memory, commands in a file.
const (
	Query   Kind = "query"
	Command Kind = "command"
)

// maxWaiting is how many requests a queue holds.
const maxWaiting = 10_000

// maxAnswers is how many bytes of commands' answers are kept; the oldest leave.
const maxAnswers = 1 << 30

// The names of what a kind has in NATS.
func (k Kind) queue() string              { return "BARE_" + string(k) }
func (k Kind) requests() string           { return "bare." + string(k) + "." }       // and a token
func (k Kind) answers() string            { return "bareanswer." + string(k) + "." } // and a connection and a token
func (k Kind) pulls() string              { return "$JS.API.CONSUMER.MSG.NEXT." + k.queue() + "." + consumer }
func (k Kind) keeps() bool                { return k == Command }
func (k Kind) token(answer string) string { return answer[len(k.answers()):] }

const consumer = "workers"

// Create creates a kind's streams and its consumer, before there are requesters and workers.
func Create(ctx context.Context, js jetstream.JetStream, kind Kind) error {
	queue := jetstream.StreamConfig{
		Name: kind.queue(), Subjects: []string{kind.requests() + ">"}, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, MaxMsgs: maxWaiting, Storage: jetstream.MemoryStorage,
	}
	if kind.keeps() {
		queue.Storage = jetstream.FileStorage
		answers := jetstream.StreamConfig{
			Name: "BARE_answers", Subjects: []string{kind.answers() + ">"}, MaxBytes: maxAnswers, Storage: jetstream.FileStorage,
		}
		if _, err := js.CreateStream(ctx, answers); err != nil {
			return fmt.Errorf("create %s: %w", answers.Name, err)
		}
	}
	if _, err := js.CreateStream(ctx, queue); err != nil {
		return fmt.Errorf("create %s: %w", queue.Name, err)
	}
	workers := jetstream.ConsumerConfig{Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1}
	if _, err := js.CreateConsumer(ctx, queue.Name, workers); err != nil {
		return fmt.Errorf("create %s's consumer: %w", queue.Name, err)
	}
	return nil
}
