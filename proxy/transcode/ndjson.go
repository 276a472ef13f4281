package transcode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc/codes"
)

// ndjsonFraming is a line of JSON for each message. An error is the last line.
type ndjsonFraming struct {
	codec     Codec
	mediaType string
}

func (f *ndjsonFraming) contentType([]byte) string { return f.mediaType }

func (f *ndjsonFraming) appendMessage(dst, wire []byte) ([]byte, error) {
	line, err := f.codec.AppendResponse(dst, wire)
	if err != nil {
		return dst, err
	}
	return append(line, '\n'), nil
}

func (*ndjsonFraming) appendEnd(dst []byte) []byte { return dst }

func (*ndjsonFraming) appendError(dst, object []byte) ([]byte, bool) {
	return append(append(dst, object...), '\n'), true
}

// lineBuffer is how much of a body is read at once, in bytes. Longer lines are put together.
const lineBuffer = 32 << 10

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// lineReader cuts a body into lines. A line ends with LF, CRLF or the body; lines of white space are skipped, so that a
// client may send them to keep its connection.
type lineReader struct {
	reader *bufio.Reader
	limit  int64 // of a line, in bytes
	number int   // of the last line, from 1
	long   []byte
}

func newLineReader(body io.Reader, limit int64) *lineReader {
	return &lineReader{reader: bufio.NewReaderSize(body, lineBuffer), limit: limit}
}

// next returns a line, which is valid until the next call, io.EOF, or the body's error, for which a line that has begun
// is dropped.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return nil, err
		}
		if line = bytes.Trim(line, jsonSpace); len(line) > 0 {
			return line, nil
		}
	}
}

// read returns what is left of the body's current line, with io.EOF if the body ends with it.
func (l *lineReader) read() ([]byte, error) {
	l.number++
	l.long = l.long[:0]
	for {
		part, err := l.reader.ReadSlice('\n')
		if int64(len(l.long)+len(bytes.TrimRight(part, "\r\n"))) > l.limit {
			return nil, newHTTPError(http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
				fmt.Sprintf("line %d is larger than %d bytes", l.number, l.limit))
		}
		if err == nil && len(l.long) == 0 {
			return part, nil
		}
		l.long = append(l.long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.long, err
		}
	}
}

// lineError makes an error about a line's message tell the line.
func lineError(number int, err error) error {
	var fault *FieldError
	if !errors.As(err, &fault) {
		return err
	}
	return fieldErrorf(fault.Field, "line %d: %s", number, fault.Description)
}
