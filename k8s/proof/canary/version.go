package main

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// version is where services are looked up: the descriptors of this binary, but for one file.
type version struct{ catalog protoreflect.FileDescriptor }

// nextVersion returns the descriptors of the API in which CatalogService has two methods more.
func nextVersion() (*version, error) {
	file := protodesc.ToFileDescriptorProto(ratingv1.File_rating_v1_service_proto)
	query := &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()}
	proto.SetExtension(query, annotations.E_Http, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: "/{name=services/*}:probe"}})
	command := &descriptorpb.MethodOptions{}
	proto.SetExtension(command, annotations.E_Http, &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: "/services:echo"}, Body: "service"})
	service := file.GetService()[0]
	service.Method = append(service.Method,
		&descriptorpb.MethodDescriptorProto{
			Name: proto.String("ProbeService"), Options: query,
			InputType: proto.String(".rating.v1.GetServiceRequest"), OutputType: proto.String(".rating.v1.Service"),
		},
		&descriptorpb.MethodDescriptorProto{
			Name: proto.String("EchoService"), Options: command,
			InputType: proto.String(".rating.v1.CreateServiceRequest"), OutputType: proto.String(".rating.v1.Service"),
		})
	catalog, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return nil, fmt.Errorf("describe the next version: %w", err)
	}
	return &version{catalog}, nil
}

// FindDescriptorByName finds CatalogService in its next version, and everything else as it is.
func (v *version) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if service := v.catalog.Services().Get(0); service.FullName() == name {
		return service, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// extended registers CatalogService with its two methods more.
type extended struct{ grpc.ServiceRegistrar }

// RegisterService registers a service.
func (e extended) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	if desc.ServiceName == ratingv1.CatalogService_ServiceDesc.ServiceName {
		next := *desc
		next.Methods = append(slices.Clip(desc.Methods),
			unary("ProbeService", ratingv1.CatalogServiceServer.GetService),
			unary("EchoService", func(_ ratingv1.CatalogServiceServer, _ context.Context, in *ratingv1.CreateServiceRequest) (*ratingv1.Service, error) {
				return in.GetService(), nil
			}))
		desc = &next
	}
	e.ServiceRegistrar.RegisterService(desc, implementation)
}

// unary returns a method as protoc-gen-go-grpc makes it.
func unary[Request, Response any](name string, handle func(ratingv1.CatalogServiceServer, context.Context, *Request) (*Response, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		in := new(Request)
		if err := decode(in); err != nil {
			return nil, err
		}
		catalog := srv.(ratingv1.CatalogServiceServer)
		if intercept == nil {
			return handle(catalog, ctx, in)
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + ratingv1.CatalogService_ServiceDesc.ServiceName + "/" + name}
		return intercept(ctx, in, info, func(ctx context.Context, in any) (any, error) { return handle(catalog, ctx, in.(*Request)) })
	}}
}
