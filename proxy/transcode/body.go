package transcode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// readBody returns the body of a request for a route, empty if it has none. Errors are for the client.
func readBody(w http.ResponseWriter, r *http.Request, found *route, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	// With a length the headers decide before the body is read; without one it may still be empty.
	if r.ContentLength > 0 {
		if err := checkContentType(w, r, found); err != nil {
			return nil, err
		}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // rather than to read the rest
		return nil, bodyTooLarge(limit)
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	if err != nil {
		return nil, readError(err)
	}
	if len(body) == 0 {
		return nil, nil
	}
	if err := checkContentType(w, r, found); err != nil {
		return nil, err
	}
	if !found.binding.HasBody() {
		if !isEmptyJSON(body) {
			return nil, malformed(fieldErrorf("", "%s takes no body", found.binding))
		}
		return nil, nil
	}
	return body, nil
}

// maxBodyPrealloc bounds the memory, in bytes, that a Content-Length reserves before the body has come.
const maxBodyPrealloc = 64 << 10

func readAll(r io.Reader, length int64) ([]byte, error) {
	var buffer bytes.Buffer
	// ReadFrom wants room for the end of the input.
	buffer.Grow(int(min(max(length, 0)+bytes.MinRead, maxBodyPrealloc)))
	_, err := buffer.ReadFrom(r)
	return buffer.Bytes(), err
}

func readError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge(tooLarge.Limit)
	}
	fault := newHTTPError(http.StatusBadRequest, codes.InvalidArgument, "the body cannot be read")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		fault = newHTTPError(http.StatusRequestTimeout, codes.DeadlineExceeded, "the body took too long")
	}
	fault.cause = err
	return fault
}

func bodyTooLarge(limit int64) error {
	return newHTTPError(http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
		fmt.Sprintf("the body is larger than %d bytes", limit))
}

// isEmptyJSON reports whether a body is white space or an empty object, which HTTP libraries send where there is nothing
// to send.
func isEmptyJSON(body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) >= 2 && body[0] == '{' && body[len(body)-1] == '}' {
		body = bytes.TrimSpace(body[1 : len(body)-1])
	}
	return len(body) == 0
}

// checkContentType refuses a compressed body, and one that is not of the route's types in UTF-8. Without the header it is
// refused too: a page of another site may send any text without asking (CORS), but not application/json. The body of an
// HttpBody may be of any type.
func checkContentType(w http.ResponseWriter, r *http.Request, found *route) error {
	if !found.binding.HasBody() {
		return nil
	}
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(encoding, "identity") {
			return unsupportedCoding(w)
		}
	}
	if found.requestBody != nil {
		_, err := rawContentType(r)
		return err
	}
	want := jsonTypes
	if found.desc.ClientStreams {
		want = ndjsonTypes
	}
	values := r.Header.Values("Content-Type")
	if len(values) == 1 {
		mediaType, params, err := mime.ParseMediaType(values[0])
		charset, ok := params["charset"]
		if err == nil && slices.Contains(want, mediaType) && (!ok || strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return unsupportedType(w, r, want...)
}

// The media types of JSON, and of a line of JSON for each message.
var (
	jsonTypes   = []string{contentTypeJSON}
	ndjsonTypes = []string{"application/x-ndjson", "application/ndjson", "application/jsonl"}
)
