package faults

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	streampb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/server"
)

// endless sends messages of 16 KiB until it cannot.
type endless struct {
	sent  atomic.Int64 // bytes
	ended chan error
}

func (e *endless) download(_ []byte, stream natsgrpctest.DownloadStream) error {
	payload := make([]byte, 16<<10)
	for {
		if err := stream.Send(&streampb.DownloadResponse{Payload: payload}); err != nil {
			e.ended <- err
			return err
		}
		e.sent.Add(int64(len(payload)))
	}
}

// connectDownload is a call of Connect by HTTP/1.1: a message without fields, in an envelope.
const connectDownload = "POST /natsgrpctest.v1.StreamService/Download HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+proto\r\n" +
	"Connect-Protocol-Version: 1\r\nContent-Length: 5\r\n\r\n\x00\x00\x00\x00\x00"

// readers are the ways to ask for a stream without reading it. Each returns how to leave.
var readers = map[string]func(t *testing.T, w *world) io.ReadCloser{
	"NDJSON":   raw("GET /api/download HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n"),
	"SSE":      raw("GET /api/download HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"),
	"array":    raw("GET /api/download HTTP/1.1\r\nHost: x\r\n\r\n"),
	"Connect":  raw(connectDownload),
	"gRPC-Web": raw(strings.NewReplacer("application/connect+proto", "application/grpc-web+proto", "Connect-Protocol-Version: 1\r\n", "").Replace(connectDownload)),
	"HTTP/2": func(t *testing.T, w *world) io.ReadCloser {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		response, err := (&http.Client{Transport: transport}).Get("http://" + w.address + "/api/download")
		require.NoError(t, err)
		return closer{response.Body, func() error {
			defer transport.CloseIdleConnections()
			return response.Body.Close()
		}}
	},
	"gRPC": func(t *testing.T, w *world) io.ReadCloser {
		conn, err := grpc.NewClient("passthrough:///"+w.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		_, err = streampb.NewStreamServiceClient(conn).Download(t.Context(), &streampb.DownloadRequest{})
		require.NoError(t, err)
		return closer{nil, conn.Close}
	},
}

// closer is a reader that is closed in a way of its own.
type closer struct {
	io.Reader
	leave func() error
}

func (c closer) Close() error { return c.leave() }

func raw(request string) func(*testing.T, *world) io.ReadCloser {
	return func(t *testing.T, w *world) io.ReadCloser {
		conn := w.dial()
		_, err := io.WriteString(conn, request)
		require.NoError(t, err)
		return conn
	}
}

// TestAReaderThatStopsIsLeft has a client ask for a stream without end and read nothing of it. The service is stopped by
// that, and when the idle time is over the stream ends, whether the client stays or not.
func TestAReaderThatStopsIsLeft(t *testing.T) {
	for name, ask := range readers {
		t.Run(name, func(t *testing.T) {
			w := newDefaultWorld(t, server.Config{StreamIdle: time.Second})
			stream := &endless{ended: make(chan error, 1)}
			w.streams.OnDownload = stream.download
			w.requireHealthy()
			before := runtime.NumGoroutine()
			reader := ask(t, w)
			require.Error(t, receive(t, "the end of the handler", stream.ended))
			t.Logf("the service has sent %d KiB", stream.sent.Load()>>10)
			require.Less(t, stream.sent.Load(), int64(32<<20), "what the buffers of TCP and of the client hold")
			w.requireHealthy()
			require.NoError(t, reader.Close())
			w.requireQuiet(before)
		})
	}
}

// TestAReaderThatIsSlowIsNot has a client take a little now and then, for several times the idle time.
func TestAReaderThatIsSlowIsNot(t *testing.T) {
	const idle = time.Second
	for _, name := range []string{"NDJSON", "SSE", "array", "Connect", "gRPC-Web", "HTTP/2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDefaultWorld(t, server.Config{StreamIdle: idle})
			stream := &endless{ended: make(chan error, 1)}
			w.streams.OnDownload = stream.download
			reader := readers[name](t, w)
			buffer := make([]byte, 1<<20)
			ticker := time.NewTicker(idle / 10)
			defer ticker.Stop()
			for start := time.Now(); time.Since(start) < 3*idle; <-ticker.C {
				_, err := io.ReadFull(reader, buffer)
				require.NoError(t, err)
			}
			require.Empty(t, stream.ended)
			require.NoError(t, reader.Close())
			require.Error(t, receive(t, "the end of the handler", stream.ended))
		})
	}
}

// TestASlowUploadIsLeft has a client begin a body that is a stream, and send nothing more of it.
func TestASlowUploadIsLeft(t *testing.T) {
	w := newDefaultWorld(t, server.Config{StreamIdle: time.Second})
	ended := make(chan error, 1)
	w.streams.OnUpload = func(stream natsgrpctest.UploadStream) error {
		for {
			if _, err := stream.Recv(); err != nil {
				ended <- err
				return err
			}
		}
	}
	w.requireHealthy()
	before := runtime.NumGoroutine()
	require.Equal(t, []string{tooSlow},
		w.exchange("POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"))
	require.Error(t, receive(t, "the end of the handler", ended))
	w.requireQuiet(before)
	w.requireHealthy()
}

// TestALineWithoutEnd has a body that is a stream of one line, which is no message however long it gets.
func TestALineWithoutEnd(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	w.streams.OnUpload = func(stream natsgrpctest.UploadStream) error {
		_, err := stream.Recv()
		return err
	}
	w.requireHealthy()
	before := runtime.NumGoroutine()
	chunk := "1000\r\n" + strings.Repeat("a", 4096) + "\r\n"
	require.Equal(t, []string{refusal(413, "line 1 is larger than 1048576 bytes", "RESOURCE_EXHAUSTED")},
		w.exchange("POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat(chunk, 1000)))
	w.requireQuiet(before)
	w.requireHealthy()
}
