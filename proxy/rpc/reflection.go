package rpc

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
)

// reflectionService is the service that tools ask for descriptors.
const reflectionService = "grpc.reflection.v1.ServerReflection"

// addReflection serves the descriptors of the services.
func (h *Handler) addReflection(services []protoreflect.ServiceDescriptor) {
	names := serviceNames{reflectionService: {}}
	files := []protoreflect.FileDescriptor{}
	for _, service := range services {
		names[string(service.FullName())] = grpc.ServiceInfo{}
		files = append(files, service.ParentFile())
	}
	resolver := descriptors.Files(append(files, reflectionpb.File_grpc_reflection_v1_reflection_proto)...)
	server := reflection.NewServerV1(reflection.ServerOptions{Services: names, DescriptorResolver: resolver})
	serve := func(ctx context.Context, client *connect.BidiStream[reflectionpb.ServerReflectionRequest, reflectionpb.ServerReflectionResponse]) error {
		callOf(ctx).response.untilEnd(ctx, h.options.streamIdle, h.options.trailerGrace)
		err := server.ServerReflectionInfo(&reflectionStream{ctx: ctx, client: client})
		var coded *connect.Error
		if err == nil || errors.As(err, &coded) {
			return err
		}
		return connectError(statusOf(err))
	}
	path := reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName
	h.services[reflectionService] = true
	method := reflectionpb.File_grpc_reflection_v1_reflection_proto.Services().ByName("ServerReflection").Methods().ByName("ServerReflectionInfo")
	h.routes[path] = &route{sends: true, method: method, handler: connect.NewBidiStreamHandler(path, serve,
		connect.WithReadMaxBytes(h.options.maxMessage),
		withGzip(h.options.maxMessage),
		connect.WithInterceptors(observeStreams{}))}
}

// serviceNames are the services that reflection lists.
type serviceNames map[string]grpc.ServiceInfo

// GetServiceInfo returns the names.
func (s serviceNames) GetServiceInfo() map[string]grpc.ServiceInfo { return s }

// reflectionStream is a stream of connect's as the reflection server sees it: it uses these three methods only.
type reflectionStream struct {
	grpc.ServerStream
	ctx    context.Context
	client *connect.BidiStream[reflectionpb.ServerReflectionRequest, reflectionpb.ServerReflectionResponse]
}

var _ reflectionpb.ServerReflection_ServerReflectionInfoServer = (*reflectionStream)(nil)

func (s *reflectionStream) Context() context.Context { return s.ctx }

func (s *reflectionStream) Recv() (*reflectionpb.ServerReflectionRequest, error) {
	request, err := s.client.Receive()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF // the server compares
	}
	return request, err
}

func (s *reflectionStream) Send(response *reflectionpb.ServerReflectionResponse) error {
	return s.client.Send(response)
}
