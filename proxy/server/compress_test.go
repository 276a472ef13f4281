package server

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// REST is compressed for who asks for it, and the access log has the bytes that were sent.
func TestAnswersAreCompressed(t *testing.T) {
	var log logBuffer
	server := newServer(t, &users{get: func(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		return &ratingv1.User{Name: r.GetName(), DisplayName: strings.Repeat("Ada ", 1000)}, nil
	}}, Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	plain := do(server, "GET", "/api/users/1")
	require.Equal(t, []string{"Accept-Encoding"}, plain.Header().Values("Vary"))
	w := do(server, "GET", "/api/users/1", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	length := w.Body.Len()
	require.Equal(t, strconv.Itoa(length), w.Header().Get("Content-Length"))
	require.Less(t, length, 200)
	r, err := gzip.NewReader(w.Body)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, plain.Body.String(), string(data))
	require.Equal(t, float64(length), log.entries(t)[1]["bytes"])

	for _, path := range []string{"/openapi.json", "/docs"} {
		require.Equal(t, "zstd", do(server, "GET", path, "Accept-Encoding: gzip, zstd").Header().Get("Content-Encoding"))
	}
	// Connect compresses by itself, in what it knows.
	require.Empty(t, do(server, "GET", "/rating.v1.UserService/GetUser?encoding=json&message=%7B%22name%22%3A%22users%2F1%22%7D&connect=v1",
		"Accept-Encoding: zstd").Header().Get("Content-Encoding"))
}
