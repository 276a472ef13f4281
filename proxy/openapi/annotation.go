package openapi

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// fieldOptions are the annotations of a field.
type fieldOptions struct {
	behaviors  []annotations.FieldBehavior
	rules      *validate.FieldRules
	deprecated bool
}

func optionsOf(field protoreflect.FieldDescriptor) fieldOptions {
	options := &descriptorpb.FieldOptions{}
	reparse(field.Options(), options)
	behaviors, _ := proto.GetExtension(options, annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	rules, _ := proto.GetExtension(options, validate.E_Field).(*validate.FieldRules)
	return fieldOptions{behaviors: behaviors, rules: rules, deprecated: options.GetDeprecated()}
}

func (o fieldOptions) has(behavior annotations.FieldBehavior) bool {
	return slices.Contains(o.behaviors, behavior)
}

func messageRules(message protoreflect.MessageDescriptor) *validate.MessageRules {
	options := &descriptorpb.MessageOptions{}
	reparse(message.Options(), options)
	rules, _ := proto.GetExtension(options, validate.E_Message).(*validate.MessageRules)
	return rules
}

func oneofIsRequired(oneof protoreflect.OneofDescriptor) bool {
	options := &descriptorpb.OneofOptions{}
	reparse(oneof.Options(), options)
	rules, _ := proto.GetExtension(options, validate.E_Oneof).(*validate.OneofRules)
	return rules.GetRequired()
}

// resourceOf returns the resource that a message is, nil if it is none.
func resourceOf(message protoreflect.MessageDescriptor) *annotations.ResourceDescriptor {
	options := &descriptorpb.MessageOptions{}
	reparse(message.Options(), options)
	resource, _ := proto.GetExtension(options, annotations.E_Resource).(*annotations.ResourceDescriptor)
	return resource
}

// resourcesOf returns the resources that a file defines without a message.
func resourcesOf(file protoreflect.FileDescriptor) []*annotations.ResourceDescriptor {
	options := &descriptorpb.FileOptions{}
	reparse(file.Options(), options)
	resources, _ := proto.GetExtension(options, annotations.E_ResourceDefinition).([]*annotations.ResourceDescriptor)
	return resources
}

// referenceOf returns the type of the resource that a field names, empty if it names none.
func referenceOf(field protoreflect.FieldDescriptor) string {
	options := &descriptorpb.FieldOptions{}
	reparse(field.Options(), options)
	reference, _ := proto.GetExtension(options, annotations.E_ResourceReference).(*annotations.ResourceReference)
	return reference.GetType()
}

// reparse copies options so that their extensions have the linked-in types; a descriptor that did not come from generated
// code may hold them as dynamic messages or as unknown fields. Options that cannot be read count as none.
func reparse(from, to proto.Message) {
	data, err := proto.Marshal(from)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(data, to)
	}
	if err != nil {
		proto.Reset(to)
	}
}

// isDeprecated reports whether a message, an enum, a value of one, a method or a service is deprecated.
func isDeprecated(d protoreflect.Descriptor) bool {
	options, ok := d.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}
