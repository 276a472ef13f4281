package jsonwire_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// nestings are JSON that grows with every level: before the levels, each level before and after its content, and the
// content of the last.
var nestings = []struct {
	name                             string
	message                          protoreflect.FullName
	head, open, inner, closing, tail string
	// deep says to try the default limit too, which takes its time.
	deep bool
}{
	{name: "messages", message: test("Tree"), open: `{"child":`, inner: `{}`, closing: `}`, deep: true},
	{name: "messages in lists", message: test("Tree"), open: `{"children":[`, inner: `{}`, closing: `]}`},
	{name: "messages in maps", message: test("Tree"), open: `{"byName":{"a":`, inner: `{}`, closing: `}}`, deep: true},
	{name: "messages in a oneof", message: test("Tree"), open: `{"left":`, inner: `{}`, closing: `}`},
	{name: "groups", message: test("EditionMessages"), open: `{"delimited":`, inner: `{}`, closing: `}`},
	{name: "lists in values", message: known("Value"), open: `[`, inner: `null`, closing: `]`},
	{name: "lists in values, the last empty", message: known("Value"), open: `[`, inner: `[]`, closing: `]`},
	{name: "structs in values", message: known("Value"), open: `{"a":`, inner: `1`, closing: `}`, deep: true},
	{name: "structs in values, the last empty", message: known("Value"), open: `{"a":`, inner: `{}`, closing: `}`},
	{name: "struct", message: known("Struct"), head: `{"a":`, open: `{"a":`, inner: `""`, closing: `}`, tail: `}`},
	{name: "list value", message: known("ListValue"), head: `[`, open: `[`, inner: `true`, closing: `]`, tail: `]`},
	{name: "values in a message", message: test("Tree"), head: `{"value":`, open: `[`, inner: `{}`, closing: `]`, tail: `}`},
	{name: "structs in a message", message: test("Tree"), head: `{"struct":`, open: `{"a":`, inner: `{}`, closing: `}`,
		tail: `}`},
	{name: "lists in a message", message: test("Tree"), head: `{"list":`, open: `[`, inner: `[]`, closing: `]`, tail: `}`},
	{name: "timestamp at the end", message: test("WellKnown"), head: `{"timestamp":`, inner: `"1970-01-01T00:00:00Z"`,
		tail: `}`},
	{name: "wrapper at the end", message: test("RepeatedWellKnown"), head: `{"boolValue":[`, inner: `true`, tail: `]}`},
	{name: "message after messages", message: test("Tree"), head: `{"right":`, open: `{"child":`, inner: `{"name":"a"}`,
		closing: `}`, tail: `,"list":[]}`},
	{name: "any", message: known("Any"), open: `{"@type":"a/google.protobuf.Any","value":`, inner: `{}`, closing: `}`},
	{name: "any, type last", message: known("Any"), open: `{"value":`, inner: `{}`,
		closing: `,"@type":"a/google.protobuf.Any"}`},
	{name: "any with messages", message: test("Tree"), open: `{"any":{"@type":"a/jsonwiretest.v1.Tree","child":`, inner: `{}`,
		closing: `}}`},
	{name: "any with values", message: known("Any"), head: `{"@type":"a/google.protobuf.Value","value":`, open: `[`,
		inner: `1`, closing: `]`, tail: `}`},
	{name: "any with a struct", message: known("Any"), head: `{"@type":"a/google.protobuf.Struct","value":`, open: `{"a":`,
		inner: `{}`, closing: `}`, tail: `}`},
	{name: "any with messages below", message: known("Any"), head: `{"@type":"a/jsonwiretest.v1.Tree","child":`,
		open: `{"child":`, inner: `{}`, closing: `}`, tail: `}`},
	{name: "unknown lists", message: test("Tree"), head: `{"unknown":`, open: `[`, inner: `1`, closing: `]`, tail: `}`,
		deep: true},
	{name: "unknown objects", message: test("Tree"), head: `{"unknown":`, open: `{"a":`, inner: `{}`, closing: `}`,
		tail: `}`},
	{name: "unknown after messages", message: test("Tree"), head: `{"child":{"child":{"unknown":`, open: `[`, inner: `{}`,
		closing: `]`, tail: `}}}`},
	{name: "unknown in values of empty", message: known("Empty"), head: `{"unknown":`, open: `[`, inner: `1`, closing: `]`,
		tail: `}`},
	{name: "unknown before the type of an any", message: known("Any"), head: `{"unknown":`, open: `[`, inner: `1`,
		closing: `]`, tail: `,"@type":"a/jsonwiretest.v1.Tree"}`},
	{name: "unknown after the type of an any", message: known("Any"), head: `{"@type":"a/jsonwiretest.v1.Tree","unknown":`,
		open: `[`, inner: `1`, closing: `]`, tail: `}`},
	{name: "unknown beside the value of an any", message: known("Any"),
		head: `{"@type":"a/google.protobuf.Duration","value":"1s","unknown":`, open: `[`, inner: `1`, closing: `]`,
		tail: `}`},
	{name: "any without a type", message: known("Any"), head: `{"unknown":`, open: `[`, inner: `1`, closing: `]`, tail: `}`},
	{name: "any of empty with unknown", message: known("Any"), head: `{"@type":"a/google.protobuf.Empty","value":{"unknown":`,
		open: `[`, inner: `1`, closing: `]`, tail: `}}`},
	{name: "unknown with two at a level", message: test("Tree"), head: `{"unknown":`, open: `[{"a":[1,{}],"b":`, inner: `1`,
		closing: `}]`, tail: `}`},
	{name: "unknown extension", message: test("Old"), head: `{"[a.b]":`, open: `[`, inner: `1`, closing: `]`, tail: `}`},
	{name: "extensions", message: test("Old"), open: `{"[jsonwiretest.v1.old_old]":`, inner: `{}`, closing: `}`},
	{name: "required messages", message: test("Required"), open: `{"id":1,"optional":`, inner: `{"id":1}`, closing: `}`},
}

// The limit to the level: of messages, of values, of what is skipped.
func TestAppendWireAgreesOnRecursionLimits(t *testing.T) {
	t.Parallel()
	for _, c := range nestings {
		t.Run(c.name, func(t *testing.T) {
			for limit := 1; limit <= 12; limit++ {
				for levels := range limit + 3 {
					data := []byte(c.head + strings.Repeat(c.open, levels) + c.inner + strings.Repeat(c.closing,
						levels) + c.tail)
					for _, w := range worlds {
						_, _ = w.requireWire(t, settings{recursionLimit: limit}, c.message, data)
						_, _ = w.requireWire(t, settings{recursionLimit: limit, discardUnknown: true}, c.message, data)
					}
				}
			}
		})
	}
}

func TestAppendWireAgreesOnTheDefaultRecursionLimit(t *testing.T) {
	t.Parallel()
	for _, c := range nestings {
		if !c.deep {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			verdicts := map[bool]int{}
			for levels := jsonwire.DefaultRecursionLimit - 2; levels <= jsonwire.DefaultRecursionLimit+1; levels++ {
				data := []byte(c.head + strings.Repeat(c.open, levels) + c.inner + strings.Repeat(c.closing, levels) + c.tail)
				_, err := worlds[0].requireWire(t, settings{discardUnknown: true}, c.message, data)
				verdicts[err == nil]++
			}
			require.Len(t, verdicts, 2, "the limit is not among the levels: %v", verdicts)
		})
	}
}

// The wire form has a limit of its own, 10,000, for messages and for groups that are skipped.
func TestAppendJSONAgreesOnRecursionLimits(t *testing.T) {
	t.Parallel()
	delimited := func(number protowire.Number) func([]byte, int) []byte {
		return func(inner []byte, levels int) []byte { return nestedWire(inner, number, levels) }
	}
	groups := func(number protowire.Number) func([]byte, int) []byte {
		return func(inner []byte, levels int) []byte {
			start, end := tag(number, protowire.StartGroupType), tag(number, protowire.EndGroupType)
			return slices.Concat(bytes.Repeat(start, levels), inner, bytes.Repeat(end, levels))
		}
	}
	for _, c := range []struct {
		name    string
		message protoreflect.FullName
		nest    func(inner []byte, levels int) []byte
		inner   []byte
		// perLevel is how many messages each level adds.
		perLevel int
	}{
		{"messages", test("Tree"), delimited(2), nil, 1},
		{"messages in lists", test("Tree"), delimited(3), nil, 1},
		{"messages with a timestamp in the last", test("Node"), delimited(3), text(1, "a"), 1},
		{"groups", test("EditionMessages"), groups(2), nil, 1},
		{"groups in lists", test("EditionMessages"), groups(3), nil, 1},
		{"groups that are skipped", test("Tree"), groups(9000), nil, 1},
		{"groups that are skipped in a message", test("Tree"), func(inner []byte,
			levels int) []byte {
			return sub(2, groups(9000)(inner, levels))
		}, nil, 1},
		{"groups that are skipped in an empty", known("Empty"), groups(1), nil, 1},
		{"entries of maps", test("Tree"), func(inner []byte, levels int) []byte { return alternating(inner, levels, 4, 2) },
			nil, 2},
		{"lists in values", known("Value"), func(inner []byte, levels int) []byte { return alternating(inner, levels, 6, 1) },
			varint(1, 0), 2},
		{"structs in values", known("Value"), func(inner []byte, levels int) []byte {
			for range levels {
				inner = sub(5, sub(1, sub(2, inner)))
			}
			return inner
		}, varint(1, 0), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdicts := map[bool]int{}
			around := protowire.DefaultRecursionLimit / c.perLevel
			for levels := around - 1; levels <= around+2; levels++ {
				_, err := worlds[0].requireJSON(t, settings{}, c.message, c.nest(c.inner, levels))
				verdicts[err == nil]++
			}
			require.Len(t, verdicts, 2, "the limit is not among the levels: %v", verdicts)
		})
	}
}

// nestedWire puts a message in fields of itself, by as many levels.
func nestedWire(inner []byte, number protowire.Number, levels int) []byte {
	numbers := make([]protowire.Number, levels)
	for i := range numbers {
		numbers[i] = number
	}
	return path(inner, numbers)
}

// alternating nests a message in two fields by turns: a map and the value of its entries, a value and its list.
func alternating(inner []byte, levels int, outer, entry protowire.Number) []byte {
	numbers := make([]protowire.Number, 0, 2*levels)
	for range levels {
		numbers = append(numbers, outer, entry)
	}
	return path(inner, numbers)
}

// path nests a message in these fields, the outermost first.
func path(inner []byte, numbers []protowire.Number) []byte {
	heads := make([][]byte, len(numbers))
	size := len(inner)
	for i := len(numbers) - 1; i >= 0; i-- {
		heads[i] = protowire.AppendVarint(tag(numbers[i], protowire.BytesType), uint64(size))
		size += len(heads[i])
	}
	return append(slices.Concat(heads...), inner...)
}

// An Any in an Any, which has a limit in JSON only.
func TestAppendJSONAgreesOnAnyInAny(t *testing.T) {
	inner := anyOf("a/jsonwiretest.v1.Nested", varint(1, 1))
	for range 100 {
		inner = anyOf("a/google.protobuf.Any", inner)
		for _, w := range worlds {
			_, err := w.requireJSON(t, settings{}, known("Any"), inner)
			require.NoError(t, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		option jsonwire.Option
		want   string
	}{
		{jsonwire.WithRecursionLimit(0), "jsonwire: recursion limit 0 is not positive"},
		{jsonwire.WithRecursionLimit(-1), "jsonwire: recursion limit -1 is not positive"},
		{jsonwire.WithResolver(nil), "jsonwire: resolver is nil"},
	} {
		_, err := jsonwire.New(c.option)
		require.EqualError(t, err, c.want)
	}
}
