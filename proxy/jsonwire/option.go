package jsonwire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// DefaultRecursionLimit bounds how deeply messages are nested when WithRecursionLimit does not: protojson's bound.
const DefaultRecursionLimit = protowire.DefaultRecursionLimit

// Option changes how [Codecs] work. The zero values are those of protojson.
type Option interface {
	apply(*options) error
}

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	resolver       Resolver
	recursionLimit int
	allowPartial   bool
	discardUnknown bool
	protoNames     bool
	enumNumbers    bool
	unpopulated    bool
	defaultValues  bool
}

// WithResolver sets where messages in a google.protobuf.Any and extensions are found; by default they are those that are
// linked in.
func WithResolver(resolver Resolver) Option {
	return optionFunc(func(o *options) error {
		if resolver == nil {
			return errors.New("resolver is nil")
		}
		o.resolver = resolver
		return nil
	})
}

// WithRecursionLimit bounds how deeply messages may be nested in JSON that is read. The message itself is the first
// level; a Value of google.protobuf.Struct and ListValue counts as a message.
func WithRecursionLimit(levels int) Option {
	return optionFunc(func(o *options) error {
		if levels <= 0 {
			return fmt.Errorf("recursion limit %d is not positive", levels)
		}
		o.recursionLimit = levels
		return nil
	})
}

// WithAllowPartial lets required fields be missing.
func WithAllowPartial() Option {
	return optionFunc(func(o *options) error { o.allowPartial = true; return nil })
}

// WithDiscardUnknown skips the fields and the enum names of JSON that are unknown, instead of refusing them.
func WithDiscardUnknown() Option {
	return optionFunc(func(o *options) error { o.discardUnknown = true; return nil })
}

// WithProtoNames writes fields by their proto names, rather than in lowerCamelCase or by json_name. Read are both.
func WithProtoNames() Option {
	return optionFunc(func(o *options) error { o.protoNames = true; return nil })
}

// WithEnumNumbers writes enum values by number. Read are both.
func WithEnumNumbers() Option {
	return optionFunc(func(o *options) error { o.enumNumbers = true; return nil })
}

// WithUnpopulated writes all fields but those of oneofs and extensions: what is not set as zero, [] or {}, and as null
// where a field tells unset from zero.
func WithUnpopulated() Option {
	return optionFunc(func(o *options) error { o.unpopulated = true; return nil })
}

// WithDefaultValues writes zero scalars, empty lists and empty maps, but no field that tells unset from zero.
func WithDefaultValues() Option {
	return optionFunc(func(o *options) error { o.defaultValues = true; return nil })
}
