package faults

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/server"
)

var (
	tooLarge = refusal(413, "the body is larger than 1048576 bytes", "RESOURCE_EXHAUSTED")
	tooSlow  = refusal(408, "the body took too long", "DEADLINE_EXCEEDED")
)

const createHead = "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// TestBodies has bodies that are not what their headers say, too large, or compressed.
func TestBodies(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	notCompressed := refusal(415, "the body must not be compressed", "INVALID_ARGUMENT")
	tests := []struct {
		name, request string
		want          []string
	}{
		{"larger than declared", createHead + "Content-Length: 2\r\n\r\n{}{}{}", []string{user("", ""), badRequest}},
		{"too large by its declaration", createHead + "Content-Length: 1048577\r\n\r\n", []string{tooLarge}},
		{"much too large by its declaration", createHead + "Content-Length: 9223372036854775807\r\n\r\n", []string{tooLarge}},
		{"too large, and waits to be asked for", createHead + "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", []string{tooLarge}},
		{"too large in one chunk", createHead + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + strings.Repeat(" ", 2<<20), []string{tooLarge}},
		{"too large in many chunks", createHead + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat(" ", 1024)+"\r\n", 1100), []string{tooLarge}},
		{"as large as may be", post("/api/users", `{"displayName":"a"}`+strings.Repeat(" ", 1<<20-19)), []string{user("", "a"), healthy}},
		{"gzip", createHead + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", []string{notCompressed, healthy}},
		{"gzip, by its bytes", createHead + "Content-Length: 3\r\n\r\n\x1f\x8b\x08",
			[]string{notJSON("invalid character '\\x1f' looking for beginning of value"), healthy}},
		{"identity", createHead + "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", []string{user("", ""), healthy}},
		{"another type", strings.Replace(createHead, "application/json", "text/plain", 1) + "Content-Length: 2\r\n\r\n{}",
			[]string{refusal(415, "the content type must be application/json", "INVALID_ARGUMENT"), healthy}},
		{"where there is none", "DELETE /api/users/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
			[]string{refusal(400, "DELETE /{name=users/*} takes no body", "INVALID_ARGUMENT"), healthy}},
		{"for the health", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", []string{healthy, healthy}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, w.exchange(test.request+last)) })
	}
	w.requireHealthy()
}

// TestEndlessBody sends until nobody takes more, and the answer is there all the same.
func TestEndlessBody(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	for name, piece := range map[string]string{
		"chunks":         "400\r\n" + strings.Repeat(" ", 1024) + "\r\n",
		"a chunk":        strings.Repeat(" ", 1024),
		"a declared one": strings.Repeat(" ", 1024),
	} {
		t.Run(name, func(t *testing.T) {
			conn := w.dial()
			head := map[string]string{
				"chunks": "Transfer-Encoding: chunked\r\n\r\n", "a chunk": "Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", "a declared one": "Content-Length: 999999999999\r\n\r\n",
			}[name]
			_, err := io.WriteString(conn, createHead+head)
			require.NoError(t, err)
			sent := make(chan int, 1)
			go func() {
				for n := 0; ; n += len(piece) {
					if _, err := io.WriteString(conn, piece); err != nil {
						sent <- n
						return
					}
				}
			}()
			require.Equal(t, []string{tooLarge}, answers(t, conn))
			require.Less(t, receive(t, "the end of sending", sent), 64<<20, "the buffers of TCP, and the half second of net/http's patience")
		})
	}
	w.requireHealthy()
}

// TestGzipBombs sends gRPC, gRPC-Web and Connect, which may be compressed, messages that are small until they are
// decompressed.
func TestGzipBombs(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	var bomb bytes.Buffer
	writer, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.CopyN(writer, zeros{}, 64<<20)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Less(t, bomb.Len(), 1<<20, "as it is sent it is small enough")
	framed := append([]byte{1}, binary.BigEndian.AppendUint32(nil, uint32(bomb.Len()))...)
	framed = append(framed, bomb.Bytes()...)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	const message = "message size 1048577 is larger than configured max 1048576"
	for _, test := range []struct {
		contentType, encoding string
		body                  []byte
		status                int
		want                  string
	}{
		{"application/proto", "Content-Encoding", bomb.Bytes(), 429, message},
		{"application/json", "Content-Encoding", bomb.Bytes(), 429, message},
		{"application/grpc", "Grpc-Encoding", framed, 200, "8"},
		{"application/grpc-web", "Grpc-Encoding", framed, 200, "8"},
	} {
		t.Run(test.contentType, func(t *testing.T) {
			before := allocations()
			for range many(5) {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.address+"/rating.v1.UserService/GetUser", bytes.NewReader(test.body))
				require.NoError(t, err)
				request.Header.Set("Content-Type", test.contentType)
				request.Header.Set(test.encoding, "gzip")
				request.Header.Set("Te", "trailers")
				response, err := transport.RoundTrip(request)
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				require.Equal(t, test.status, response.StatusCode, string(body))
				require.Contains(t, strings.ToLower(string(body))+response.Header.Get("Grpc-Status")+response.Trailer.Get("Grpc-Status"), test.want)
			}
			each := (allocations() - before) / uint64(many(5))
			t.Logf("each allocates %d KiB", each>>10)
			require.Less(t, each, uint64(16<<20), "of 64 MiB")
		})
	}
	require.Empty(t, w.users.take())
	w.requireHealthy()
}

// zeros is an endless source of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestSlowloris keeps many connections busy by sending a byte now and then: of the headers, of a body, of the preface of
// HTTP/2, or nothing at all. Each ends in time, however much it has sent, and nobody else notices.
func TestSlowloris(t *testing.T) {
	const timeout = 2 * time.Second
	// All are those of one client, which may not have as many connections and calls by default.
	w := newDefaultWorld(t, server.Config{
		ReadTimeout: timeout, MaxConnectionsPerClient: server.DefaultMaxConnections, MaxInFlightPerClient: server.DefaultMaxInFlight,
	})
	w.requireHealthy()
	tests := []struct {
		name, head string
		want       []string
	}{
		{"nothing", "", []string{}},
		{"headers", "GET / HTTP/1.1\r\nHost: x\r\nX: ", []string{}},
		{"the request line", "GET /", []string{badRequest}}, // cut off
		{"body", createHead + "Content-Length: 1000\r\n\r\n", []string{tooSlow}},
		{"chunks", createHead + "Transfer-Encoding: chunked\r\n\r\nfff\r\n", []string{tooSlow}},
		{"a chunk that overflows", createHead + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffe\r\n{}", []string{tooSlow}},
		{"chunk extensions", createHead + "Transfer-Encoding: chunked\r\n\r\n2;", []string{tooSlow}},
		{"trailers", createHead + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ", []string{}}, // net/http does not tell why it gave up
		{"where there is no body", "DELETE /api/users/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", []string{tooSlow}},
	}
	before := runtime.NumGoroutine()
	n := many(20)
	start := time.Now()
	var waiting sync.WaitGroup
	got := make([][]string, n*len(tests))
	for i := range got {
		conn := w.dial()
		test := tests[i%len(tests)]
		_, err := io.WriteString(conn, test.head)
		require.NoError(t, err)
		done := make(chan struct{})
		if test.name != "nothing" {
			waiting.Go(func() { drip(conn, done) })
		}
		waiting.Go(func() {
			defer close(done)
			got[i] = answers(t, conn)
		})
	}
	open, _ := w.server.Connections()
	t.Logf("%d connections are open after %v", open, time.Since(start).Round(time.Millisecond))
	for time.Since(start) < timeout/2 {
		w.requireHealthy()
	}
	waiting.Wait()
	t.Logf("all have ended after %v", time.Since(start).Round(time.Millisecond))
	for i := range got {
		require.Equal(t, tests[i%len(tests)].want, got[i], tests[i%len(tests)].name)
	}
	w.requireQuiet(before)
	w.requireHealthy()
}

// drip sends a space now and then until it cannot, or done is closed.
func drip(conn net.Conn, done <-chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
		}
	}
}

// requireQuiet waits until connections are closed and their goroutines have ended.
func (w *world) requireQuiet(goroutines int) {
	w.t.Helper()
	const slack = 5 // the runtime's own, and keep-alives of others
	require.Eventually(w.t, func() bool {
		open, _ := w.server.Connections()
		return open == 0 && runtime.NumGoroutine()-slack <= goroutines
	}, soon, 10*time.Millisecond, "something is left")
}

// TestManyBodiesTakeBoundedMemory has many clients send all but the last byte of the largest body, and hold it.
func TestManyBodiesTakeBoundedMemory(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	w.requireHealthy()
	before, goroutines, n := liveHeap(), runtime.NumGoroutine(), many(20)
	body := `{"displayName":"` + strings.Repeat("a", 1<<20-18) + `"}`
	require.Len(t, body, 1<<20)
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = w.dial()
		request := post("/api/users", body)
		_, err := io.WriteString(conns[i], request[:len(request)-1])
		require.NoError(t, err)
	}
	held := liveHeap() - before
	t.Logf("%d bodies of 1 MiB hold %d KiB each", n, held>>10/uint64(n))
	// bytes.Buffer doubles, and what it grows from is garbage.
	require.Less(t, held, uint64(n)*3<<20)
	w.requireHealthy()
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	w.requireQuiet(goroutines)
	require.Eventually(t, func() bool { return liveHeap() < before+4<<20 }, soon, 10*time.Millisecond, "the memory is given back")
	w.requireHealthy()
}

// liveHeap returns the bytes of heap that are alive.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // empties the pools
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestHeaderFloods has too many headers, too large ones, and connections that have one after the other.
func TestHeaderFloods(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	const get = "GET /api/users/a HTTP/1.1\r\nHost: x\r\n"
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("X-" + strconv.Itoa(i) + ": a\r\n")
		}
		return b.String()
	}
	const large = "431 431 Request Header Fields Too Large"
	tests := []struct {
		name, request string
		want          []string
	}{
		{"300 headers", get + lines(300) + "\r\n", []string{refusal(431, "there are more than 256 headers", "INVALID_ARGUMENT"), healthy}},
		{"300 of one name", get + strings.Repeat("X: a\r\n", 300) + "\r\n", []string{refusal(431, "there are more than 256 headers", "INVALID_ARGUMENT"), healthy}},
		{"10,000 headers", get + lines(10_000) + "\r\n", []string{large}},
		{"a header of 80 KiB", get + "X: " + strings.Repeat("a", 80<<10) + "\r\n\r\n", []string{large}},
		{"a header without end", get + "X: " + strings.Repeat("a", 1<<20), []string{large}},
		{"a name without end", get + strings.Repeat("a", 1<<20), []string{large}},
		{"a path of 20 KiB", "GET /api/users/" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
			[]string{refusal(414, "the path and the query are longer than 16384 bytes", "INVALID_ARGUMENT"), healthy}},
		{"a path without end", "GET /" + strings.Repeat("a", 1<<20), []string{large}},
		{"a method without end", strings.Repeat("A", 1<<20), []string{large}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := allocations()
			require.Equal(t, test.want, w.exchange(test.request+last))
			require.Less(t, allocations()-before, uint64(8<<20), "bytes for all of the exchange, the client's included")
		})
	}
	t.Run("many connections", func(t *testing.T) {
		before := runtime.NumGoroutine()
		for range many(500) {
			conn, err := net.Dial("tcp", w.address)
			require.NoError(t, err)
			_, err = fmt.Fprint(conn, get)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		w.requireQuiet(before)
	})
	w.requireHealthy()
}
