package natsgrpc

import (
	"sync"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/mem"
)

// sender is the outgoing direction of one stream. It numbers the frames, and sends messages only as far as the other end
// has given credit. Until the other end is known it keeps the frames: no more than its first credit.
type sender struct {
	nc     *nats.Conn
	reply  string      // where the other end's pings and resets come
	broken func(error) // called, without the lock, when a frame could not be sent

	mu      sync.Mutex
	changed sync.Cond
	subject string   // of the other end, "" until it is known
	backlog [][]byte // frames for then
	number  uint64   // of the last numbered frame
	spent   uint64
	credit  uint64
	closed  error // what sending returns from now on
}

func (s *sender) init(nc *nats.Conn, subject, reply string, broken func(error)) {
	s.nc, s.subject, s.reply, s.broken, s.credit = nc, subject, reply, broken, window
	s.changed.L = &s.mu
}

// message sends a message, in as many frames as it takes, and waits for credit before each.
func (s *sender) message(rest []byte) error {
	chunk := min(maxChunk, max(1, int(s.nc.MaxPayload())-messageHead))
	f := frame{kind: frameMessage, length: len(rest)}
	for first := true; first || len(rest) > 0; first = false {
		f.data = rest[:min(chunk, len(rest))]
		rest = rest[len(f.data):]
		if err := s.send(f, nil); err != nil {
			return err
		}
		f.kind = frameMore
	}
	return nil
}

// send sends a numbered frame when there is credit for it.
func (s *sender) send(f frame, header nats.Header) error {
	s.mu.Lock()
	for s.closed == nil && s.spent+f.cost() > s.credit {
		s.changed.Wait()
	}
	if s.closed != nil {
		defer s.mu.Unlock()
		return s.closed
	}
	s.spent += f.cost()
	err := s.emit(f, header)
	s.mu.Unlock()
	if err != nil {
		err = streamBroken("a frame could not be sent: " + err.Error())
		s.broken(err)
	}
	return err
}

// end sends the last frame, also where messages cannot be sent any more, and closes.
func (s *sender) end(header nats.Header, closed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked(closed)
	return s.emit(frame{kind: frameEnd}, header)
}

// emit numbers a frame and publishes it. Called with the lock held, so that frames leave in the order of their numbers.
func (s *sender) emit(f frame, header nats.Header) error {
	s.number++
	f.number = s.number
	pool := mem.DefaultBufferPool()
	buf := pool.Get(messageHead + len(f.data))
	*buf = f.append((*buf)[:0])
	if s.subject == "" {
		s.backlog = append(s.backlog, *buf)
		return nil
	}
	defer pool.Put(buf) // nats.go has copied it when it returns
	if header == nil {
		return s.nc.Publish(s.subject, *buf)
	}
	return s.nc.PublishMsg(&nats.Msg{Subject: s.subject, Header: header, Data: *buf})
}

// pin names the other end, once, and sends it what was kept for it. It reports whether subject is the pinned one, and
// whether it is since now.
func (s *sender) pin(subject string) (same, now bool) {
	s.mu.Lock()
	if s.subject != "" {
		defer s.mu.Unlock()
		return s.subject == subject, false
	}
	s.subject = subject
	var err error
	for _, kept := range s.backlog {
		if err = s.nc.Publish(subject, kept); err != nil {
			break
		}
	}
	s.backlog = nil
	s.mu.Unlock()
	if err != nil {
		s.broken(streamBroken("a frame could not be sent: " + err.Error()))
	}
	return true, true
}

// pinned returns the subject of the other end, "" while it is not known.
func (s *sender) pinned() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subject
}

// ping tells the other end that this one is alive, how many frames it has sent, and what the other may spend. A lost
// ping is made good by the next.
func (s *sender) ping(credit uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subject != "" {
		_ = s.nc.PublishRequest(s.subject, s.reply, frame{kind: framePing, number: s.number, credit: credit}.append(nil))
	}
}

// reset tells the other end, if it is known, that the stream is over. A lost reset is made good by the answer to the
// other end's next ping.
func (s *sender) reset(header nats.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subject != "" {
		_ = s.nc.PublishMsg(resetMessage(s.subject, s.reply, header))
	}
}

// allow notes the credit that the other end has given in total.
func (s *sender) allow(credit uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if credit > s.credit {
		s.credit = credit
		s.changed.Broadcast()
	}
}

// close lets sending return err from now on. The first call counts.
func (s *sender) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked(err)
}

func (s *sender) closeLocked(err error) {
	if s.closed == nil {
		s.closed = err
		s.changed.Broadcast()
	}
}

// resetMessage is a reset frame with a status.
func resetMessage(subject, reply string, header nats.Header) *nats.Msg {
	return &nats.Msg{Subject: subject, Reply: reply, Header: header, Data: frame{kind: frameReset}.append(nil)}
}
