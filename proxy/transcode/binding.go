package transcode

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Binding is one way to call a method over HTTP: a google.api.HttpRule, resolved and checked. It is read-only.
type Binding struct {
	Method protoreflect.MethodDescriptor
	// HTTPMethod is GET, PUT, POST, DELETE, PATCH or a custom kind; `*` stands for all that no other binding of the same
	// pattern has.
	HTTPMethod string
	// Template is the path template as it stands in the annotation.
	Template string
	// Variables are the fields that the path binds, from left to right.
	Variables []FieldPath
	// BodyAll says that the body is the request message (`body: "*"`).
	BodyAll bool
	// BodyField is the request's field that the body holds, nil without one.
	BodyField protoreflect.FieldDescriptor
	// ResponseField is the response's field that is answered (`response_body`), nil for the whole response.
	ResponseField protoreflect.FieldDescriptor
	// Mask is the request's google.protobuf.FieldMask that is inferred from the body, nil if none is: the binding is a
	// PATCH, its body is a message field, and the request has a field `update_mask` (AIP-134).
	//
	// The inferred paths are relative to BodyField, by proto names, in the order of the JSON. Messages descend; lists,
	// maps, messages with a JSON form of their own, empty objects and null are leaves. What the path binds is left out,
	// and so are fields marked OUTPUT_ONLY or IDENTIFIER: a client that sends back what it has read does not mean to
	// change them (AIP-203). There is no mask without a body or when the query sets it.
	Mask protoreflect.FieldDescriptor

	template *template
}

// HasBody reports whether requests of this binding have a body.
func (b *Binding) HasBody() bool { return b.BodyAll || b.BodyField != nil }

func (b *Binding) String() string { return b.HTTPMethod + " " + b.Template }

// bindings returns the bindings of a method, none without an annotation. The error joins all that is wrong; each names
// the method and the template.
func bindings(method protoreflect.MethodDescriptor) ([]*Binding, error) {
	rule, err := httpRule(method)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method.FullName(), err)
	}
	if rule == nil {
		return nil, nil
	}
	rules := append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...)
	var (
		found []*Binding
		errs  []error
	)
	for i, rule := range rules {
		binding, err := newBinding(method, rule)
		if err == nil && i > 0 && len(rule.GetAdditionalBindings()) > 0 {
			err = errors.New("additional_bindings must not be nested")
		}
		if err != nil {
			httpMethod, path := httpPattern(rule)
			errs = append(errs, fmt.Errorf("%s: %s %q: %w", method.FullName(), httpMethod, path, err))
			continue
		}
		found = append(found, binding)
	}
	return found, errors.Join(errs...)
}

func newBinding(method protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*Binding, error) {
	b := &Binding{Method: method}
	b.HTTPMethod, b.Template = httpPattern(rule)
	if b.HTTPMethod == "" {
		return nil, errors.New("the annotation has no HTTP method")
	}
	if !isToken(b.HTTPMethod) {
		return nil, errors.New("the kind is no HTTP method (RFC 9110, section 5.6.2)")
	}
	input, output := method.Input(), method.Output()
	for _, message := range []protoreflect.MessageDescriptor{input, output} {
		if message.IsPlaceholder() {
			return nil, fmt.Errorf("message %s is not among the descriptors", message.FullName())
		}
	}
	var err error
	if b.template, err = parseTemplate(b.Template); err != nil {
		return nil, err
	}
	for _, v := range b.template.variables {
		path, err := findPath(input, v.fieldPath, byProtoName)
		if err != nil {
			return nil, err
		}
		if err := checkVariable(path, b.Variables); err != nil {
			return nil, err
		}
		b.Variables = append(b.Variables, path)
	}
	if err := b.setBody(rule.GetBody()); err != nil {
		return nil, err
	}
	if name := rule.GetResponseBody(); name != "" {
		if b.ResponseField = output.Fields().ByName(protoreflect.Name(name)); b.ResponseField == nil {
			return nil, fmt.Errorf("response_body: %s has no field %q", output.FullName(), name)
		}
	}
	b.setMask()
	return b, nil
}

func (b *Binding) setBody(name string) error {
	if name == "" {
		return nil
	}
	if b.HTTPMethod == http.MethodGet || b.HTTPMethod == http.MethodHead {
		return fmt.Errorf("body: %s has none (AIP-127)", b.HTTPMethod)
	}
	if name == "*" {
		b.BodyAll = true
		return nil
	}
	input := b.Method.Input()
	field := input.Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return fmt.Errorf("body: %s has no field %q", input.FullName(), name)
	}
	for _, v := range b.Variables {
		if v.Leaf() == field {
			return fmt.Errorf("body: field %q is bound by the path", name)
		}
		if exclude(v, FieldPath{field}) {
			return fmt.Errorf("body: fields %q and %q are of one oneof", v, name)
		}
	}
	b.BodyField = field
	return nil
}

func (b *Binding) setMask() {
	if b.HTTPMethod != http.MethodPatch || b.BodyField == nil || b.BodyField.IsList() || b.BodyField.IsMap() ||
		b.BodyField.Message() == nil || isWellKnown(b.BodyField.Message()) || isHTTPBody(b.BodyField) {
		return
	}
	mask := b.Method.Input().Fields().ByName("update_mask")
	if mask == nil || mask.IsList() || mask.Message() == nil || mask.Message().FullName() != "google.protobuf.FieldMask" {
		return
	}
	for _, v := range b.Variables {
		if v.Leaf() == mask {
			return
		}
	}
	b.Mask = mask
}

// checkVariable checks that a path can bind a field: http.proto allows fields of a primitive type that are not repeated;
// messages whose JSON is a text are fine too, as in grpc-gateway. Two fields of one oneof would fail every request.
func checkVariable(path FieldPath, others []FieldPath) error {
	leaf := path.Leaf()
	switch {
	case leaf.IsMap():
		return fmt.Errorf("field %q is a map, which a path cannot bind", path)
	case leaf.IsList():
		return fmt.Errorf("field %q is repeated, which a path cannot bind", path)
	case !isTextual(leaf):
		return fmt.Errorf("field %q is a message, which a path cannot bind", path)
	}
	for _, other := range others {
		if other.String() == path.String() {
			return fmt.Errorf("field %q is bound twice", path)
		}
		if exclude(other, path) {
			return fmt.Errorf("fields %q and %q are of one oneof", other, path)
		}
	}
	return nil
}

// httpPattern returns the HTTP method and the path template of a rule, empty if there are none.
func httpPattern(rule *annotations.HttpRule) (method, path string) {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, pattern.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, pattern.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, pattern.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, pattern.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, pattern.Patch
	case *annotations.HttpRule_Custom:
		return pattern.Custom.GetKind(), pattern.Custom.GetPath()
	default:
		return "", ""
	}
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isIdentByte(s[i], true) && strings.IndexByte("!#$%&'*+-.^`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}
