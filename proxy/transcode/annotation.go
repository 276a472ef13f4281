package transcode

import (
	"fmt"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// httpRule returns the google.api.http annotation of a method, nil without one.
func httpRule(method protoreflect.MethodDescriptor) (*annotations.HttpRule, error) {
	options := &descriptorpb.MethodOptions{}
	if err := reparse(method.Options(), options); err != nil {
		return nil, err
	}
	if !proto.HasExtension(options, annotations.E_Http) {
		return nil, nil
	}
	return proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule), nil
}

// isOutput reports whether clients have nothing to say about a field: it is OUTPUT_ONLY or an IDENTIFIER (AIP-203).
// Unreadable options count as none.
func isOutput(field protoreflect.FieldDescriptor) bool {
	options := &descriptorpb.FieldOptions{}
	if err := reparse(field.Options(), options); err != nil {
		return false
	}
	behaviors, _ := proto.GetExtension(options, annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, behavior := range behaviors {
		if behavior == annotations.FieldBehavior_OUTPUT_ONLY || behavior == annotations.FieldBehavior_IDENTIFIER {
			return true
		}
	}
	return false
}

// reparse copies options so that their extensions have the linked-in types. A descriptor that did not come from
// generated code may hold them as dynamic messages or as unknown fields.
func reparse(from, to proto.Message) error {
	data, err := proto.Marshal(from)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(data, to)
	}
	if err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	return nil
}
