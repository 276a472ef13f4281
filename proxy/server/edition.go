package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/proxy/compress"
	"github.com/codingflow/rating/proxy/openapi"
	"github.com/codingflow/rating/proxy/rpc"
	"github.com/codingflow/rating/proxy/transcode"
)

// edition is what the server serves of one set of descriptors. It does not change.
type edition struct {
	api *transcode.Handler
	// rest is api as clients get it: compressed.
	rest http.Handler
	docs *openapi.API
	rpc  *rpc.Handler
	ui   http.Handler
}

// newEdition returns what a server with a config serves of config.Files, for those whom the admitter lets in.
func newEdition(conn grpc.ClientConnInterface, config Config, admitter *admitter) (*edition, error) {
	services, types := Services(config.Files), dynamicpb.NewTypes(config.Files)
	restOptions, rpcOptions := config.onceAndLater()
	if config.Operations != nil {
		services = append(services, operationServices()...)
	}
	requestHeaders := append([]string{requestIDHeader}, config.RequestHeaders...)
	api, err := transcode.New(conn, services, append(restOptions,
		transcode.WithTimeout(config.Timeout),
		transcode.WithStreamTimeout(config.StreamTimeout),
		transcode.WithStreamIdle(config.StreamIdle),
		transcode.WithMaxBody(config.MaxBody),
		transcode.WithRequestHeaders(withoutBinary(requestHeaders)...),
		transcode.WithResponseHeaders(withoutBinary(config.ResponseHeaders)...),
		transcode.WithTypes(types),
		transcode.WithAuthorizer(admitter.authorizeREST),
		transcode.WithObserver(observe))...)
	if err != nil {
		return nil, err
	}
	for _, skipped := range api.Skipped() {
		config.Logger.Warn("method has no route", slog.String("rpc", string(skipped.Method)), slog.String("reason", skipped.Reason))
	}
	options := []rpc.Option{
		rpc.WithTimeout(config.Timeout),
		rpc.WithStreamTimeout(config.StreamTimeout),
		rpc.WithStreamIdle(config.StreamIdle),
		rpc.WithMaxMessage(config.MaxBody),
		rpc.WithRequestHeaders(requestHeaders...),
		rpc.WithResponseHeaders(config.ResponseHeaders...),
		rpc.WithTypes(types),
		rpc.WithAuthorizer(admitter.authorize),
		rpc.WithObserver(observeRPC),
	}
	if !config.NoReflection {
		options = append(options, rpc.WithReflection())
	}
	protocols, err := rpc.New(conn, services, append(rpcOptions, options...)...)
	if err != nil {
		return nil, err
	}
	e := &edition{api: api, rest: compress.Handler(api), rpc: protocols, ui: config.UI}
	if e.ui == nil {
		if e.ui, err = newPlaceholder(config.Prefix, api.Bindings()); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
	}
	e.ui = compress.Handler(e.ui)
	if e.docs, err = openapi.New(api.Bindings(), openapi.Config{
		Prefix: config.Prefix, Security: security(config.Auth), Headers: append(config.documentedHeaders(), requestTimeout()),
	}); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return e, nil
}

// withoutBinary returns the names of the headers that HTTP/JSON has too.
func withoutBinary(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasSuffix(strings.ToLower(name), "-bin") })
}
