package transcode

import (
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
)

// httpRule returns the google.api.http annotation of a method, nil without one.
func httpRule(method protoreflect.MethodDescriptor) (*annotations.HttpRule, error) {
	options, err := descriptors.Options(method)
	if err != nil {
		return nil, err
	}
	rule, _ := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
	return rule, nil
}

// isOutput reports whether clients have nothing to say about a field: it is OUTPUT_ONLY or an IDENTIFIER (AIP-203).
// Unreadable options count as none.
func isOutput(field protoreflect.FieldDescriptor) bool {
	options, _ := descriptors.Options(field)
	behaviors, _ := proto.GetExtension(options, annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) ||
		slices.Contains(behaviors, annotations.FieldBehavior_IDENTIFIER)
}
