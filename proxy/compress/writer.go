package compress

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// maxGathered bounds what is gathered of an answer that is written in parts, in bytes. One that is larger goes out as it
// is, unless it is written at once: then it is in memory anyway.
const maxGathered = 4 << 20

// writer encodes an answer once all of it has been written.
type writer struct {
	http.ResponseWriter
	encoder *encoder
	coding  Coding
	head    bool
	minSize int

	status   int // 0 before WriteHeader
	size     int // the Content-Length, while the answer is to be encoded
	gathered []byte
	plain    bool // the header is out, and what is written goes out as it is
}

// WriteHeader holds the header back while it is open whether the answer is encoded.
func (w *writer) WriteHeader(status int) {
	if w.plain || status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return // net/http would log it, but does not see it
	}
	w.status = status
	w.size = w.encodable()
	if w.size > 0 && w.head {
		w.Header().Del("Content-Length")
		weakenETag(w.Header())
	}
	if w.size == 0 || w.head {
		_ = w.sendPlain() // nothing is gathered yet, so nothing fails
	}
}

// encodable returns the size of an answer that can be encoded, or 0.
func (w *writer) encodable() int {
	header := w.Header()
	switch {
	case w.status == http.StatusNoContent, w.status == http.StatusNotModified, w.status == http.StatusPartialContent,
		len(header["Content-Encoding"]) > 0, len(header["Content-Range"]) > 0, len(header["Content-Length"]) == 0,
		!isText(header.Get("Content-Type")), strings.Contains(header.Get("Cache-Control"), "no-transform"):
		return 0
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil || size < w.minSize {
		return 0
	}
	return size
}

// Write encodes and sends the answer when data completes it.
func (w *writer) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.plain:
		return w.ResponseWriter.Write(data)
	case len(w.gathered) == 0 && len(data) == w.size:
		return len(data), w.sendEncoded(data)
	case w.size > maxGathered || len(w.gathered)+len(data) > w.size: // net/http has an error for too much
		if err := w.sendPlain(); err != nil {
			return 0, err
		}
		return w.ResponseWriter.Write(data)
	}
	if w.gathered == nil {
		w.gathered = make([]byte, 0, w.size)
	}
	if w.gathered = append(w.gathered, data...); len(w.gathered) < w.size {
		return len(data), nil
	}
	return len(data), w.sendEncoded(w.gathered)
}

// sendEncoded sends a whole answer.
func (w *writer) sendEncoded(data []byte) error {
	encoded := w.encoder.encode(w.coding, data)
	defer w.encoder.release(encoded)
	// With a least size of 1 the client refuses anything else.
	if encoded.Len() < len(data) || w.minSize == 1 {
		header := w.Header()
		header.Set("Content-Encoding", string(w.coding))
		header.Set("Content-Length", strconv.Itoa(encoded.Len()))
		header.Del("Accept-Ranges")
		weakenETag(header)
		data = encoded.Bytes()
	}
	w.gathered = nil
	if err := w.sendPlain(); err != nil {
		return err
	}
	_, err := w.ResponseWriter.Write(data)
	return err
}

// sendPlain sends the header and what is gathered, and lets through what follows.
func (w *writer) sendPlain() error {
	w.plain = true
	w.ResponseWriter.WriteHeader(w.status)
	if len(w.gathered) == 0 {
		return nil
	}
	_, err := w.ResponseWriter.Write(w.gathered)
	w.gathered = nil
	return err
}

// end sends what the handler has left to its end: the header of an answer to HEAD, or an answer that is shorter than its
// header says. An error means that the client has left.
func (w *writer) end() {
	if w.status == 0 && w.head {
		w.WriteHeader(http.StatusOK)
	}
	if w.status != 0 && !w.plain {
		_ = w.sendPlain()
	}
}

// FlushError sends what has been written, as it is.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var err error
	if !w.plain {
		err = w.sendPlain()
	}
	return errors.Join(err, http.NewResponseController(w.ResponseWriter).Flush())
}

// Flush sends what has been written, as it is.
func (w *writer) Flush() {
	// An error means that the client has left, which shows in the next Write.
	_ = w.FlushError()
}

// Unwrap lets http.ResponseController through.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// weakenETag makes the ETag of an answer one of all its codings.
func weakenETag(header http.Header) {
	if tag := header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		header.Set("ETag", "W/"+tag)
	}
}
