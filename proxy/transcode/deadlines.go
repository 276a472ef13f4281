package transcode

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// deadlines moves the deadlines of a request along with what happens on it: those of an http.Server are for whole
// requests, and would cut off a stream. Where a writer has none, as httptest.ResponseRecorder, nothing is limited.
//
// Between two operations there is none: over HTTP/2 a deadline that passes ends the stream even if nobody waits.
type deadlines struct {
	control *http.ResponseController
	idle    time.Duration
}

// none lifts the deadlines of the server.
func (d *deadlines) none() {
	// An error means that there are no deadlines, or no connection any more, which shows when it is used.
	_ = d.control.SetReadDeadline(time.Time{})
	_ = d.control.SetWriteDeadline(time.Time{})
}

// beginWrite gives the client time to take what is written from now on.
func (d *deadlines) beginWrite() { _ = d.control.SetWriteDeadline(time.Now().Add(d.idle)) }

func (d *deadlines) endWrite() { _ = d.control.SetWriteDeadline(time.Time{}) }

// errStopped is the error of a body that nobody wants any more.
var errStopped = errors.New("transcode: reading was stopped")

// timedBody is the body of a request, of which the client has to send some in each idle time while somebody reads.
type timedBody struct {
	deadlines *deadlines
	body      io.ReadCloser

	mu       sync.Mutex
	deadline time.Time // of the read that goes on, or went on last
	stopped  bool
	ended    bool // nothing more can be read
}

// Read returns io.EOF, an error for the client, which is os.ErrDeadlineExceeded when that takes too long, or errStopped after
// stop.
func (b *timedBody) Read(p []byte) (int, error) {
	if !b.begin() {
		return 0, errStopped
	}
	n, err := b.body.Read(p)
	return n, b.end(err)
}

func (b *timedBody) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return false
	}
	b.deadline = time.Now().Add(b.deadlines.idle)
	_ = b.deadlines.control.SetReadDeadline(b.deadline)
	return true
}

func (b *timedBody) end(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = b.ended || err != nil
	switch {
	case !b.stopped:
		// At the end of the body, too: net/http goes on to read, in order to notice that the client leaves.
		_ = b.deadlines.control.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(b.deadline):
		return errStopped // the deadline is that of stop
	}
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return readError(err)
}

// stop ends reading; a read that goes on ends after the time to linger. The first call counts.
func (b *timedBody) stop(linger time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	again := b.stopped
	b.stopped = true
	if again || b.ended { // at the end the deadline would be that of net/http's own read
		return
	}
	if err := b.deadlines.control.SetReadDeadline(time.Now().Add(linger)); errors.Is(err, http.ErrNotSupported) {
		_ = b.body.Close()
	}
}

// atEnd reports whether the body was read to its end.
func (b *timedBody) atEnd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}
