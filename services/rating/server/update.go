package server

import (
	"slices"

	"go.einride.tech/aip/fieldbehavior"
	"go.einride.tech/aip/fieldmask"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// checkUpdate checks what can be known of an update without the current resource. The resource is in the given field of
// the request; get is the request that would get it, whose constraints hold for its name.
func (s *Server) checkUpdate(field string, resource, get proto.Message, mask *fieldmaskpb.FieldMask) error {
	if !resource.ProtoReflect().IsValid() {
		return invalidError{fieldViolation(field, "value is required")}
	}
	if err := s.validate(field+".", get); err != nil {
		return err
	}
	return checkMask(mask, resource)
}

// checkMask checks that all paths of an update mask are fields of the resource.
func checkMask(mask *fieldmaskpb.FieldMask, resource proto.Message) error {
	if fieldmask.IsFullReplacement(mask) {
		return nil
	}
	var invalid invalidError
	for _, path := range mask.GetPaths() {
		switch {
		case path == fieldmask.WildcardPath:
			invalid = append(invalid, fieldViolation("update_mask", `"*" stands alone or not at all`))
		case fieldmask.Validate(&fieldmaskpb.FieldMask{Paths: []string{path}}, resource) != nil:
			invalid = append(invalid, fieldViolation("update_mask", "%q is not a field of %s", path, resource.ProtoReflect().Descriptor().Name()))
		}
	}
	if invalid != nil {
		return invalid
	}
	return nil
}

// fixed reports whether a field keeps the value that the resource was created with.
func fixed(field protoreflect.FieldDescriptor) bool {
	return fieldbehavior.Has(field, annotations.FieldBehavior_IMMUTABLE) ||
		fieldbehavior.Has(field, annotations.FieldBehavior_IDENTIFIER)
}

// merge updates the current resource with the fields of update that a mask selects (AIP-134): those that are set when
// there is no mask, all for "*". As AIP-203 has it, output-only fields are ignored, also in the mask, so that a resource
// can be sent back as it was got; an immutable field that is selected must have the current value. Then it checks the
// constraints of the whole. Violations name the fields under the field of the request that has update.
func (s *Server) merge(field string, current, update proto.Message, mask *fieldmaskpb.FieldMask) error {
	before := proto.Clone(current)
	fieldmask.Update(mask, current, update)
	fieldbehavior.CopyFields(current, before, annotations.FieldBehavior_OUTPUT_ONLY,
		annotations.FieldBehavior_IDENTIFIER, annotations.FieldBehavior_IMMUTABLE)
	if err := checkFixed(field, before, update, mask); err != nil {
		return err
	}
	return s.validate(field+".", current)
}

// checkFixed checks that an update gives no immutable field another value. Without mask, or with "*", it gives those that
// are set.
func checkFixed(prefix string, current, update proto.Message, mask *fieldmaskpb.FieldMask) error {
	named := len(mask.GetPaths()) > 0 && !fieldmask.IsFullReplacement(mask)
	var invalid invalidError
	before, after := current.ProtoReflect(), update.ProtoReflect()
	fields := after.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		given := after.Has(field)
		if named {
			given = slices.Contains(mask.GetPaths(), string(field.Name()))
		}
		if given && fixed(field) && !after.Get(field).Equal(before.Get(field)) {
			invalid = append(invalid, fieldViolation(prefix+"."+string(field.Name()), "is immutable"))
		}
	}
	if invalid != nil {
		return invalid
	}
	return nil
}
