package rpc

import (
	"context"
	"net/http"
	"time"
)

// response notes the status of an answer, and can be flushed as connect wants it, whatever is wrapped around the
// server's own writer.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int // 0 before the header is written
	// stall is nil but for streams, and end zero but for those with a deadline: when the last of the answer must be written.
	stall *stall
	end   time.Time
}

func newResponse(w http.ResponseWriter) *response {
	return &response{ResponseWriter: w, control: http.NewResponseController(w)}
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.stall != nil {
		w.stall.begin()
		defer w.stall.end()
	}
	return w.ResponseWriter.Write(data)
}

// Flush sends what has been written. That the client has left shows in the next Write.
func (w *response) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.stall != nil {
		w.stall.begin()
		defer w.stall.end()
	}
	_ = w.control.Flush()
}

// Unwrap lets http.ResponseController through.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// defaultTrailerGrace is how long the end of a stream may take to be written after its deadline.
const defaultTrailerGrace = 10 * time.Second

// untilEnd replaces the timeouts of the server by those of a stream: a client may be silent for as long as it likes, and
// one that does not read holds the stream no longer than the idle time, and its deadline and the grace.
func (w *response) untilEnd(ctx context.Context, idle, grace time.Duration) {
	if end, limited := ctx.Deadline(); limited {
		w.end = end.Add(grace)
	}
	w.stall = newStall(w.control, idle)
	// A writer without deadlines needs none changed.
	_ = w.control.SetReadDeadline(time.Time{})
	_ = w.control.SetWriteDeadline(w.end)
}

// finish gives the client of a stream time to take what net/http still has in its buffers.
func (w *response) finish() {
	if w.stall == nil {
		return
	}
	if idle := time.Now().Add(w.stall.idle); w.end.IsZero() || idle.Before(w.end) {
		_ = w.control.SetWriteDeadline(idle)
	}
}
