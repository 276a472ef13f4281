package jsonwire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/codingflow/rating/proto/jsonwiretest/v1"
	_ "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// world is a way to have messages. protojson is the oracle in each.
type world struct {
	name  string
	types jsonwire.Resolver
	// codecs are the [*jsonwire.Codecs] by [settings].
	codecs *sync.Map
}

// worlds are the messages as generated code that is linked in, and as descriptors that are read at run time.
var worlds = []world{
	{name: "generated", types: protoregistry.GlobalTypes, codecs: &sync.Map{}},
	{name: "dynamic", types: dynamicTypes(), codecs: &sync.Map{}},
}

// dynamicTypes returns the linked files as a program knows them that has read their descriptors.
func dynamicTypes() *dynamicpb.Types {
	var set descriptorpb.FileDescriptorSet
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		panic(err)
	}
	return dynamicpb.NewTypes(files)
}

// settings are the options, for jsonwire and for protojson. The zero values are the defaults of both.
type settings struct {
	allowPartial, discardUnknown, protoNames, enumNumbers, unpopulated, defaultValues bool
	recursionLimit                                                                    int
}

// readings are the settings that matter to AppendWire.
var readings = func() []settings {
	var all []settings
	for i := range 4 {
		for _, limit := range []int{0, 1, 2, 3, 4, 5} {
			all = append(all, settings{discardUnknown: i&1 > 0, allowPartial: i&2 > 0, recursionLimit: limit})
		}
	}
	return all
}()

// writings are the settings that matter to AppendJSON.
var writings = func() []settings {
	var all []settings
	for i := range 32 {
		all = append(all, settings{allowPartial: i&1 > 0, protoNames: i&2 > 0, enumNumbers: i&4 > 0, unpopulated: i&8 > 0, defaultValues: i&16 > 0})
	}
	return all
}()

func (w world) messageType(tb testing.TB, name protoreflect.FullName) protoreflect.MessageType {
	tb.Helper()
	message, err := w.types.FindMessageByName(name)
	require.NoError(tb, err, "%s", name)
	return message
}

// codec returns the codec of a message.
func (w world) codec(tb testing.TB, s settings, name protoreflect.FullName) *jsonwire.MessageCodec {
	tb.Helper()
	codec, err := w.shared(tb, s).Message(w.messageType(tb, name).Descriptor())
	require.NoError(tb, err)
	return codec
}

// shared returns the codecs with these settings, the same each time.
func (w world) shared(tb testing.TB, s settings) *jsonwire.Codecs {
	tb.Helper()
	shared, ok := w.codecs.Load(s)
	if !ok {
		codecs, err := jsonwire.New(s.options(w.types)...)
		require.NoError(tb, err)
		shared, _ = w.codecs.LoadOrStore(s, codecs)
	}
	return shared.(*jsonwire.Codecs)
}

func (s settings) options(types jsonwire.Resolver) []jsonwire.Option {
	options := []jsonwire.Option{jsonwire.WithResolver(types)}
	for _, o := range []struct {
		set    bool
		option func() jsonwire.Option
	}{
		{s.allowPartial, jsonwire.WithAllowPartial},
		{s.discardUnknown, jsonwire.WithDiscardUnknown},
		{s.protoNames, jsonwire.WithProtoNames},
		{s.enumNumbers, jsonwire.WithEnumNumbers},
		{s.unpopulated, jsonwire.WithUnpopulated},
		{s.defaultValues, jsonwire.WithDefaultValues},
	} {
		if o.set {
			options = append(options, o.option())
		}
	}
	if s.recursionLimit > 0 {
		options = append(options, jsonwire.WithRecursionLimit(s.recursionLimit))
	}
	return options
}

// oracleWire is what AppendWire has to do, but for the order of the fields.
func (w world) oracleWire(tb testing.TB, s settings, name protoreflect.FullName, text []byte) ([]byte, error) {
	tb.Helper()
	m := w.messageType(tb, name).New().Interface()
	err := protojson.UnmarshalOptions{
		AllowPartial:   s.allowPartial,
		DiscardUnknown: s.discardUnknown,
		RecursionLimit: s.recursionLimit,
		Resolver:       w.types,
	}.Unmarshal(text, m)
	if err == nil {
		err = wellFormed(text)
	}
	if err != nil {
		return nil, err
	}
	wire, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	require.NoError(tb, err)
	return wire, nil
}

// wellFormed returns an error if text is not JSON. protojson takes some of that too, such as 1e for a number. How deeply
// encoding/json lets objects and arrays be nested, 10,000, is no matter.
func wellFormed(text []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(text, &raw)
	if err != nil && strings.Contains(err.Error(), "exceeded max depth") {
		return nil
	}
	return err
}

// oracleJSON is what AppendJSON has to do.
func (w world) oracleJSON(tb testing.TB, s settings, name protoreflect.FullName, wire []byte) (text []byte, err error) {
	tb.Helper()
	defer recovered(&err)
	m, err := w.decode(tb, name, wire, protowire.DefaultRecursionLimit)
	if err != nil {
		return nil, err
	}
	text, err = protojson.MarshalOptions{
		AllowPartial:      s.allowPartial,
		UseProtoNames:     s.protoNames,
		UseEnumNumbers:    s.enumNumbers,
		EmitUnpopulated:   s.unpopulated,
		EmitDefaultValues: s.defaultValues,
		Resolver:          w.types,
	}.Marshal(m)
	if err != nil {
		return nil, err
	}
	return compact(text), nil
}

// compact takes out the white space, which protojson varies from build to build. (json.Compact has a limit of levels.)
func compact(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\n':
		case '"':
			start := i
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			out = append(out, text[start:i+1]...)
		default:
			out = append(out, text[i])
		}
	}
	return out
}

func (w world) decode(tb testing.TB, name protoreflect.FullName, wire []byte, limit int) (m proto.Message, err error) {
	tb.Helper()
	defer recovered(&err)
	m = w.messageType(tb, name).New().Interface()
	return m, proto.UnmarshalOptions{AllowPartial: true, Resolver: w.types, RecursionLimit: limit}.Unmarshal(wire, m)
}

// errPanicked stands for a panic of protobuf-go 1.36, which dynamicpb has for a map entry that has a field 1 of a wrong wire
// type after its key. Generated code takes it for an unknown field.
var errPanicked = errors.New("protobuf-go panicked")

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errPanicked, p)
	}
}

// wireLevels is how many levels of the wire form a message that was read from JSON may have: a Struct in a Value counts as
// one level there and as three here.
const wireLevels = 3 * protowire.DefaultRecursionLimit

// requireWire fails the test if AppendWire and the oracle disagree on text. It returns the oracle's answer.
func (w world) requireWire(tb testing.TB, s settings, name protoreflect.FullName, text []byte) ([]byte, error) {
	tb.Helper()
	want, wantErr := w.oracleWire(tb, s, name, text)
	got, err := w.codec(tb, s, name).AppendWire(nil, text)
	if wantErr != nil {
		require.Error(tb, err, "%s %+v %s: AppendWire accepts what protojson refuses: %v\n%s", w.name, s, name, wantErr, excerpt(text))
		var e *jsonwire.Error
		require.ErrorAs(tb, err, &e, "%s %+v %s\n%s", w.name, s, name, excerpt(text))
		require.NotEmpty(tb, e.Description)
		require.True(tb, e.Offset >= 0 && e.Offset <= len(text), "%s %+v %s: offset %d\n%s", w.name, s, name, e.Offset, excerpt(text))
		return nil, wantErr
	}
	require.NoError(tb, err, "%s %+v %s: AppendWire refuses what protojson accepts\n%s", w.name, s, name, excerpt(text))
	w.requireSame(tb, name, want, got, text)
	return want, nil
}

// requireSame fails the test unless two wire forms that were made of text hold the same message.
func (w world) requireSame(tb testing.TB, name protoreflect.FullName, want, got, text []byte) {
	tb.Helper()
	expected, err := w.decode(tb, name, want, wireLevels)
	require.NoError(tb, err)
	actual, err := w.decode(tb, name, got, wireLevels)
	require.NoError(tb, err, "%s %s: AppendWire's output %x is malformed\n%s", w.name, name, got, excerpt(text))
	w.normalize(tb, expected.ProtoReflect())
	w.normalize(tb, actual.ProtoReflect())
	if !proto.Equal(expected, actual) {
		tb.Fatalf("%s %s:\n%s\nprotojson:  %v\njsonwire:   %v", w.name, name, excerpt(text), expected, actual)
	}
}

// requireJSON fails the test if AppendJSON and the oracle disagree on wire. It returns the oracle's answer.
func (w world) requireJSON(tb testing.TB, s settings, name protoreflect.FullName, wire []byte) ([]byte, error) {
	tb.Helper()
	want, wantErr := w.oracleJSON(tb, s, name, wire)
	got, err := w.codec(tb, s, name).AppendJSON(nil, wire)
	if err != nil && wantErr == nil || errors.Is(wantErr, errPanicked) {
		if _, dynamic := worlds[1].oracleJSON(tb, s, name, wire); errors.Is(dynamic, errPanicked) {
			return nil, dynamic // there is no rule
		}
	}
	if wantErr != nil {
		require.Error(tb, err, "%s %+v %s: AppendJSON accepts what protojson refuses: %v\n%x", w.name, s, name, wantErr, wire)
		return nil, wantErr
	}
	require.NoError(tb, err, "%s %+v %s: AppendJSON refuses what protojson accepts\n%x", w.name, s, name, wire)
	if !bytes.Equal(want, got) {
		tb.Fatalf("%s %+v %s: %x\nprotojson: %s\njsonwire:  %s", w.name, s, name, wire, want, got)
	}
	return want, nil
}

// normalize makes what may differ the same: the order of the fields in an Any, the bits of a NaN, and the order of unknown
// fields, which are here the numbers that a closed enum does not have.
func (w world) normalize(tb testing.TB, m protoreflect.Message) {
	tb.Helper()
	if m.Descriptor().FullName() == "google.protobuf.Any" {
		w.normalizeAny(tb, m)
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, element protoreflect.Value) bool {
				if field.MapValue().Message() != nil {
					w.normalize(tb, element.Message())
				} else if canonical, isNaN := canonicalNaN(field.MapValue(), element); isNaN {
					value.Map().Set(key, canonical)
				}
				return true
			})
		case field.IsList():
			for i := range value.List().Len() {
				if field.Message() != nil {
					w.normalize(tb, value.List().Get(i).Message())
				} else if canonical, isNaN := canonicalNaN(field, value.List().Get(i)); isNaN {
					value.List().Set(i, canonical)
				}
			}
		case field.Message() != nil:
			w.normalize(tb, value.Message())
		default:
			if canonical, isNaN := canonicalNaN(field, value); isNaN {
				m.Set(field, canonical)
			}
		}
		return true
	})
	m.SetUnknown(sortedRecords(tb, m.GetUnknown()))
}

func (w world) normalizeAny(tb testing.TB, m protoreflect.Message) {
	tb.Helper()
	url, value := m.Descriptor().Fields().ByNumber(1), m.Descriptor().Fields().ByNumber(2)
	inner, err := w.types.FindMessageByURL(m.Get(url).String())
	if err != nil {
		require.Zero(tb, m.Get(url).String(), "an Any of an unknown type")
		return
	}
	unpacked, err := w.decode(tb, inner.Descriptor().FullName(), m.Get(value).Bytes(), wireLevels)
	require.NoError(tb, err)
	w.normalize(tb, unpacked.ProtoReflect())
	packed, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(unpacked)
	require.NoError(tb, err)
	m.Set(value, protoreflect.ValueOfBytes(packed))
}

func canonicalNaN(field protoreflect.FieldDescriptor, value protoreflect.Value) (protoreflect.Value, bool) {
	switch {
	case field.Kind() == protoreflect.FloatKind && math.IsNaN(value.Float()):
		return protoreflect.ValueOfFloat32(float32(math.NaN())), true
	case field.Kind() == protoreflect.DoubleKind && math.IsNaN(value.Float()):
		return protoreflect.ValueOfFloat64(math.NaN()), true
	}
	return value, false
}

func sortedRecords(tb testing.TB, wire []byte) []byte {
	tb.Helper()
	all := records(tb, wire)
	slices.SortFunc(all, bytes.Compare)
	return slices.Concat(all...)
}

// records cuts wire into its fields, each with its tag.
func records(tb testing.TB, wire []byte) [][]byte {
	tb.Helper()
	var all [][]byte
	for len(wire) > 0 {
		_, _, n := protowire.ConsumeField(wire)
		require.Positive(tb, n, "%x", wire)
		all = append(all, wire[:n])
		wire = wire[n:]
	}
	return all
}

// excerpt shortens long input in the text of a failure.
func excerpt(text []byte) string {
	const most = 4096
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "…"
}

var errRefused = errors.New("refused")

// verdict reduces an error to whether there is one.
func verdict(err error) error {
	if err != nil {
		return errRefused
	}
	return nil
}
