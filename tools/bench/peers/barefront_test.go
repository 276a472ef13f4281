package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheBareFrontMakesTheRoundTripOfTheMethod(t *testing.T) {
	handler := bareHandler(map[string]roundTrip{
		"query":   func(context.Context) ([]byte, error) { return []byte("read"), nil },
		"command": func(context.Context) ([]byte, error) { return nil, errors.New("bare round trip: context canceled") },
	})
	for _, test := range []struct {
		method, path string
		status       int
		want         string
	}{
		{http.MethodGet, "/ratings/1", http.StatusOK, "read"},
		{http.MethodPost, "/ratings", http.StatusBadGateway, "bare round trip: context canceled\n"},
		{http.MethodDelete, "/ratings/1", http.StatusMethodNotAllowed, "want GET or POST\n"},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader("{}")))
		require.Equal(t, test.status, answer.Code, test.method)
		require.Equal(t, test.want, answer.Body.String(), test.method)
	}
}
