package compress

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Document serves bytes that do not change, in any coding, as GET and HEAD want them: what other methods get is its caller's to say. Each coding has a strong ETag of its own, so
// that conditional requests and ranges are right with each. It is encoded, as well as that can be, when it is first asked
// for in a coding.
type Document struct {
	header          http.Header
	representations map[Coding]func() representation
}

// representation is a document in a coding.
type representation struct {
	data []byte
	etag string
}

// NewDocument returns a document that is answered with a header, to which ETag, Vary, and what tells of the coding, are
// added. Neither argument may be changed any more.
func NewDocument(header http.Header, data []byte) *Document {
	d := &Document{header: header, representations: map[Coding]func() representation{}}
	for _, coding := range codings {
		d.representations[coding] = sync.OnceValue(func() representation { return newRepresentation(coding, data) })
	}
	return d
}

func newRepresentation(coding Coding, data []byte) representation {
	if coding != Identity {
		// Its memory goes with it: few documents are encoded, and each once.
		data = newEncoder(gzip.BestCompression, zstd.SpeedBetterCompression).encode(coding, data).Bytes()
	}
	sum := sha256.Sum256(data)
	return representation{data: data, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// ServeHTTP answers a request, also with 304, 206 and 416 to those that are conditional or for a range.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	for name, values := range d.header {
		header[name] = values
	}
	coding, _ := Negotiate(r.Header)
	answer := d.representations[coding]()
	header.Add("Vary", "Accept-Encoding")
	header.Set("ETag", answer.etag)
	if coding != Identity {
		header.Set("Content-Encoding", string(coding))
		header.Set("Content-Length", strconv.Itoa(len(answer.data))) // http.ServeContent leaves it to who encodes
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(answer.data))
}
