package server

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/openapi"
	"github.com/codingflow/rating/proxy/rpc"
	"github.com/codingflow/rating/proxy/transcode"
)

// claims is what a version of a service takes for itself among all others.
type claims struct {
	patterns []string
	// types are the messages and enums that its methods lead to.
	types []protoreflect.Descriptor
	err   error // why it cannot be served, whatever the others are
}

// claimsOf looks at a version on its own. Whatever is wrong with it ends here.
func claimsOf(conn grpc.ClientConnInterface, service protoreflect.ServiceDescriptor) (found *claims) {
	found = &claims{}
	defer func() {
		if panicked := recover(); panicked != nil {
			found.err = fmt.Errorf("cannot be routed: %v", panicked)
		}
	}()
	alone := []protoreflect.ServiceDescriptor{service}
	api, err := transcode.New(conn, alone)
	if err != nil {
		found.err = errors.New(strings.TrimPrefix(err.Error(), "transcode: "))
		return found
	}
	if _, err := rpc.New(conn, alone); err != nil {
		found.err = err
		return found
	}
	if _, err := openapi.New(api.Bindings(), openapi.Config{}); err != nil {
		found.err = err
		return found
	}
	for _, binding := range api.Bindings() {
		found.patterns = append(found.patterns, binding.Pattern())
	}
	found.types = typesOf(service)
	return found
}

// typesOf returns the messages and enums that the methods of a service lead to, each once.
func typesOf(service protoreflect.ServiceDescriptor) []protoreflect.Descriptor {
	var found []protoreflect.Descriptor
	seen := map[protoreflect.FullName]bool{}
	add := func(d protoreflect.Descriptor) bool {
		added := !seen[d.FullName()]
		if seen[d.FullName()] = true; added {
			found = append(found, d)
		}
		return added
	}
	var pending []protoreflect.MessageDescriptor
	for i := range service.Methods().Len() {
		pending = append(pending, service.Methods().Get(i).Input(), service.Methods().Get(i).Output())
	}
	for len(pending) > 0 {
		message := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if !add(message) {
			continue
		}
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			if field.Message() != nil {
				pending = append(pending, field.Message())
			}
			if field.Enum() != nil {
				add(field.Enum())
			}
		}
	}
	return found
}

// contradiction says in what two messages or enums of the same name contradict each other, "" if they do not.
func contradiction(a, b protoreflect.Descriptor) string {
	switch a := a.(type) {
	case protoreflect.MessageDescriptor:
		b, ok := b.(protoreflect.MessageDescriptor)
		if !ok {
			return "a message here, an enum there"
		}
		for i := range a.Fields().Len() {
			field := a.Fields().Get(i)
			for _, other := range []protoreflect.FieldDescriptor{b.Fields().ByNumber(field.Number()), b.Fields().ByName(field.Name())} {
				if other != nil && fieldText(field) != fieldText(other) {
					return fmt.Sprintf("%s here, %s there", fieldText(field), fieldText(other))
				}
			}
		}
	case protoreflect.EnumDescriptor:
		b, ok := b.(protoreflect.EnumDescriptor)
		if !ok {
			return "an enum here, a message there"
		}
		for i := range a.Values().Len() {
			value := a.Values().Get(i)
			if other := b.Values().ByName(value.Name()); other != nil && other.Number() != value.Number() {
				return fmt.Sprintf("%s = %d here, %d there", value.Name(), value.Number(), other.Number())
			}
			if other := b.Values().ByNumber(value.Number()); other != nil && b.Values().ByName(value.Name()) == nil && a.Values().ByName(other.Name()) == nil {
				return fmt.Sprintf("%s = %d here, %s there", value.Name(), value.Number(), other.Name())
			}
		}
	}
	return ""
}

// fieldText is what of a field its JSON and its wire form depend on, as a proto file has it.
func fieldText(field protoreflect.FieldDescriptor) string {
	var kind string
	switch {
	case field.IsMap():
		kind = fmt.Sprintf("map<%s, %s>", field.MapKey().Kind(), kindText(field.MapValue()))
	case field.IsList():
		kind = "repeated " + kindText(field)
	default:
		kind = kindText(field)
	}
	return fmt.Sprintf("%s %s = %d", kind, field.Name(), field.Number())
}

func kindText(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Message() != nil:
		return string(field.Message().FullName())
	case field.Enum() != nil:
		return string(field.Enum().FullName())
	default:
		return field.Kind().String()
	}
}
