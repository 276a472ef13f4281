package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/proto/descriptors"
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
	docs func() *openapi.API // made when it is asked for the first time: it is most of what an edition costs
	rpc  *rpc.Handler
	ui   http.Handler
	// types are those of the messages that may be in an answer.
	types transcode.Types
}

// newEdition returns what a server with a config serves of services, which may be there in several versions, for those whom
// the admitter lets in.
func newEdition(conn grpc.ClientConnInterface, config Config, services []protoreflect.ServiceDescriptor, admitter *admitter) (*edition, error) {
	types := allTypes(services, config.Files)
	restOptions, rpcOptions := config.onceAndLater()
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
	e := &edition{api: api, rest: compress.Handler(api), rpc: protocols, ui: config.UI, types: types}
	if e.ui == nil {
		if e.ui, err = newPlaceholder(config, api.Bindings()); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
	}
	e.ui = compress.Handler(e.ui)
	e.docs = sync.OnceValue(func() *openapi.API {
		docs, err := openapi.New(api.Bindings(), openapi.Config{
			Title: config.Title, Version: config.Version, Prefix: config.PublicPrefix, Security: security(config.Auth),
			Headers: append(config.documentedHeaders(), requestTimeout()), Accepts: config.documentedAccepts(),
		})
		if err != nil {
			panic(fmt.Errorf("server: %w", err)) // the config is checked, and the services were described one by one
		}
		return docs
	})
	return e, nil
}

// allTypes returns the types of error details, of services and of files, in this order: of the same names the first are
// taken, and nobody else's error details.
func allTypes(services []protoreflect.ServiceDescriptor, files *protoregistry.Files) *dynamicpb.Types {
	all := []protoreflect.FileDescriptor{rpcstatus.File_google_rpc_status_proto, errdetails.File_google_rpc_error_details_proto}
	for _, service := range services {
		all = append(all, service.ParentFile())
	}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		all = append(all, file)
		return true
	})
	return dynamicpb.NewTypes(descriptors.Files(all...))
}

// withoutBinary returns the names of the headers that HTTP/JSON has too.
func withoutBinary(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasSuffix(strings.ToLower(name), "-bin") })
}
