package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
)

func TestSenderSendsWhatTheClientDoes(t *testing.T) {
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path == "/api/missing" {
			http.Error(w, "there is none", http.StatusNotFound)
			return
		}
		if r.URL.Path == "/api/slow" {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Accept-Encoding")+" "+string(body))
	}))
	defer server.Close()
	s, err := newSender(server.URL+"/api", 2)
	require.NoError(t, err)
	defer s.close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		answer, err := s.send(ctx, request{method: http.MethodGet, path: "/ratings?page_size=1"})
		require.NoError(t, err)
		require.Equal(t, "GET /api/ratings?page_size=1   ", string(answer))
		answer, err = s.send(ctx, request{method: http.MethodPost, path: "/ratings", body: `{"a":1}`})
		require.NoError(t, err)
		require.Equal(t, `POST /api/ratings application/json  {"a":1}`, string(answer))
	}
	_, err = s.send(ctx, request{method: http.MethodGet, path: "/missing"})
	require.Equal(t, &openloop.HTTPError{Status: 404, Request: "GET /missing", Body: "there is none\n"}, err)
	require.Len(t, connections, 1, "kept")

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = s.send(short, request{method: http.MethodGet, path: "/slow"})
	require.EqualError(t, err, "GET /slow: context deadline exceeded")
	require.Equal(t, openloop.TimedOut, openloop.Kind(err))
	_, err = s.send(short, request{method: http.MethodGet, path: "/"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = s.send(t.Context(), request{method: http.MethodGet, path: "/"})
	require.EqualError(t, err, "a request needs a deadline")
}
