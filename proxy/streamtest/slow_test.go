package streamtest

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

const (
	// messageSize is the size of a message in the tests of flow control.
	messageSize = 16 << 10
	// unread bounds what is on its way of a stream whose reader has stopped, in bytes of messages. Nearly all of it is in
	// the buffers of TCP, which Linux lets grow up to 4 MiB to send and 6 MiB to receive, and of net/http's HTTP/2 client,
	// which takes 4 MiB; the proxy holds two messages and 32 KiB, and each transport up to 512 KiB.
	unread = 16 << 20
)

// A client that does not read stops the handler, and no other call.
func TestASlowReaderSlowsItsHandlerAndNothingElse(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		var sent atomic.Int64
		ended := make(chan error, 1)
		proxy := start(&natsgrpctest.Streams{OnDownload: func(request []byte, stream natsgrpctest.DownloadStream) error {
			if len(request) > 0 {
				return stream.Send(&pb.DownloadResponse{Payload: request})
			}
			payload := make([]byte, messageSize)
			for {
				if err := stream.Send(&pb.DownloadResponse{Payload: payload}); err != nil {
					ended <- err
					return err
				}
				sent.Add(messageSize)
			}
		}})
		response := send(t, proxy, "GET", "/download", nil)
		stopped := settle(t, &sent)
		t.Logf("a handler whose reader has stopped has sent %d KiB", stopped>>10)
		require.Less(t, stopped, int64(unread))

		slowest := time.Duration(0)
		for range 50 {
			start := time.Now()
			body, err := io.ReadAll(send(t, proxy, "GET", "/download?payload=YWJj", nil).Body)
			slowest = max(slowest, time.Since(start))
			require.NoError(t, err)
			require.Equal(t, `{"payload":"YWJj"}`+"\n", string(body))
		}
		t.Logf("the slowest of 50 other calls took %v", slowest)
		require.Less(t, slowest, 2*time.Second)
		require.Equal(t, stopped, sent.Load())

		// It goes on as its reader does.
		const more = unread / messageSize
		readLines(t, bufio.NewReader(response.Body), more)
		require.GreaterOrEqual(t, sent.Load(), int64(more*messageSize))
		require.Less(t, settle(t, &sent), int64(more*messageSize+unread))
		require.NoError(t, response.Body.Close())
		require.Error(t, receive(t, ended))
	})
}

// A handler that does not read stops the client, and no other call.
func TestASlowHandlerSlowsItsClientAndNothingElse(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		goOn := make(chan struct{})
		proxy := start(&natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
			first, err := stream.Recv()
			if err != nil {
				return err
			}
			if len(first.GetPayload()) == messageSize {
				<-goOn
			}
			for {
				if _, err := stream.Recv(); err != nil {
					return stream.SendAndClose(&pb.UploadResponse{Payload: []byte("abc")})
				}
			}
		}})
		line := []byte(`{"payload":"` + string(bytes.Repeat([]byte("AAAA"), messageSize/3)) + `AA=="}` + "\n")
		const many = 2 * unread / messageSize
		body := &countingReader{from: io.MultiReader(repeat(line, many)...)}
		answered := make(chan string, 1)
		go func() {
			data, _ := io.ReadAll(send(t, proxy, "POST", "/upload", body).Body)
			answered <- string(data)
		}()
		stopped := settle(t, &body.count)
		t.Logf("a client whose handler has stopped has sent %d KiB", stopped>>10)
		require.Less(t, stopped, int64(unread))

		slowest := time.Duration(0)
		for range 50 {
			start := time.Now()
			data, err := io.ReadAll(send(t, proxy, "POST", "/upload", bytes.NewReader([]byte("{}\n"))).Body)
			slowest = max(slowest, time.Since(start))
			require.NoError(t, err)
			require.Equal(t, `{"payload":"YWJj"}`, string(data))
		}
		t.Logf("the slowest of 50 other calls took %v", slowest)
		require.Less(t, slowest, 2*time.Second)
		require.Equal(t, stopped, body.count.Load())

		close(goOn)
		require.Equal(t, `{"payload":"YWJj"}`, receive(t, answered))
		require.Equal(t, int64(many*len(line)), body.count.Load())
	})
}

func repeat(data []byte, n int) []io.Reader {
	readers := make([]io.Reader, n)
	for i := range readers {
		readers[i] = bytes.NewReader(data)
	}
	return readers
}

// countingReader counts the bytes that are read of a body.
type countingReader struct {
	from  io.Reader
	count atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.count.Add(int64(n))
	return n, err
}
