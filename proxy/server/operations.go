package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/comments"
	"github.com/codingflow/rating/proto/descriptors"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/openapi"
	"github.com/codingflow/rating/proxy/rpc"
	"github.com/codingflow/rating/proxy/transcode"
)

// Operations starts commands whose answers are fetched later. That of the proxy is operations.Service.
type Operations interface {
	// Start sends an encoded request of a method as an operation of the principal of ctx, once where there is a key.
	Start(ctx context.Context, method protoreflect.MethodDescriptor, key string, request []byte) (*longrunningpb.Operation, error)
	// Await waits until ctx ends for the response of an operation, encoded. It reports false where there is none by then;
	// otherwise the error is what the operation ends with.
	Await(ctx context.Context, operation *longrunningpb.Operation, response *[]byte, opts ...grpc.CallOption) (answered bool, err error)
}

// async is Operations for the transcoder.
type async struct {
	operations Operations
	prefix     string // the public one
}

// pollAfter is when clients ask for an operation first: most commands take milliseconds.
const pollAfter = time.Second

// Takes reports whether the caller can have operations: they belong to principals.
func (a async) Takes(ctx context.Context, _ *transcode.Binding) bool {
	_, ok := auth.PrincipalFrom(ctx)
	return ok
}

// Start starts the call of a request.
func (a async) Start(ctx context.Context, b *transcode.Binding, r *http.Request, request []byte) (*transcode.Operation, error) {
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return nil, err
	}
	operation, err := a.operations.Start(ctx, b.Method, key, request)
	if err != nil {
		return nil, err
	}
	return &transcode.Operation{
		Location:   a.prefix + "/" + operation.GetName(),
		Message:    operation,
		RetryAfter: pollAfter,
		Await: func(ctx context.Context, response *[]byte, opts ...grpc.CallOption) (bool, error) {
			return a.operations.Await(ctx, operation, response, opts...)
		},
	}, nil
}

// services returns the services of the files, and the proxy's own, sorted by their names.
func (c Config) services() []protoreflect.ServiceDescriptor {
	services := Services(c.Files)
	if c.Operations != nil {
		services = append(services, operationServices()...)
		slices.SortFunc(services, func(a, b protoreflect.ServiceDescriptor) int { return cmp.Compare(a.FullName(), b.FullName()) })
	}
	return services
}

// operationServices returns the services by which clients get their operations.
func operationServices() []protoreflect.ServiceDescriptor {
	files := descriptors.Files(operationsv1.File_operations_v1_operations_proto)
	if commented, err := comments.Files(files); err == nil { // it cannot fail, of files that are linked in
		files = commented
	}
	name := protoreflect.FullName(operationsv1.OperationService_ServiceDesc.ServiceName)
	service, err := files.FindDescriptorByName(name)
	if err != nil {
		panic(err) // the file is linked in
	}
	return []protoreflect.ServiceDescriptor{service.(protoreflect.ServiceDescriptor)}
}

// onceAndLater returns the options for idempotency keys and for answers that are fetched later.
func (c Config) onceAndLater() (rest []transcode.Option, protocols []rpc.Option) {
	if c.IdempotencyKey != nil {
		callOptions := keys(c.IdempotencyKey).callOptions
		rest = append(rest, transcode.WithCallOptions(
			func(ctx context.Context, b *transcode.Binding, r *http.Request) ([]grpc.CallOption, error) {
				return callOptions(ctx, b.Method, r)
			}))
		protocols = append(protocols, rpc.WithCallOptions(callOptions))
	}
	if c.Operations != nil {
		rest = append(rest, transcode.WithAsync(async{c.Operations, c.PublicPrefix}))
	}
	return rest, protocols
}

// documentedHeaders returns what people are told of the headers of commands.
func (c Config) documentedHeaders() []openapi.Header {
	var headers []openapi.Header
	if c.IdempotencyKey != nil {
		headers = append(headers, openapi.Header{
			Name:    keyHeader,
			Applies: isCommand,
			Description: "A key of the client's own choice, 1 to 255 characters, such as a UUID. A request that is sent again with the same " +
				"key and the same body acts once, and gets the one answer. With another body it is refused with 422.",
		})
	}
	if c.Operations != nil {
		headers = append(headers, openapi.Header{
			Name:    "Prefer",
			Applies: isCommand,
			Description: "With `respond-async` the answer is 202, an operation, whose place is in the header Location, as soon as the request is " +
				"accepted. With `respond-async, wait=5` that is so if it takes more than 5 seconds.",
		})
	}
	return headers
}

// documentedAccepts says which bindings people are told of that they may answer with an operation; nil if none does.
func (c Config) documentedAccepts() func(*transcode.Binding) bool {
	if c.Operations == nil {
		return nil
	}
	return isCommand
}

// isCommand reports whether a binding is of a command that is no stream: it has keys, and may be an operation.
func isCommand(b *transcode.Binding) bool {
	return !descriptors.IsQuery(b.Method) && !b.Method.IsStreamingClient() && !b.Method.IsStreamingServer()
}
