package transcode

import (
	"errors"
	"io"
	"net/http"

	"google.golang.org/grpc"
)

// upload sends the body of a request as the messages of a call: an NDJSON body line by line, that of an HttpBody in chunks.
// It reads no further than the call takes messages.
type upload struct {
	body *timedBody
	next func() ([]byte, error) // returns the wire form of the next message, or io.EOF
	call *streamCall
	done chan struct{}
	err  error // after done: why the body was not sent, nil where the call did not want it any more
}

// uploadError is why a call is cancelled whose body cannot be sent.
type uploadError struct{ err error }

func (e *uploadError) Error() string { return e.err.Error() }

func (e *uploadError) Unwrap() error { return e.err }

// newUpload prepares the upload of a request. Each message has the parameters of the path and the query.
func newUpload(s *streamCall, params []Param) (*upload, error) {
	if s.r.ContentLength != 0 {
		if err := checkContentType(s.w, s.r, s.route); err != nil {
			return nil, err
		}
	}
	// Without it net/http would read the body before it answers. HTTP/2 is always full duplex, others are on their own.
	_ = s.deadlines.control.EnableFullDuplex()
	body := s.r.Body
	if body == nil {
		body = http.NoBody
	}
	u := &upload{
		body: &timedBody{deadlines: &s.deadlines, body: body},
		call: s,
		done: make(chan struct{}),
	}
	var err error
	if s.route.requestBody != nil {
		u.next, err = u.chunks(params)
	} else {
		u.next = u.lines(params)
	}
	return u, err
}

func (u *upload) lines(params []Param) func() ([]byte, error) {
	lines := newLineReader(u.body, u.call.handler.options.maxBody)
	return func() ([]byte, error) {
		line, err := lines.next()
		if err != nil {
			return nil, err
		}
		wire, err := u.call.route.request(Input{Body: line, Params: params}, "")
		if err != nil {
			return nil, lineError(lines.number, err)
		}
		return wire, nil
	}
}

func (u *upload) chunks(params []Param) (func() ([]byte, error), error) {
	contentType, err := rawContentType(u.call.r)
	if err != nil {
		return nil, err
	}
	chunks := &chunkReader{body: u.body}
	return func() ([]byte, error) {
		chunk, err := chunks.next()
		if err != nil {
			return nil, err
		}
		return u.call.route.request(Input{Body: chunk, Params: params}, contentType)
	}, nil
}

// run sends the body, and cancels the call if that fails.
func (u *upload) run() {
	defer close(u.done)
	if u.err = u.send(u.call.stream); u.err != nil {
		u.call.cancel(&uploadError{u.err})
	}
}

func (u *upload) send(stream grpc.ClientStream) error {
	for {
		message, err := u.next()
		if errors.Is(err, io.EOF) {
			return stream.CloseSend()
		}
		if errors.Is(err, errStopped) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil // the call has ended; receiving tells how
			}
			return err
		}
	}
}
