package transcode

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
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
	files := &protoregistry.Files{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if file.IsPlaceholder() || seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		// The error is a conflict of names. Then the file that came first keeps them, as promised.
		_ = files.RegisterFile(file)
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
	}
	for _, service := range services {
		add(service.ParentFile())
	}
	return dynamicpb.NewTypes(files)
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
