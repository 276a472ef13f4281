package rpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// body is the body of a request. Its errors end up in front of the client, so they do not name the server's addresses, as
// those of the network do.
type body struct{ io.ReadCloser }

var errUnreadable = errors.New("the request cannot be read")

func (b body) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &tooLarge):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, fmt.Errorf("the request took too long to arrive: %w", os.ErrDeadlineExceeded)
	}
	return n, errUnreadable
}
