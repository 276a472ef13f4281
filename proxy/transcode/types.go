package transcode

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/proto/descriptors"
)

// Types finds the messages in a google.protobuf.Any and the extensions of proto2. *protoregistry.Types and
// *dynamicpb.Types implement it.
type Types interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

// typesOf returns the types of the files that declare the services and of all that these import. Of two files that declare
// the same name the first is taken.
func typesOf(services []protoreflect.ServiceDescriptor) Types {
	files := make([]protoreflect.FileDescriptor, len(services))
	for i, service := range services {
		files[i] = service.ParentFile()
	}
	return dynamicpb.NewTypes(descriptors.Files(files...))
}

// chainedTypes asks each of its members in turn.
type chainedTypes []Types

func (c chainedTypes) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	return findType(c, func(t Types) (protoreflect.MessageType, error) { return t.FindMessageByName(name) })
}

func (c chainedTypes) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return findType(c, func(t Types) (protoreflect.MessageType, error) { return t.FindMessageByURL(url) })
}

func (c chainedTypes) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return findType(c, func(t Types) (protoreflect.ExtensionType, error) { return t.FindExtensionByName(name) })
}

func (c chainedTypes) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return findType(c, func(t Types) (protoreflect.ExtensionType, error) { return t.FindExtensionByNumber(message, number) })
}

func findType[T any](c chainedTypes, find func(Types) (T, error)) (T, error) {
	for _, types := range c {
		if found, err := find(types); err == nil {
			return found, nil
		}
	}
	var none T
	return none, protoregistry.NotFound
}
