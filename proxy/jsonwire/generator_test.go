package jsonwire_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// generator makes messages, wire forms and JSON by chance.
type generator struct {
	*rand.Rand
	world world
}

// newGenerator returns a generator whose output depends on the seed only.
func newGenerator(w world, seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0)), world: w}
}

// oneOf says yes once in n times.
func (g *generator) oneOf(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, values []T) T { return values[g.IntN(len(values))] }

// message fills some of the fields of a message; depth bounds how deeply.
func (g *generator) message(tb testing.TB, m protoreflect.Message, depth int) {
	tb.Helper()
	if m.Descriptor().FullName() == "google.protobuf.Any" {
		g.any(tb, m, depth)
		return
	}
	fields := m.Descriptor().Fields()
	for range 1 + g.IntN(min(fields.Len(), 8)+1) {
		if fields.Len() == 0 {
			return
		}
		g.field(tb, m, fields.Get(g.IntN(fields.Len())), depth)
	}
	for _, name := range []protoreflect.FullName{
		"jsonwiretest.v1.old_int32", "jsonwiretest.v1.old_old", "jsonwiretest.v1.old_list", "jsonwiretest.v1.Scope.scoped",
		"jsonwiretest.v1.edition_delimited",
	} {
		extension, err := g.world.types.FindExtensionByName(name)
		require.NoError(tb, err)
		if field := extension.TypeDescriptor(); field.ContainingMessage().FullName() == m.Descriptor().FullName() && g.oneOf(10) {
			g.field(tb, m, field, depth)
		}
	}
}

func (g *generator) field(tb testing.TB, m protoreflect.Message, field protoreflect.FieldDescriptor, depth int) {
	tb.Helper()
	switch {
	case field.Message() != nil && !field.IsMap() && depth == 0:
	case field.IsMap():
		values := m.Mutable(field).Map()
		for range g.IntN(5) {
			key := g.scalar(m.Descriptor(), field.MapKey()).MapKey()
			if field.MapValue().Message() == nil {
				values.Set(key, g.scalar(m.Descriptor(), field.MapValue()))
			} else if depth > 0 {
				value := values.NewValue()
				g.message(tb, value.Message(), depth-1)
				values.Set(key, value)
			}
		}
	case field.IsList():
		values := m.Mutable(field).List()
		for range g.IntN(5) {
			if field.Message() == nil {
				values.Append(g.scalar(m.Descriptor(), field))
				continue
			}
			g.message(tb, values.AppendMutable().Message(), depth-1)
		}
	case field.Message() != nil:
		g.message(tb, m.Mutable(field).Message(), depth-1)
	default:
		m.Set(field, g.scalar(m.Descriptor(), field))
	}
}

func (g *generator) any(tb testing.TB, m protoreflect.Message, depth int) {
	tb.Helper()
	if depth == 0 || g.oneOf(5) {
		return
	}
	inner := g.world.messageType(tb, pick(g, jsonCases).message).New()
	g.message(tb, inner, depth-1)
	packed, err := proto.MarshalOptions{AllowPartial: true}.Marshal(inner.Interface())
	require.NoError(tb, err)
	m.Set(m.Descriptor().Fields().ByNumber(1), protoreflect.ValueOfString("x.y/"+string(inner.Descriptor().FullName())))
	m.Set(m.Descriptor().Fields().ByNumber(2), protoreflect.ValueOfBytes(packed))
}

var interestingInts = []int64{
	0, 0, 1, -1, 2, 9, 10, 127, 128, 255, 256, 300, 999999999, 1000000000, math.MaxInt32, math.MinInt32, math.MaxUint32,
	315576000000, 253402300799, -62135596800, math.MaxInt64, math.MinInt64,
}

var interestingFloats = []float64{
	0, math.Copysign(0, -1), 1, -1, 1.5, 0.1, 1e-6, 1e-7, 1e20, 1e21, 1e22, math.MaxFloat64, math.MaxFloat32,
	math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53, 123456.789,
}

var interestingTexts = []string{
	"", "a", "b", "foo_bar", "foo.bar", "ä", "😀", "\"", "\\", "\n", "\x00", "\x7f", "\u2028", "<&>",
	"plain ASCII text that is longer than a word", "with \"quotes\" and a long way to go", "日本語のテキスト", "@type", "value",
	"null", "1", "true", "NaN",
}

func (g *generator) scalar(message protoreflect.MessageDescriptor, field protoreflect.FieldDescriptor) protoreflect.Value {
	n := pick(g, interestingInts)
	if g.oneOf(3) {
		n = int64(g.Uint64() >> g.IntN(64))
	}
	if parent := message.FullName(); parent == "google.protobuf.Timestamp" || parent == "google.protobuf.Duration" {
		n = g.Int64N(1000000000) // mostly in range
	}
	f := pick(g, interestingFloats)
	if g.oneOf(3) {
		f = math.Float64frombits(g.Uint64())
	}
	s := pick(g, interestingTexts)
	if g.oneOf(5) {
		s = strings.Repeat(s, g.IntN(20)) + pick(g, interestingTexts)
	}
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 == 0)
	case protoreflect.EnumKind:
		if values := field.Enum().Values(); g.oneOf(2) {
			return protoreflect.ValueOfEnum(values.Get(g.IntN(values.Len())).Number())
		}
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(f))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(f)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(s)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(s))
	default:
		panic(fmt.Sprintf("%s is not a scalar", field.FullName()))
	}
}

// scramble writes a wire form in another way: fields in another order, lists in other pieces, messages in two parts, scalars
// twice, unknown fields between. It may mean another message afterwards, or none.
func (g *generator) scramble(tb testing.TB, message protoreflect.MessageDescriptor, data []byte) []byte {
	tb.Helper()
	all := records(tb, data)
	if g.oneOf(3) {
		g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	var out []byte
	for _, record := range all {
		number, t, n := protowire.ConsumeTag(record)
		field := message.Fields().ByNumber(number)
		switch {
		case field == nil:
			out = append(out, record...)
		case t == protowire.BytesType && field.Message() != nil:
			inner, _ := protowire.ConsumeBytes(record[n:])
			for _, part := range g.parts(tb, g.scramble(tb, field.Message(), inner), field) {
				out = append(out, sub(number, part)...)
			}
		case t == protowire.StartGroupType && field.Message() != nil:
			inner, _ := protowire.ConsumeGroup(number, record[n:])
			for _, part := range g.parts(tb, g.scramble(tb, field.Message(), inner), field) {
				out = append(out, group(number, part)...)
			}
		case t == protowire.BytesType && field.IsPacked():
			inner, _ := protowire.ConsumeBytes(record[n:])
			out = append(out, g.unpack(tb, field, inner)...)
		default:
			out = append(out, record...)
		}
		switch g.IntN(20) {
		case 0:
			out = append(out, unknownFields...)
		case 1:
			out = append(out, record...)
		case 2:
			out = append(out, pick(g, all)...)
		case 3:
			out = append(out, varint(protowire.Number(1+g.IntN(40)), uint64(pick(g, interestingInts)))...)
		}
	}
	return out
}

// parts cuts a message in two sometimes.
func (g *generator) parts(tb testing.TB, data []byte, field protoreflect.FieldDescriptor) [][]byte {
	tb.Helper()
	if field.IsList() || field.IsMap() || !g.oneOf(5) {
		return [][]byte{data}
	}
	all := records(tb, data)
	at := g.IntN(len(all) + 1)
	return [][]byte{wire(all[:at]...), wire(all[at:]...)}
}

// unpack writes packed values one by one, or in two packs, or in one.
func (g *generator) unpack(tb testing.TB, field protoreflect.FieldDescriptor, inner []byte) []byte {
	tb.Helper()
	t := map[protoreflect.Kind]protowire.Type{
		protoreflect.Fixed32Kind: protowire.Fixed32Type, protoreflect.Sfixed32Kind: protowire.Fixed32Type,
		protoreflect.FloatKind:   protowire.Fixed32Type,
		protoreflect.Fixed64Kind: protowire.Fixed64Type, protoreflect.Sfixed64Kind: protowire.Fixed64Type,
		protoreflect.DoubleKind: protowire.Fixed64Type,
	}[field.Kind()] // the others are varints, whose type is 0
	var values [][]byte
	for len(inner) > 0 {
		n := protowire.ConsumeFieldValue(field.Number(), t, inner)
		require.Positive(tb, n)
		values, inner = append(values, inner[:n]), inner[n:]
	}
	at := g.IntN(len(values) + 1)
	switch g.IntN(3) {
	case 0:
		return text(field.Number(), string(wire(values...)))
	case 1:
		return wire(text(field.Number(), string(wire(values[:at]...))), text(field.Number(), string(wire(values[at:]...))))
	default:
		var out []byte
		for _, value := range values {
			out = append(append(out, tag(field.Number(), t)...), value...)
		}
		return out
	}
}

// fragments are what JSON breaks at.
var fragments = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1e5", "1.0", "1.5", "1e", "01", "-", `"`, `""`, `"a"`, `"1"`, `"NaN"`,
	`\`, `\u0000`, `\ud800`, `\n`, "{", "}", "{}", "[", "]", "[]", "[null]", ",", ":", " ", "\n",
	`"@type":"a/google.protobuf.Duration",`, `"value":"1s",`, `"unknown":[{"a":1}],`, `"int32":1,`,
	`"[jsonwiretest.v1.old_int32]":1,`, "\xff", "é", "\x00", "9223372036854775808", "4294967296", "0.1e1", "1E400",
	`"2026-01-02T03:04:05Z"`, `"1.5s"`,
}

// mutate changes a few places of a text.
func (g *generator) mutate(data []byte) []byte {
	data = bytes.Clone(data)
	for range 1 + g.IntN(3) {
		at := g.IntN(len(data) + 1)
		end := min(len(data), at+g.IntN(8))
		switch g.IntN(5) {
		case 0: // take out
			data = append(data[:at], data[end:]...)
		case 1: // put in
			data = append(data[:at], append([]byte(pick(g, fragments)), data[at:]...)...)
		case 2: // put in instead
			data = append(data[:at], append([]byte(pick(g, fragments)), data[end:]...)...)
		case 3: // put in again
			data = append(data[:end], append(bytes.Clone(data[at:end]), data[end:]...)...)
		case 4: // change a byte
			if at < len(data) {
				data[at] = byte(g.Uint32())
			}
		}
	}
	return data
}

// generated is how many messages are made for each case of the table. TEST_SIZE=full makes more.
func generated() int {
	if os.Getenv("TEST_SIZE") == "full" {
		return 20000
	}
	return 50
}

func TestGeneratedMessages(t *testing.T) {
	t.Parallel()
	for i, c := range jsonCases {
		t.Run(c.name, func(t *testing.T) {
			for j := range generated() {
				w := worlds[j%len(worlds)]
				g := newGenerator(w, uint64(i)<<32|uint64(j))
				m := w.messageType(t, c.message).New()
				g.message(t, m, 4)
				data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m.Interface())
				require.NoError(t, err)
				_, _ = w.requireJSON(t, pick(g, writings), c.message, data)
				scrambled := g.scramble(t, m.Descriptor(), data)
				_, _ = w.requireJSON(t, pick(g, writings), c.message, scrambled)
				_, _ = w.requireJSON(t, pick(g, writings), c.message, g.mutate(scrambled))
				w.requireRoundTrip(t, settings{allowPartial: true}, c.message, scrambled)

				// The mark-up of several lines has white space at every place.
				s := pick(g, writings)
				written, err := protojson.MarshalOptions{
					AllowPartial: true, Multiline: g.oneOf(2), UseProtoNames: s.protoNames, UseEnumNumbers: s.enumNumbers,
					EmitUnpopulated: s.unpopulated, Resolver: w.types,
				}.Marshal(m.Interface())
				if err != nil {
					continue // such as a Timestamp out of range
				}
				_, _ = w.requireWire(t, pick(g, readings), c.message, written)
				for range 4 {
					_, _ = w.requireWire(t, pick(g, readings), c.message, g.mutate(written))
				}
			}
		})
	}
}
