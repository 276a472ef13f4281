package faults

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/server"
)

// The frames of HTTP/2 (RFC 9113, section 6).
const (
	frameHeaders      = 0x1
	frameRST          = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameContinuation = 0x9
	endStream         = 0x1
	endHeaders        = 0x4
)

// frame returns a frame.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	data := make([]byte, 3, 9+len(payload))
	data[0], data[1], data[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	data = binary.BigEndian.AppendUint32(append(data, kind, flags), stream)
	return append(data, payload...)
}

// preface is how a connection of HTTP/2 begins.
func preface() []byte {
	return append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0, nil)...)
}

// getHeaders is a GET of a user that takes its time, in HPACK: by the static table, and two literals.
func getHeaders() []byte {
	const path, authority = "/api/users/slow", "x"
	block := []byte{0x82, 0x86, 0x04, byte(len(path))} // :method GET, :scheme http, :path
	block = append(block, path...)
	block = append(block, 0x01, byte(len(authority))) // :authority
	return append(block, authority...)
}

// goAway reads frames until the server closes the connection, and returns the error code of its last GOAWAY, and false if it
// sent none.
func goAway(t *testing.T, conn net.Conn) (code uint32, ok bool) {
	t.Helper()
	reader := bufio.NewReader(conn)
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(reader, head); err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
			return code, ok
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(reader, payload); err != nil {
			return code, ok
		}
		if head[3] == frameGoAway {
			code, ok = binary.BigEndian.Uint32(payload[4:]), true
		}
	}
}

// The error codes with which the server ends a connection (RFC 9113, section 7).
const (
	protocolError  = 0x1
	frameSizeError = 0x6
	enhanceCalm    = 0xb
)

// TestRapidReset begins calls and cancels each at once. They end as fast as they come, so the server has no reason to give up
// the connection; if it falls behind by four times the streams that it allows, it does. At no time do more run than that.
func TestRapidReset(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	var running, most atomic.Int64
	w.users.get = func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		if r.GetName() != "users/slow" {
			return &ratingv1.User{Name: r.GetName()}, nil
		}
		now := running.Add(1)
		defer running.Add(-1)
		for before := most.Load(); before < now && !most.CompareAndSwap(before, now); before = most.Load() {
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	flood := func() {
		conn := w.dial()
		_, err := conn.Write(preface())
		require.NoError(t, err)
		done := make(chan int, 1)
		go func() {
			for n := range many(5000) {
				stream := uint32(2*n + 1)
				request := append(frame(frameHeaders, endHeaders|endStream, stream, getHeaders()), frame(frameRST, 0, stream, []byte{0, 0, 0, 8})...)
				if _, err := conn.Write(request); err != nil {
					done <- n
					return
				}
			}
			done <- many(5000)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		code, ok := goAway(t, conn)
		t.Logf("sent %d calls; GOAWAY %v with code %d", receive(t, "the end of the flood", done), ok, code)
		if ok && code != 0 {
			require.EqualValues(t, enhanceCalm, code)
		}
	}
	w.requireHealthy()
	flood()
	w.requireQuiet(math.MaxInt)
	before, heap := runtime.NumGoroutine(), liveHeap()
	flood()
	w.requireQuiet(before + slots) // the service keeps those of its slots
	require.Eventually(t, func() bool { return running.Load() == 0 }, soon, time.Millisecond)
	t.Logf("at most %d ran at a time", most.Load())
	require.LessOrEqual(t, most.Load(), int64(slots))
	w.users.take()
	require.Less(t, liveHeap(), heap+8<<20)
	w.requireHealthy()
}

// TestHTTP2Floods sends cheap frames without end. The server gives up the connection, and nothing of it is left.
func TestHTTP2Floods(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	w.requireHealthy()
	tests := []struct {
		name string
		// next returns what to send n-th, without end.
		next func(n int) []byte
		// deaf is a client that does not read what it is answered.
		deaf bool
		want uint32 // the code, if there is a last word
	}{
		{"continuation", func(n int) []byte {
			if n == 0 {
				return frame(frameHeaders, endStream, 1, getHeaders())
			}
			return frame(frameContinuation, 0, 1, literal("x-a", 1000))
		}, false, protocolError},
		{"a large frame", func(int) []byte { return frame(frameHeaders, 0, 1, make([]byte, 32<<10)) }, false, frameSizeError},
		{"ping", func(int) []byte { return frame(framePing, 0, 0, make([]byte, 8)) }, true, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, heap := runtime.NumGoroutine(), liveHeap()
			conn := w.dial()
			_, err := conn.Write(preface())
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() {
				var err error
				for n := 0; err == nil; n++ {
					_, err = conn.Write(test.next(n))
				}
				done <- err
			}()
			if !test.deaf {
				if code, ok := goAway(t, conn); ok {
					require.Equal(t, test.want, code)
				}
			}
			require.NotErrorIs(t, receive(t, "the end of the flood", done), os.ErrDeadlineExceeded)
			require.NoError(t, conn.Close())
			w.requireQuiet(before)
			require.Less(t, liveHeap(), heap+8<<20)
			w.requireHealthy()
		})
	}
}

// literal returns a header in HPACK that is not indexed, with a value of at least 127 bytes.
func literal(name string, length int) []byte {
	block := append([]byte{0, byte(len(name))}, name...)
	block = append(block, 0x7f) // 127 and what follows, in pieces of 7 bits, the lowest first
	rest := length - 127
	for ; rest >= 1<<7; rest >>= 7 {
		block = append(block, byte(rest&0x7f|0x80))
	}
	return append(append(block, byte(rest)), strings.Repeat("a", length)...)
}
