// Package descriptors reads what descriptors say, however they came into the program: linked in, from a file, or from
// another service.
package descriptors

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Options returns a copy of a descriptor's options in which extensions have their linked-in types, for
// proto.GetExtension. A descriptor that did not come from generated code may hold them as unknown fields, or as dynamic
// messages, at which proto.GetExtension panics. It reads the options anew each time, so what is asked often is to be kept.
//
// With an error the options are nil, of which proto.GetExtension returns defaults.
func Options(d protoreflect.Descriptor) (proto.Message, error) {
	options := d.Options()
	if options == nil {
		return nil, nil
	}
	data, err := proto.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	again := options.ProtoReflect().New().Interface()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, again); err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	return again, nil
}

// IsQuery reports whether a method has no side effects: `option idempotency_level = NO_SIDE_EFFECTS`.
func IsQuery(method protoreflect.MethodDescriptor) bool {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	return options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// Token is the full name of a service as one token of a NATS subject or key: rating.v1.UserService becomes
// rating_v1_UserService.
func Token[Name ~string](service Name) string { return strings.ReplaceAll(string(service), ".", "_") }

// Reserved reports whether a service is of a package that nobody but its owner may say that they serve: google, grpc,
// natsgrpc, and what is below these.
func Reserved(service protoreflect.FullName) bool {
	first, _, found := strings.Cut(string(service), ".")
	return found && (first == "google" || first == "grpc" || first == "natsgrpc")
}

// Files returns files together with all that they import, but for placeholders. Of two that declare the same name the
// first is there.
func Files(files ...protoreflect.FileDescriptor) *protoregistry.Files {
	closure := &protoregistry.Files{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if file.IsPlaceholder() || seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		// The error is a conflict of names. Then the file that came first keeps them, as promised.
		_ = closure.RegisterFile(file)
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
	}
	for _, file := range files {
		add(file)
	}
	return closure
}
