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
// levels make a message of a few kilobytes hardly smaller.
func withGzip() connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCompressMinBytes(compressMinBytes),
		connect.WithCompression("gzip",
			func() connect.Decompressor { return new(gzip.Reader) },
			func() connect.Compressor {
				w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is a valid one
				return w
			}))
}
