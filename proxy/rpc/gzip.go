package rpc

import (
	"compress/gzip"
	"io"

	"connectrpc.com/connect"
)

// compressMinBytes is the least size of a response message that is compressed: below it gzip's own 20 bytes and its work
// gain nothing.
const compressMinBytes = 1 << 10

// withGzip compresses for clients that take it, at the fastest level: the proxy's time is everybody's, and the better
// levels make a message of a few kilobytes hardly smaller. Messages of more than maxMessage bytes are refused.
func withGzip(maxMessage int) connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCompressMinBytes(compressMinBytes),
		connect.WithCompression("gzip",
			func() connect.Decompressor { return &gzipReader{max: int64(maxMessage)} },
			func() connect.Compressor {
				w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is a valid one
				return w
			}))
}

// gzipReader decompresses one byte more than a message may have. At that connect refuses the message, but first it reads on
// to say how large it is: a thousand times what was sent.
type gzipReader struct {
	gzip.Reader
	max, left int64
}

// Reset begins to read another message.
func (r *gzipReader) Reset(from io.Reader) error {
	r.left = r.max + 1
	return r.Reader.Reset(from)
}

func (r *gzipReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.Reader.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}
