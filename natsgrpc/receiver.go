package natsgrpc

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// receiver is the incoming direction of one stream. It checks that no frame is missing, holds what the application has
// not read yet, and gives the sender credit as it reads. It never holds more than the window.
type receiver struct {
	grant func(credit uint64) // tells the sender what it may spend in total

	mu      sync.Mutex
	changed sync.Cond
	frames  []frame // messages and their continuations, from head on
	head    int
	number  uint64 // of the last numbered frame
	missing int    // bytes of the last message that have not come
	spent   uint64 // by the sender, in total
	read    uint64 // by the application, in total
	credit  uint64 // that the sender has, in total
	end     error  // what follows the frames; nil while more may come
}

func (r *receiver) init(grant func(uint64)) {
	r.grant, r.credit = grant, window
	r.changed.L = &r.mu
}

// take notes a frame. An error means that the stream is broken.
func (r *receiver) take(f frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.kind == framePing {
		if f.number != r.number {
			return streamBroken(fmt.Sprintf("the other end has sent %d frames, of which %d came", f.number, r.number))
		}
		return nil
	}
	if f.number != r.number+1 {
		return streamBroken(fmt.Sprintf("frame %d came after frame %d", f.number, r.number))
	}
	r.number++
	switch f.kind {
	case frameMessage:
		if r.missing > 0 {
			return streamBroken("a message began within another")
		}
		r.missing = f.length
	case frameEnd:
		if r.missing > 0 {
			return streamBroken("the stream ended within a message")
		}
	default: // allowed anywhere
	}
	if f.cost() == 0 {
		return nil
	}
	if r.missing -= len(f.data); r.missing < 0 {
		return streamBroken("a message is longer than announced")
	}
	if r.spent += f.cost(); r.spent > r.credit {
		return streamBroken("the other end has sent more than its credit")
	}
	if r.end == nil {
		r.frames = append(r.frames, f)
		r.changed.Signal()
	}
	return nil
}

// message returns the next message, or what ended the stream: io.EOF where the sender has closed it.
func (r *receiver) message(limit int) ([]byte, error) {
	f, err := r.next()
	if err != nil {
		return nil, err
	}
	if f.length > limit {
		return nil, status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", f.length, limit)
	}
	message := f.data
	if len(f.data) < f.length {
		message = append(make([]byte, 0, f.length), f.data...)
	}
	for missing := f.length - len(f.data); missing > 0; missing -= len(f.data) {
		if f, err = r.next(); err != nil {
			if errors.Is(err, io.EOF) { // take lets no stream end within a message
				err = status.Error(codes.Internal, io.ErrUnexpectedEOF.Error())
			}
			return nil, err
		}
		message = append(message, f.data...)
	}
	return message, nil
}

// next waits for a frame and gives the sender its credit back, a quarter of the window at a time.
func (r *receiver) next() (frame, error) {
	r.mu.Lock()
	for r.head == len(r.frames) && r.end == nil {
		r.changed.Wait()
	}
	if r.head == len(r.frames) {
		defer r.mu.Unlock()
		return frame{}, r.end
	}
	f := r.frames[r.head]
	r.frames[r.head] = frame{}
	if r.head++; r.head == len(r.frames) {
		r.frames, r.head = r.frames[:0], 0
	}
	r.read += f.cost()
	credit := r.read + window
	due := credit-r.credit >= window/4 && r.end == nil
	if due {
		r.credit = credit
	}
	r.mu.Unlock()
	if due {
		r.grant(credit)
	}
	return f, nil
}

// finish says what follows the frames that have come. The first call counts.
func (r *receiver) finish(end error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end = end
		r.changed.Broadcast()
	}
}

// abort drops the frames that have come. What follows stays what finish said, if it was called.
func (r *receiver) abort(end error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil || errors.Is(r.end, io.EOF) {
		r.end = end
	}
	r.frames, r.head = nil, 0
	r.changed.Broadcast()
}

// granted returns the credit that the sender has in total.
func (r *receiver) granted() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.credit
}
