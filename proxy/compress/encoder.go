package compress

import (
	"bytes"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// windowSize is how far back zstd looks, in bytes. It bounds the memory at both ends; few answers are larger.
	windowSize = 128 << 10
	// keepSize bounds the buffers that are kept for later answers, in bytes.
	keepSize = 256 << 10
)

// encoder encodes whole bodies. It is safe for concurrent use.
type encoder struct {
	gzip sync.Pool // of *gzip.Writer
	zstd *zstd.Encoder
	// buffers are what bodies are encoded into.
	buffers sync.Pool // of *bytes.Buffer
}

func newEncoder(gzipLevel int, zstdLevel zstd.EncoderLevel) *encoder {
	// Without a writer, and with valid options, neither fails.
	z, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(windowSize),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)))
	return &encoder{
		gzip: sync.Pool{New: func() any {
			w, _ := gzip.NewWriterLevel(nil, gzipLevel)
			return w
		}},
		zstd:    z,
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

// encode returns the encoded data in a buffer, which is to be released.
func (e *encoder) encode(coding Coding, data []byte) *bytes.Buffer {
	b := e.buffers.Get().(*bytes.Buffer)
	b.Reset()
	switch coding {
	case Zstd:
		*b = *bytes.NewBuffer(e.zstd.EncodeAll(data, b.AvailableBuffer()))
	case Gzip:
		w := e.gzip.Get().(*gzip.Writer)
		w.Reset(b)
		// A buffer takes everything.
		_, _ = w.Write(data)
		_ = w.Close()
		w.Reset(nil)
		e.gzip.Put(w)
	case Identity:
		b.Write(data)
	}
	return b
}

func (e *encoder) release(b *bytes.Buffer) {
	if b.Cap() <= keepSize {
		e.buffers.Put(b)
	}
}
