package streamtest

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// A client that leaves ends its handler, also one that has nothing to send.
func TestAReaderThatLeavesEndsItsHandler(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		ended := make(chan struct{})
		proxy := start(&natsgrpctest.Streams{OnDownload: func(_ []byte, stream natsgrpctest.DownloadStream) error {
			defer close(ended)
			if err := stream.Send(&pb.DownloadResponse{}); err != nil {
				return err
			}
			<-stream.Context().Done()
			return nil
		}})
		response := send(t, proxy, "GET", "/download", nil)
		readLines(t, bufio.NewReader(response.Body), 1)
		require.NoError(t, response.Body.Close())
		receive(t, ended)
	})
}

func TestAClientThatLeavesInItsBodyEndsItsHandler(t *testing.T) {
	everyWay(t, func(t *testing.T, start func(*natsgrpctest.Streams) *httptest.Server) {
		began, ended := make(chan struct{}), make(chan error, 1)
		proxy := start(&natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			close(began)
			_, err := stream.Recv()
			ended <- err
			return err
		}})
		ctx, leave := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		go func() {
			_, _ = io.WriteString(writer, "{}\n{")
			<-began
			leave()
			writer.CloseWithError(context.Canceled) // net/http's client waits for its body
		}()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, proxy.URL+"/upload", reader)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-ndjson")
		_, err = proxy.Client().Do(request) //nolint:bodyclose // there is none
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, codes.Canceled, status.Code(receive(t, ended)))
	})
}
