package faults

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// TestRapidReset begins calls and ends each at once: the client cancels it (CVE-2023-44487), or makes the server do so by a frame
// that may not be (CVE-2025-8671). They end as fast as they come, so the server has no reason to give up the connection; if it
// falls behind by four times the streams that it allows, it does. At no time do more run than that.
func TestRapidReset(t *testing.T) {
	ends := map[string]func(c *http2Conn, stream uint32) error{
		"cancelled": func(c *http2Conn, stream uint32) error { return c.WriteRSTStream(stream, http2.ErrCodeCancel) },
		"broken":    func(c *http2Conn, stream uint32) error { return c.WriteWindowUpdate(stream, 0) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, w *world) { rapidReset(t, w, end) })
		})
	}
}

func rapidReset(t *testing.T, w *world, end func(c *http2Conn, stream uint32) error) {
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
		conn := w.dialHTTP2(t)
		done := make(chan int, 1)
		sent := conn.flood(many(5000), func(n int) error {
			stream := uint32(2*n + 1)
			if err := conn.request(stream, "/api/users/slow"); err != nil {
				return err
			}
			return end(conn, stream)
		})
		go func() {
			n := <-sent
			conn.closeWrite()
			done <- n
		}()
		code, ok := conn.goAway()
		t.Logf("sent %d calls; GOAWAY %v with %v", receive(t, "the end of the flood", done), ok, code)
		if ok && code != http2.ErrCodeNo {
			require.Equal(t, http2.ErrCodeEnhanceYourCalm, code)
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
	tests := []struct {
		name string
		// next sends the n-th frame, of any number.
		next func(c *http2Conn, n int) error
		// deaf is a client that does not read what it is answered.
		deaf bool
		want http2.ErrCode // if there is a last word
	}{
		{"headers without end", func(c *http2Conn, n int) error {
			if n == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.get("/api/users/a"), EndStream: true})
			}
			return c.WriteContinuation(1, false, c.literal("x-a", 1000))
		}, false, http2.ErrCodeProtocol},
		{"a large frame", func(c *http2Conn, _ int) error {
			return c.WriteRawFrame(http2.FrameHeaders, 0, 1, make([]byte, 32<<10))
		}, false, http2.ErrCodeFrameSize},
		{"pings whose answers are not taken", func(c *http2Conn, _ int) error { return c.WritePing(false, [8]byte{}) }, true, 0},
	}
	overBoth(t, func(t *testing.T, w *world) {
		w.requireHealthy()
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				before, heap := runtime.NumGoroutine(), liveHeap()
				conn := w.dialHTTP2(t)
				done := conn.flood(math.MaxInt, func(n int) error { return test.next(conn, n) })
				if !test.deaf {
					if code, ok := conn.goAway(); ok {
						require.Equal(t, test.want, code)
					}
				}
				t.Logf("the server has closed the connection after %d frames", receive(t, "the end of the flood", done))
				_ = conn.Close() // the server has, and TLS cannot say farewell
				w.requireQuiet(before)
				require.Less(t, liveHeap(), heap+8<<20)
				w.requireHealthy()
			})
		}
	})
}

// TestHTTP2FloodsAreCheap sends cheap frames for which net/http has no bound, as fast as they are taken. Each takes the server less
// time than a call, and none takes memory. Others are served meanwhile, and nothing is left.
func TestHTTP2FloodsAreCheap(t *testing.T) {
	const batch, none = 100, http2.FrameType(0xff)
	ping := func(c *http2Conn) error { return c.WritePing(false, [8]byte{}) }
	tests := []struct {
		name string
		// next sends the n-th frame. The 0-th begins the flood.
		next func(c *http2Conn, n int) error
		// answer is what each frame is answered with. Of those without an answer a ping ends each batch.
		answer http2.FrameType
	}{
		{"calls", func(c *http2Conn, n int) error { return c.request(uint32(2*n+1), "/healthz") }, http2.FrameData},
		{"ping", func(c *http2Conn, _ int) error { return ping(c) }, http2.FramePing},
		{"settings", func(c *http2Conn, n int) error {
			return c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)})
		}, none},
		{"empty data", func(c *http2Conn, n int) error {
			if n == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.post("/api/upload"), EndHeaders: true})
			}
			return c.WriteData(1, false, nil)
		}, none},
		{"empty continuation", func(c *http2Conn, n int) error {
			if n%batch == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*n + 1), BlockFragment: c.get("/healthz"), EndStream: true})
			}
			return c.WriteContinuation(uint32(2*(n-n%batch)+1), n%batch == batch-1, nil)
		}, none},
	}
	overBoth(t, func(t *testing.T, w *world) {
		w.streams.OnUpload = func(stream natsgrpctest.UploadStream) error {
			_, err := stream.Recv()
			return err
		}
		w.requireHealthy()
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				before, heap, n := runtime.NumGoroutine(), liveHeap(), many(20_000)
				conn := w.dialHTTP2(t)
				used := cpuTime(t)
				for sent := 0; sent < n; sent += batch {
					for i := range batch {
						require.NoError(t, test.next(conn, sent+i))
					}
					if test.answer == none {
						require.NoError(t, ping(conn))
						conn.settle(1, http2.FramePing)
					} else {
						conn.settle(batch, test.answer)
					}
					if sent == n/2 {
						w.requireHealthy()
					}
				}
				t.Logf("%d frames take %v of CPU each, both ends counted", n, (cpuTime(t)-used)/time.Duration(n))
				require.Less(t, liveHeap(), heap+8<<20)
				_ = conn.Close() // TLS may find that the server has
				w.requireQuiet(before)
				w.requireHealthy()
			})
		}
	})
}

// TestSettingsWhoseAnswersAreNotTaken has a client change its mind and not read that the server has heard it. The server says so once
// for many, so it need keep nothing, and others are served.
func TestSettingsWhoseAnswersAreNotTaken(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		w.requireHealthy()
		before, heap, n := runtime.NumGoroutine(), liveHeap(), many(100_000)
		conn := w.dialHTTP2(t)
		done := conn.flood(n, func(int) error { return conn.WriteSettings() })
		require.Equal(t, n, receive(t, "the end of the flood", done))
		w.requireHealthy()
		require.Less(t, liveHeap(), heap+8<<20)
		require.NoError(t, conn.WritePing(false, [8]byte{}))
		conn.settle(1, http2.FramePing)
		_ = conn.Close() // TLS may find that the server has
		w.requireQuiet(before)
		w.requireHealthy()
	})
}

// cpuTime returns what the process has used of its cores.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
