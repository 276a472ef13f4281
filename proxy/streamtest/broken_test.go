package streamtest

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// A stream whose worker is lost ends with an error, never like one that is complete.
func TestALostWorkerIsAnErrorAtTheEnd(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	worker, err := natsgrpc.NewServer(nc, natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	pb.RegisterStreamServiceServer(worker, &natsgrpctest.Streams{OnDownload: func(_ []byte, stream natsgrpctest.DownloadStream) error {
		if err := stream.Send(&pb.DownloadResponse{}); err != nil {
			return err
		}
		nc.Close()
		<-stream.Context().Done()
		return nil
	}})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Serve(ctx) }()
	<-worker.Ready()
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	response := send(t, newProxy(t, conn, 2), "GET", "/download", nil)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, `{"payload":""}
{"error":{"code":503,"message":"the stream is broken","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"STREAM_BROKEN","domain":"natsgrpc"}]}}
`, string(body))
	require.Equal(t, "14", response.Trailer.Get("Grpc-Status"))
	stop()
	require.ErrorContains(t, <-done, "connection closed")
}
