package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/telemetry"
)

func TestHealthHandler(t *testing.T) {
	var notReady error
	handler := telemetry.HealthHandler(http.NotFoundHandler(), func(ctx context.Context) error {
		_, ok := ctx.Deadline()
		require.True(t, ok)
		return notReady
	})
	get := func(method, path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
		return recorder.Code, recorder.Body.String()
	}
	for _, test := range []struct {
		method, path string
		notReady     error
		code         int
		body         string
	}{
		{"GET", "/healthz", errors.New("no NATS"), http.StatusOK, "ok\n"},
		{"GET", "/readyz", nil, http.StatusOK, "ok\n"},
		{"GET", "/readyz", errors.New("no NATS"), http.StatusServiceUnavailable, "no NATS\n"},
		{"POST", "/readyz", nil, http.StatusMethodNotAllowed, "Method Not Allowed\n"},
		{"GET", "/", nil, http.StatusNotFound, "404 page not found\n"},
	} {
		notReady = test.notReady
		code, body := get(test.method, test.path)
		require.Equal(t, test.code, code, "%s %s", test.method, test.path)
		require.Equal(t, test.body, body)
	}
}
