package rpc

import (
	"net/http"
	"sync"
	"time"
)

// stall ends the answer of a client that takes nothing of it for a while. It is a timer rather than the deadline that each
// write would set and lift again: over HTTP/2 these go to the goroutine that serves the connection.
type stall struct {
	control *http.ResponseController
	idle    time.Duration
	timer   *time.Timer

	mu      sync.Mutex
	writing bool
}

func newStall(control *http.ResponseController, idle time.Duration) *stall {
	s := &stall{control: control, idle: idle}
	s.timer = time.AfterFunc(idle, s.expire)
	s.timer.Stop()
	return s
}

func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = true
	s.timer.Reset(s.idle)
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.timer.Stop()
}

// expire fails the write that goes on. Without one the handler may have ended, and its writer with it.
func (s *stall) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		_ = s.control.SetWriteDeadline(time.Unix(1, 0))
	}
}
