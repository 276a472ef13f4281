package openapi

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
)

// fieldOptions are the annotations of a field.
type fieldOptions struct {
	behaviors  []annotations.FieldBehavior
	rules      *validate.FieldRules
	deprecated bool
}

func optionsOf(field protoreflect.FieldDescriptor) fieldOptions {
	return fieldOptions{
		behaviors:  extension[[]annotations.FieldBehavior](field, annotations.E_FieldBehavior),
		rules:      extension[*validate.FieldRules](field, validate.E_Field),
		deprecated: isDeprecated(field),
	}
}

func (o fieldOptions) has(behavior annotations.FieldBehavior) bool {
	return slices.Contains(o.behaviors, behavior)
}

func messageRules(message protoreflect.MessageDescriptor) *validate.MessageRules {
	return extension[*validate.MessageRules](message, validate.E_Message)
}

func oneofIsRequired(oneof protoreflect.OneofDescriptor) bool {
	return extension[*validate.OneofRules](oneof, validate.E_Oneof).GetRequired()
}

// resourceOf returns the resource that a message is, nil if it is none.
func resourceOf(message protoreflect.MessageDescriptor) *annotations.ResourceDescriptor {
	return extension[*annotations.ResourceDescriptor](message, annotations.E_Resource)
}

// resourcesOf returns the resources that a file defines without a message.
func resourcesOf(file protoreflect.FileDescriptor) []*annotations.ResourceDescriptor {
	return extension[[]*annotations.ResourceDescriptor](file, annotations.E_ResourceDefinition)
}

// referenceOf returns the type of the resource that a field names, empty if it names none.
func referenceOf(field protoreflect.FieldDescriptor) string {
	return extension[*annotations.ResourceReference](field, annotations.E_ResourceReference).GetType()
}

// extension returns the value of an extension of a descriptor's options. Options that cannot be read count as none.
func extension[T any](d protoreflect.Descriptor, of protoreflect.ExtensionType) T {
	options, _ := descriptors.Options(d)
	value, _ := proto.GetExtension(options, of).(T)
	return value
}

// isDeprecated reports whether a message, a field, an enum, a value of one, a method or a service is deprecated.
func isDeprecated(d protoreflect.Descriptor) bool {
	options, ok := d.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}
