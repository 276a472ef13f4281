package auth

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	authv1 "github.com/codingflow/rating/proto/auth/v1"
)

// accessOf returns what a method asks of its callers: its own option, or else its service's. Without either it is nil,
// which asks for a token.
func accessOf(method protoreflect.MethodDescriptor) (*authv1.Access, error) {
	access, err := option(method, authv1.E_Method)
	if err == nil && access == nil {
		access, err = option(method.Parent(), authv1.E_Service)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: options of %s: %w", method.FullName(), err)
	}
	return access, nil
}

// option returns an access option, nil where there is none. An option that cannot be read is an error, since it may have
// asked for scopes.
func option(d protoreflect.Descriptor, extension protoreflect.ExtensionType) (*authv1.Access, error) {
	options := d.Options().ProtoReflect()
	value, there := extensionOf(options, extension)
	if !there && len(options.GetUnknown()) == 0 {
		return nil, nil
	}
	if access, ok := value.(*authv1.Access); ok {
		return access, nil
	}
	// The descriptor was read by a resolver that does not know the option, so it is an unknown field, or a dynamic message.
	data, err := proto.Marshal(options.Interface())
	if err != nil {
		return nil, err
	}
	again := options.New()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, again.Interface()); err != nil {
		return nil, err
	}
	value, _ = extensionOf(again, extension)
	access, _ := value.(*authv1.Access)
	return access, nil
}

// extensionOf returns the message that options have as an extension, whatever its type: proto.GetExtension panics for any
// but the linked-in one.
func extensionOf(options protoreflect.Message, extension protoreflect.ExtensionType) (value any, there bool) {
	options.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		there = field.IsExtension() && field.FullName() == extension.TypeDescriptor().FullName()
		if there && field.Message() != nil {
			value = v.Message().Interface()
		}
		return !there
	})
	return value, there
}
