package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc/metadata"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

// ErrNoDeadLetter is returned for an id that no dead letter has.
var ErrNoDeadLetter = errors.New("no dead letter with this id")

// DeadLetter is a command whose every attempt failed.
type DeadLetter struct {
	// Service is the service's full name with each dot as "_"; Method is the method's name.
	Service, Method string
	// ID is the call's id.
	ID string
	// Time is when it was given up.
	Time time.Time
	// Attempts is how often it was tried.
	Attempts int
	// Metadata is the caller's.
	Metadata metadata.MD
	// Request is the encoded request message.
	Request []byte

	sequence uint64
	header   nats.Header
	subject  string // of the request
}

// DeadLetters reads and settles the dead letters of all services. It is safe for concurrent use.
type DeadLetters struct {
	domain string // JetStream's, "" for the connection's own
	js     jetstream.JetStream
}

// DeadLettersOption changes what NewDeadLetters makes.
type DeadLettersOption interface{ applyDeadLetters(*DeadLetters) error }

// NewDeadLetters returns the dead letters of the NATS system that nc is connected to.
//
// Errors: an option is wrong.
func NewDeadLetters(nc *nats.Conn, options ...DeadLettersOption) (*DeadLetters, error) {
	d := &DeadLetters{}
	for _, option := range options {
		if err := option.applyDeadLetters(d); err != nil {
			return nil, err
		}
	}
	var err error
	if d.js, err = natsdial.JetStream(nc, d.domain); err != nil {
		return nil, fmt.Errorf("natsgrpc: %w", err)
	}
	return d, nil
}

// deadLetter makes the message that keeps a request which was given up after some attempts.
func deadLetter(request *nats.Msg, service, method, id string, attempts int) *nats.Msg {
	header := nats.Header{headerAttempts: {strconv.Itoa(attempts)}, headerSubject: {request.Subject}}
	for name, values := range request.Header {
		if name != nats.MsgIdHdr && name != headerDeadline {
			header[name] = values
		}
	}
	return &nats.Msg{Subject: deadSubject(service, method, id), Header: header, Data: request.Data}
}

// All yields the dead letters, the oldest first. It ends with an error when JetStream does not answer.
func (d *DeadLetters) All(ctx context.Context) iter.Seq2[*DeadLetter, error] {
	return func(yield func(*DeadLetter, error) bool) {
		stream, err := d.stream(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for next := uint64(1); ; {
			msg, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject("dead.>"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return
			}
			var letter *DeadLetter
			if err == nil {
				next = msg.Sequence + 1
				letter, err = newDeadLetter(msg)
			} else {
				err = fmt.Errorf("natsgrpc: read dead letters: %w", err)
			}
			if !yield(letter, err) || letter == nil {
				return
			}
		}
	}
}

// Get returns the dead letter of a call. Errors: [ErrNoDeadLetter].
func (d *DeadLetters) Get(ctx context.Context, id string) (*DeadLetter, error) {
	if !validToken(id) {
		return nil, fmt.Errorf("natsgrpc: %q: %w", id, ErrNoDeadLetter)
	}
	stream, err := d.stream(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, deadSubject("*", "*", id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("natsgrpc: %q: %w", id, ErrNoDeadLetter)
	}
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: read dead letter: %w", err)
	}
	return newDeadLetter(msg)
}

// Replay puts a dead letter back into its queue, with all its attempts and without a deadline, and removes it. Its answer
// replaces the kept one. A crash in between leaves both, and a second replay is harmless to a service that acts once.
//
// Errors: [ErrNoDeadLetter]; the queue is full or gone.
func (d *DeadLetters) Replay(ctx context.Context, id string) error {
	letter, err := d.Get(ctx, id)
	if err != nil {
		return err
	}
	header := nats.Header{nats.MsgIdHdr: {nuid.Next()}} // the call's own may still be in the window of duplicates
	for name, values := range letter.header {
		if name != headerAttempts && name != headerSubject {
			header[name] = values
		}
	}
	request := &nats.Msg{Subject: letter.subject, Header: header, Data: letter.Request}
	if _, err := d.js.PublishMsg(ctx, request); err != nil {
		return fmt.Errorf("natsgrpc: replay %s: %w", id, err)
	}
	return d.remove(ctx, letter)
}

// Drop removes a dead letter for good. Errors: [ErrNoDeadLetter].
func (d *DeadLetters) Drop(ctx context.Context, id string) error {
	letter, err := d.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := d.remove(ctx, letter); err != nil {
		return err
	}
	freeParts(func(free *nats.Msg) { _ = d.js.Conn().PublishMsg(free) }, letter.Service, letter.header)
	return nil
}

func (d *DeadLetters) remove(ctx context.Context, letter *DeadLetter) error {
	stream, err := d.stream(ctx)
	if err != nil {
		return err
	}
	if err := stream.DeleteMsg(ctx, letter.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("natsgrpc: remove dead letter %s: %w", letter.ID, err)
	}
	return nil
}

func (d *DeadLetters) stream(ctx context.Context) (jetstream.Stream, error) {
	stream, err := d.js.Stream(ctx, deadStream)
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: look up stream %s: %w", deadStream, err)
	}
	return stream, nil
}

// newDeadLetter reads the message "dead.<svc>.<method>.<id>".
func newDeadLetter(msg *jetstream.RawStreamMsg) (*DeadLetter, error) {
	md, err := takeMetadata(msg.Header, prefixMetadata)
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: dead letter %s: %w", msg.Subject, err)
	}
	attempts, err := strconv.Atoi(msg.Header.Get(headerAttempts))
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: dead letter %s: header %s: %w", msg.Subject, headerAttempts, err)
	}
	return &DeadLetter{
		Service:  tokenAt(msg.Subject, 1),
		Method:   tokenAt(msg.Subject, 2),
		ID:       tokenAt(msg.Subject, 3),
		Time:     msg.Time,
		Attempts: attempts,
		Metadata: md,
		Request:  msg.Data,
		sequence: msg.Sequence,
		header:   msg.Header,
		subject:  msg.Header.Get(headerSubject),
	}, nil
}
