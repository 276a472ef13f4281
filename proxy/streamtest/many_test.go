package streamtest

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// heapGrowth bounds, in bytes, how much more of the heap is alive when nine tenths of a long stream have passed than after
// one tenth, while the client pauses: the client, the proxy, the transport and the handler are all in this process.
// Messages that are kept would exceed it in the short run, too: 40,000 take 512 bytes each at the least.
const heapGrowth = 8 << 20

// many is the number of messages of a long stream.
func many() int {
	if full() {
		return 1_000_000
	}
	return 50_000
}

var payload = make([]byte, 512)

func TestALongDownloadTakesConstantMemory(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		var sent atomic.Int64
		proxy := start(&natsgrpctest.Streams{OnDownload: func(_ []byte, stream natsgrpctest.DownloadStream) error {
			for range many() {
				if err := stream.Send(&pb.DownloadResponse{Payload: payload}); err != nil {
					return err
				}
				sent.Add(1)
			}
			return nil
		}})
		response := send(t, proxy, "GET", "/download", nil)
		lines := bufio.NewReader(response.Body)
		requireConstantMemory(t, &sent, func(n int) { readLines(t, lines, n) })
		_, err := lines.ReadByte()
		require.Equal(t, io.EOF, err)
		require.Equal(t, "0", response.Trailer.Get("Grpc-Status"))
	})
}

func TestALongUploadTakesConstantMemory(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		var received atomic.Int64
		proxy := start(&natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
			for {
				_, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return stream.SendAndClose(&pb.UploadResponse{})
				}
				if err != nil {
					return err
				}
				received.Add(1)
			}
		}})
		reader, writer := io.Pipe()
		body := make(chan string, 1)
		go func() {
			data, _ := io.ReadAll(send(t, proxy, "POST", "/upload", reader).Body)
			body <- string(data)
		}()
		line := fmt.Sprintf(`{"payload":%q}`+"\n", base64.StdEncoding.EncodeToString(payload))
		requireConstantMemory(t, &received, func(n int) {
			buffered := bufio.NewWriter(writer)
			for range n {
				_, err := buffered.WriteString(line)
				require.NoError(t, err)
			}
			require.NoError(t, buffered.Flush())
		})
		require.NoError(t, writer.Close())
		require.Equal(t, `{"payload":""}`, receive(t, body))
		require.EqualValues(t, many(), received.Load())
	})
}

// requireConstantMemory lets a number of messages pass, and checks that the heap does not grow. handled counts the
// messages at the handler's end.
func requireConstantMemory(t *testing.T, handled *atomic.Int64, pass func(n int)) {
	t.Helper()
	pass(many() / 10)
	settle(t, handled)
	before := liveHeap()
	start := time.Now()
	pass(many() / 10 * 8)
	took := time.Since(start)
	settle(t, handled)
	after := liveHeap()
	pass(many() - many()/10*9)
	t.Logf("%d messages in %v, %.0f/s; the live heap went from %d to %d KiB", many()/10*8, took.Round(time.Millisecond),
		float64(many()/10*8)/took.Seconds(), before>>10, after>>10)
	require.Less(t, after, before+heapGrowth)
}

// liveHeap returns the bytes of heap that are alive.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // empties the pools
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
