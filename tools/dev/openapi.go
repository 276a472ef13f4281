package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"google.golang.org/grpc"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/proxy/server"
)

type openapiCommand struct {
	Prefix string `help:"Where the API is mounted." default:"/api"`
}

// Run writes the document that a proxy with the built-in services serves at /openapi.json.
func (c *openapiCommand) Run(ctx context.Context) error {
	nobody := &grpc.ClientConn{} // is never called
	srv, err := server.New(nobody, server.Config{Prefix: c.Prefix, IdempotencyKey: natsgrpc.IdempotencyKey})
	if err != nil {
		return err
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/openapi.json", nil))
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(json.RawMessage(strings.TrimSpace(w.Body.String())))
}
