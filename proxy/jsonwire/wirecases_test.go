package jsonwire_test

import (
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wireCase is the wire form of a message, and its JSON by the default settings; none if the wire form is refused.
type wireCase struct {
	name    string
	message protoreflect.FullName
	wire    []byte
	json    string
}

// wire joins fields.
func wire(fields ...[]byte) []byte { return slices.Concat(fields...) }

func tag(number protowire.Number, t protowire.Type) []byte {
	return protowire.AppendTag(nil, number, t)
}

func varint(number protowire.Number, values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(append(b, tag(number, protowire.VarintType)...), v)
	}
	return b
}

func fixed32(number protowire.Number, v uint32) []byte {
	return protowire.AppendFixed32(tag(number, protowire.Fixed32Type), v)
}

func fixed64(number protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(tag(number, protowire.Fixed64Type), v)
}

func double(number protowire.Number, v float64) []byte { return fixed64(number, math.Float64bits(v)) }

func float(number protowire.Number, v float32) []byte { return fixed32(number, math.Float32bits(v)) }

func text(number protowire.Number, s string) []byte {
	return protowire.AppendString(tag(number, protowire.BytesType), s)
}

// sub is a field that holds others: a message, an entry of a map.
func sub(number protowire.Number, fields ...[]byte) []byte {
	return text(number, string(wire(fields...)))
}

// packed is a list of varints in one field.
func packed(number protowire.Number, values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(b, v)
	}
	return text(number, string(b))
}

func group(number protowire.Number, fields ...[]byte) []byte {
	return wire(tag(number, protowire.StartGroupType), wire(fields...), tag(number, protowire.EndGroupType))
}

// raw is bytes as they stand.
func raw(s string) []byte { return []byte(s) }

// minus is a negative number as a varint has it.
func minus(n int64) uint64 { return uint64(-n) }

// anyOf is the fields of an Any.
func anyOf(url string, fields ...[]byte) []byte { return wire(text(1, url), sub(2, fields...)) }

// unknownFields is one of every wire type, with numbers that no message here has.
var unknownFields = wire(varint(9001, 1), fixed32(9002, 2), fixed64(9003, 3), text(9004, "\xff"),
	group(9005, varint(1, 1), group(2, text(3, "\xff"))), varint(9001, 2))

// wireCases are wire forms that proto.Marshal does not write, and messages that have no JSON.
var wireCases = []wireCase{
	// Scalars.
	{"nothing", test("Singular"), nil, `{}`},
	{"zeros", test("Singular"), wire(varint(3, 0), text(14, ""), text(15, ""), varint(16, 0), double(1, 0), varint(13, 0)),
		`{}`},
	{"zeros with presence", test("Optional"), wire(varint(3, 0), text(14, ""), text(15, ""), varint(16, 0), double(1, 0),
		varint(13, 0), varint(17, 0)),
		`{"double":0,"int32":0,"bool":false,"string":"","bytes":"","color":"COLOR_UNSPECIFIED","null":null}`},
	{"negative zeros", test("Singular"), wire(double(1, math.Copysign(0, -1)), float(2, float32(math.Copysign(0, -1)))),
		`{"double":-0,"float":-0}`},
	{"not a number", test("Singular"), wire(double(1, math.NaN()), float(2, float32(math.NaN()))),
		`{"double":"NaN","float":"NaN"}`},
	{"another NaN", test("Singular"), wire(fixed64(1, 0xfff0000000000001), fixed32(2, 0xff800001)),
		`{"double":"NaN","float":"NaN"}`},
	{"infinities", test("Repeated"), wire(double(1, math.Inf(1)), double(1, math.Inf(-1)), float(2, float32(math.Inf(1))),
		float(2, float32(math.Inf(-1)))),
		`{"double":["Infinity","-Infinity"],"float":["Infinity","-Infinity"]}`},
	{"doubles", test("Repeated"), wire(double(1, 0.1), double(1, 1e20), double(1, 1e21), double(1, -1e21), double(1, 1e-6),
		double(1, 9.99e-7), double(1, 1e-7), double(1, 1e-10),
		double(1, 5e-324), double(1, math.MaxFloat64), double(1, 123456789), double(1, 1.0/3), double(1, 1e100),
		double(1, 999999999999999999999), double(1, 9007199254740993)),
		`{"double":[0.1,100000000000000000000,1e+21,-1e+21,0.000001,9.99e-7,1e-7,1e-10,5e-324,1.7976931348623157e+308,123456789,0.3333333333333333,1e+100,1e+21,9007199254740992]}`},
	{"floats", test("Repeated"), wire(float(2, 0.1), float(2, 1e20), float(2, 1e21), float(2, 1e-6), float(2, 9.99e-7),
		float(2, 1e-7), float(2, math.SmallestNonzeroFloat32),
		float(2, math.MaxFloat32), float(2, 16777216), float(2, 1.0/3), float(2, 1e10), float(2, -1e-10)),
		`{"float":[0.1,100000000000000000000,1e+21,0.000001,9.99e-7,1e-7,1e-45,3.4028235e+38,16777216,0.33333334,10000000000,-1e-10]}`},
	{"bool of more bits", test("Singular"), varint(13, 2), `{"bool":true}`},
	{"bool of the highest bit only", test("Singular"), varint(13, 1<<63), `{"bool":true}`},
	{"bool of the bits beyond 32", test("Singular"), varint(13, 1<<32), `{"bool":true}`},
	{"int32 with high bits", test("Singular"), varint(3, 0xdeadbeef00000001), `{"int32":1}`},
	{"int32 that is negative in 32 bits", test("Singular"), varint(3, 0xffffffff), `{"int32":-1}`},
	{"int32 that is zero in 32 bits", test("Singular"), varint(3, 1<<32), `{}`},
	{"int32 that is zero in 32 bits, with presence", test("Optional"), varint(3, 1<<32), `{"int32":0}`},
	{"uint32 with high bits", test("Singular"), varint(5, 0xffffffff00000005), `{"uint32":5}`},
	{"sint32 with high bits", test("Singular"), varint(7, 0xff00000003), `{"sint32":-2}`},
	{"enum with high bits", test("Singular"), varint(16, 0xff00000001), `{"color":"COLOR_RED"}`},
	{"negative enum in 32 bits", test("Singular"), varint(16, 0xffffffff), `{"color":"COLOR_INFRARED"}`},
	{"least and greatest", test("Singular"), wire(varint(3, minus(1<<31)), varint(4, 1<<63), varint(5, math.MaxUint32),
		varint(6, math.MaxUint64), varint(7, math.MaxUint32), varint(8, math.MaxUint64),
		fixed32(9, math.MaxUint32), fixed64(10, math.MaxUint64), fixed32(11, 1<<31), fixed64(12, 1<<63)),
		`{"int32":-2147483648,"int64":"-9223372036854775808","uint32":4294967295,"uint64":"18446744073709551615","sint32":-2147483648,"sint64":"-9223372036854775808","fixed32":4294967295,"fixed64":"18446744073709551615","sfixed32":-2147483648,"sfixed64":"-9223372036854775808"}`},
	{"enum alias", test("Singular"), varint(16, 1), `{"color":"COLOR_RED"}`},
	{"unknown enum number", test("Repeated"), wire(packed(16, 0, 99, minus(99), 1)),
		`{"color":["COLOR_UNSPECIFIED",99,-99,"COLOR_RED"]}`},
	{"null with a number", test("Repeated"), packed(17, 0, 5), `{"null":[null,null]}`},
	{"non-minimal varint", test("Singular"), raw("\x18\x81\x80\x80\x00"), `{"int32":1}`},
	{"non-minimal varint of ten bytes", test("Singular"), raw("\x18\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"), `{"int32":1}`},
	{"varint of ten bytes that overflows", test("Singular"), raw("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), ``},
	{"varint of eleven bytes", test("Singular"), raw("\x20\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), ``},
	{"non-minimal tag", test("Singular"), raw("\x98\x80\x00\x01"), `{"int32":1}`},
	{"non-minimal length", test("Singular"), raw("\x72\x81\x00a"), `{"string":"a"}`},
	{"tag of ten bytes", test("Singular"), raw("\x98\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01"), `{"int32":1}`},

	// Order and repetition.
	{"fields out of order", test("Singular"), wire(text(14, "a"), varint(3, 1), double(1, 1)),
		`{"double":1,"int32":1,"string":"a"}`},
	{"declared out of order", test("Numbers"), wire(varint(1, 1), text(2, "b"), text(3, "c"),
		sub(15, varint(1, 2), varint(2, 1)), sub(15, varint(1, 1)), varint(16, 6), varint(2048, 7), varint(20000, 9),
		varint(536870911, 8)),
		`{"greatest":8,"twoThousand":[7],"three":"c","sixteen":6,"fifteen":{"1":0,"2":1},"one":1,"two":"b","afterReserved":9}`},
	{"singular twice", test("Singular"), wire(varint(3, 1), text(14, "a"), varint(3, 2), text(14, "b")),
		`{"int32":2,"string":"b"}`},
	{"singular back to zero", test("Singular"), wire(varint(3, 1), text(14, "a"), varint(3, 0), text(14, ""), double(1, 1),
		double(1, 0)), `{}`},
	{"optional back to zero", test("Optional"), wire(varint(3, 1), varint(3, 0)), `{"int32":0}`},
	{"message in two parts", test("Singular"), wire(sub(18, varint(1, 1)), varint(3, 3), sub(18, text(2, "a"))),
		`{"int32":3,"nested":{"number":1,"text":"a"}}`},
	{"message in parts, deeper", test("Singular"), wire(sub(18, sub(3, varint(1, 1)), varint(1, 1)),
		sub(18, sub(3, text(2, "a"), varint(1, 2))), sub(18, sub(3))),
		`{"nested":{"number":1,"nested":{"number":2,"text":"a"}}}`},
	{"message and an empty one", test("Singular"), wire(sub(18, varint(1, 1)), sub(18)), `{"nested":{"number":1}}`},
	{"message with zeros merged", test("Singular"), wire(sub(18, varint(1, 1)), sub(18, varint(1, 0))), `{"nested":{}}`},
	{"list in pieces", test("Repeated"), wire(varint(3, 1), text(14, "a"), packed(3, 2, 3), text(14, "b"), varint(3, 4),
		packed(3), packed(3, 5)), `{"int32":[1,2,3,4,5],"string":["a","b"]}`},
	{"unpacked list in a pack", test("Unpacked"), wire(packed(3, 1, 2), varint(3, 3)), `{"int32":[1,2,3]}`},
	{"packed of every kind", test("Repeated"), wire(text(1, "\x00\x00\x00\x00\x00\x00\xf0\x3f"),
		text(2, "\x00\x00\x80\x3f\x00\x00\x00\x40"), packed(4, 1, minus(1)), packed(5, 1), packed(6, 1), packed(7, 1, 2),
		packed(8, 1, 2),
		text(9, "\x01\x00\x00\x00"), text(10, "\x01\x00\x00\x00\x00\x00\x00\x00"), text(11, "\xff\xff\xff\xff"),
		text(12, "\xff\xff\xff\xff\xff\xff\xff\xff"), packed(13, 0, 1, 2), packed(16, 1), packed(17, 0)),
		`{"double":[1],"float":[1,2],"int64":["1","-1"],"uint32":[1],"uint64":["1"],"sint32":[-1,1],"sint64":["-1","1"],"fixed32":[1],"fixed64":["1"],"sfixed32":[-1],"sfixed64":["-1"],"bool":[false,true,true],"color":["COLOR_RED"],"null":[null]}`},
	{"empty pack", test("Repeated"), wire(packed(3), text(1, "")), `{}`},
	{"pack cut in a varint", test("Repeated"), text(3, "\x01\x80"), ``},
	{"pack cut in a fixed32", test("Repeated"), text(9, "\x01\x00\x00"), ``},
	{"pack cut in a fixed64", test("Repeated"), text(1, "\x01\x00\x00\x00"), ``},
	{"pack with an overflow", test("Repeated"), text(4, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), ``},
	{"strings do not pack", test("Repeated"), wire(text(14, ""), text(14, "\x01a")), `{"string":["","\u0001a"]}`},
	{"messages in a list do not merge", test("Repeated"), wire(sub(18, varint(1, 1)), sub(18, text(2, "a")), sub(18)),
		`{"nested":[{"number":1},{"text":"a"},{}]}`},
	{"list interleaved with another", test("Repeated"), wire(varint(3, 1), varint(4, 1), varint(3, 2), varint(4, 2)),
		`{"int32":[1,2],"int64":["1","2"]}`},
	{"list of zeros", test("Repeated"), wire(varint(3, 0, 0), text(14, ""), text(15, ""), varint(16, 0)),
		`{"int32":[0,0],"string":[""],"bytes":[""],"color":["COLOR_UNSPECIFIED"]}`},

	// Maps.
	{"map", test("MapValues"), wire(sub(3, text(1, "b"), varint(2, 1)), sub(3, text(1, "a"), varint(2, 2))),
		`{"int32":{"a":2,"b":1}}`},
	{"map with a key twice", test("MapValues"), wire(sub(3, text(1, "a"), varint(2, 1)), sub(3, text(1, "b"), varint(2, 2)),
		sub(3, text(1, "a"), varint(2, 3))), `{"int32":{"a":3,"b":2}}`},
	{"map of messages with a key twice", test("MapValues"), wire(sub(18, text(1, "a"), sub(2, varint(1, 1))),
		sub(18, text(1, "a"), sub(2, text(2, "x")))), `{"nested":{"a":{"text":"x"}}}`},
	{"entry without a key", test("MapValues"), sub(3, varint(2, 1)), `{"int32":{"":1}}`},
	{"entry without a value", test("MapValues"), sub(3, text(1, "a")), `{"int32":{"a":0}}`},
	{"entry without anything", test("MapValues"), wire(sub(3), sub(14), sub(18), sub(16), sub(17), sub(15), sub(13), sub(1)),
		`{"double":{"":0},"int32":{"":0},"bool":{"":false},"string":{"":""},"bytes":{"":""},"color":{"":"COLOR_UNSPECIFIED"},"null":{"":null},"nested":{"":{}}}`},
	{"entry in another order", test("MapValues"), sub(3, varint(2, 1), text(1, "a")), `{"int32":{"a":1}}`},
	{"entry with its key twice", test("MapValues"), sub(3, text(1, "a"), varint(2, 1), text(1, "b")), `{"int32":{"b":1}}`},
	{"entry with its value twice", test("MapValues"), sub(3, text(1, "a"), varint(2, 1), varint(2, 2)), `{"int32":{"a":2}}`},
	{"entry with its message in two parts", test("MapValues"), sub(18, text(1, "a"), sub(2, varint(1, 1)),
		sub(2, text(2, "x"))), `{"nested":{"a":{"number":1,"text":"x"}}}`},
	{"entry with unknown fields", test("MapValues"), sub(3, varint(3, 7), text(1, "a"), unknownFields, varint(2, 1),
		varint(9, 9)), `{"int32":{"a":1}}`},
	{"entry with a key of a wrong type", test("MapValues"), sub(3, varint(1, 7), varint(2, 1)), `{"int32":{"":1}}`},
	{"entry with a value of a wrong type", test("MapValues"), sub(3, text(1, "a"), text(2, "x")), `{"int32":{"a":0}}`},
	{"entry that is a varint", test("MapValues"), varint(3, 1), `{}`},
	{"entry that is cut off", test("MapValues"), text(3, "\x0a\x02a"), ``},
	{"entry with a bad tag", test("MapValues"), text(3, "\x00"), ``},
	{"entry with a group", test("MapValues"), sub(3, text(1, "a"), group(5, varint(1, 1)), varint(2, 1)),
		`{"int32":{"a":1}}`},
	{"entry with the end of a group", test("MapValues"), sub(3, text(1, "a"), tag(5, protowire.EndGroupType)), ``},
	{"integer keys", test("MapKeys"), wire(sub(1, varint(1, 10)), sub(1, varint(1, 9)), sub(1, varint(1, minus(1))),
		sub(1, varint(1, minus(10))), sub(1, varint(1, 0))), `{"int32":{"-10":"","-1":"","0":"","9":"","10":""}}`},
	{"unsigned keys", test("MapKeys"), wire(sub(4, varint(1, math.MaxUint64)), sub(4, varint(1, 1<<63)), sub(4, varint(1, 2)),
		sub(4)), `{"uint64":{"0":"","2":"","9223372036854775808":"","18446744073709551615":""}}`},
	{"keys that are the same in 32 bits", test("MapKeys"), wire(sub(1, varint(1, 1), text(2, "a")),
		sub(1, varint(1, 1<<32+1), text(2, "b"))), `{"int32":{"1":"b"}}`},
	{"other keys", test("MapKeys"), wire(sub(5, varint(1, 1)), sub(6, varint(1, 1)), sub(7, fixed32(1, 5)),
		sub(8, fixed64(1, 5)), sub(9, fixed32(1, math.MaxUint32)), sub(10, fixed64(1, math.MaxUint64))),
		`{"sint32":{"-1":""},"sint64":{"-1":""},"fixed32":{"5":""},"fixed64":{"5":""},"sfixed32":{"-1":""},"sfixed64":{"-1":""}}`},
	{"bool keys", test("MapKeys"), wire(sub(11, varint(1, 7), text(2, "x")), sub(11, text(2, "y")),
		sub(11, varint(1, 1), text(2, "z"))), `{"bool":{"false":"y","true":"z"}}`},
	{"string keys", test("MapKeys"), wire(sub(12, text(1, "b")), sub(12, text(1, "")), sub(12, text(1, "ab")),
		sub(12, text(1, "é")), sub(12, text(1, "\U0010ffff")), sub(12, text(1, "\uffff")), sub(12, text(1, "\"\n"))),
		"{\"string\":{\"\":\"\",\"\\\"\\n\":\"\",\"ab\":\"\",\"b\":\"\",\"é\":\"\",\"\uffff\":\"\",\"\U0010ffff\":\"\"}}"},
	{"key that is not UTF-8", test("MapKeys"), sub(12, text(1, "\xff")), ``},
	{"value that is not UTF-8", test("MapValues"), sub(14, text(1, "a"), text(2, "\xff")), ``},
	{"value that is not UTF-8 and is overwritten", test("MapValues"), wire(sub(14, text(1, "a"), text(2, "\xff")),
		sub(14, text(1, "a"), text(2, "b"))), ``},
	{"map between other fields", test("Numbers"), wire(sub(15, varint(1, 1), varint(2, 1)), varint(1, 1),
		sub(15, varint(1, 2), varint(2, 2)), varint(16, 1), sub(15, varint(1, 0), varint(2, 3))),
		`{"sixteen":1,"fifteen":{"0":3,"1":1,"2":2},"one":1}`},

	// Oneofs.
	{"oneof", test("OneOf"), varint(3, 0), `{"int32":0}`},
	{"oneof overwritten", test("OneOf"), wire(varint(3, 1), text(14, "a")), `{"string":"a"}`},
	{"oneof overwritten and back", test("OneOf"), wire(varint(3, 1), text(14, "a"), varint(3, 2)), `{"int32":2}`},
	{"oneof overwritten by zero", test("OneOf"), wire(text(14, "a"), varint(3, 0)), `{"int32":0}`},
	{"oneof message merged", test("OneOf"), wire(sub(18, varint(1, 1)), sub(18, text(2, "a"))),
		`{"nested":{"number":1,"text":"a"}}`},
	{"oneof message not merged after another", test("OneOf"), wire(sub(18, varint(1, 1)), varint(3, 1),
		sub(18, text(2, "a"))), `{"nested":{"text":"a"}}`},
	{"oneof message dropped", test("OneOf"), wire(sub(18, varint(1, 1)), varint(3, 1)), `{"int32":1}`},
	{"oneof with wrong type after", test("OneOf"), wire(varint(3, 1), varint(14, 1)), `{"int32":1}`},
	{"three oneofs", test("OneOf"), wire(sub(202), varint(101, 0), varint(17, 0), text(102, "x"), varint(201, 1)),
		`{"beforeText":"x","null":null,"afterNumber":1}`},
	{"oneof string that is not UTF-8 and is overwritten", test("OneOf"), wire(text(14, "\xff"), varint(3, 1)), ``},
	{"null in a oneof", test("OneOf"), varint(17, 3), `{"null":null}`},
	{"oneof of the same message", test("Tree"), wire(sub(5, text(1, "l")), sub(6, text(1, "r")), sub(5, sub(2))),
		`{"left":{"child":{}}}`},
	{"closed enum in a oneof, a number that it has not", test("Old"), wire(varint(30, 1), varint(31, 99)), `{"right":99}`},
	{"closed enum in a oneof, a number that it has", test("Old"), wire(varint(30, 1), varint(31, 2)),
		`{"right":"SIZE_LARGE"}`},

	// Unknown fields and wrong types.
	{"unknown fields", test("Singular"), wire(unknownFields, varint(3, 1), unknownFields), `{"int32":1}`},
	{"unknown fields only", test("Nothing"), unknownFields, `{}`},
	{"unknown fields in a message", test("Singular"), sub(18, unknownFields, varint(1, 1), unknownFields),
		`{"nested":{"number":1}}`},
	{"varint for a string", test("Singular"), varint(14, 1), `{}`},
	{"string for a varint", test("Singular"), text(3, "\x01"), `{}`},
	{"fixed32 for a varint", test("Singular"), fixed32(3, 1), `{}`},
	{"fixed64 for a fixed32", test("Singular"), fixed64(9, 1), `{}`},
	{"varint for a message", test("Singular"), varint(18, 1), `{}`},
	{"group for a message", test("Singular"), group(18, varint(1, 1)), `{}`},
	{"group for a varint", test("Singular"), group(3, varint(1, 1)), `{}`},
	{"varint for a list of strings", test("Repeated"), varint(14, 1), `{}`},
	{"fixed32 for a list of varints", test("Repeated"), wire(fixed32(3, 1), varint(3, 2)), `{"int32":[2]}`},
	{"group for a list of messages", test("Repeated"), group(18, varint(1, 1)), `{}`},
	{"group for a map", test("MapValues"), group(3, text(1, "a"), varint(2, 1)), `{}`},
	{"wrong type keeps the value", test("Singular"), wire(varint(3, 1), text(3, "\x02")), `{"int32":1}`},
	{"varint for a group", test("Old"), varint(20, 1), `{}`},
	{"message for a group", test("Old"), sub(20, varint(1, 1)), `{}`},
	{"field number 0", test("Singular"), raw("\x00\x01"), ``},
	{"field number 0 with a length", test("Singular"), raw("\x02\x00"), ``},
	{"greatest field number", test("Singular"), varint(1<<29-1, 1), `{}`},
	{"field number too great", test("Singular"), raw("\x80\x80\x80\x80\x10\x01"), ``},
	{"field number beyond 32 bits", test("Singular"), raw("\x98\x80\x80\x80\x80\x80\x04\x01"), ``},
	{"wire type 6", test("Singular"), raw("\x1e\x01"), ``},
	{"wire type 7", test("Singular"), raw("\x1f\x01"), ``},
	{"wire type 6 of an unknown field", test("Singular"), raw("\xfe\x7e\x01"), ``},
	{"end of a group", test("Singular"), tag(3, protowire.EndGroupType), ``},
	{"end of an unknown group", test("Singular"), tag(9000, protowire.EndGroupType), ``},
	{"unknown group without an end", test("Singular"), wire(tag(9000, protowire.StartGroupType), varint(1, 1)), ``},
	{"unknown group with another end", test("Singular"), wire(tag(9000, protowire.StartGroupType),
		tag(9001, protowire.EndGroupType)), ``},
	{"unknown groups crossed", test("Singular"), wire(tag(9000, protowire.StartGroupType),
		tag(9001, protowire.StartGroupType), tag(9000, protowire.EndGroupType), tag(9001, protowire.EndGroupType)), ``},
	{"unknown group with a bad field", test("Singular"), group(9000, raw("\x00")), ``},
	{"length beyond the end", test("Singular"), raw("\x72\x05abc"), ``},
	{"length beyond 31 bits", test("Singular"), raw("\x72\xff\xff\xff\xff\x0fabc"), ``},
	{"length beyond 63 bits", test("Singular"), raw("\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc"), ``},
	{"message beyond its length", test("Singular"), sub(18, raw("\x12\x05a")), ``},
	{"message that ends in a tag", test("Singular"), sub(18, raw("\x08")), ``},
	{"message that ends in the middle of a tag", test("Singular"), sub(18, raw("\x88")), ``},
	{"message with the end of a group", test("Singular"), sub(18, tag(1, protowire.EndGroupType)), ``},
	{"unknown length beyond the end", test("Singular"), raw("\xa2\xb2\x04\x05abc"), ``},

	// Text.
	{"text with escapes", test("Singular"), text(14, "\"\\/\b\f\n\r\t\x00\x01\x0b\x1f\x7f<>&\u2028\u2029\ufffd é€😀\U0010ffff"),
		"{\"string\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u000b\\u001f\x7f<>&\u2028\u2029� é€😀\U0010ffff\"}"},
	{"every control character", test("Repeated"), func() []byte {
		var b []byte
		for c := range byte(0x80) {
			b = append(b, text(14, "a"+string(rune(c))+"b")...)
		}
		return b
	}(),
		"{\"string\":[\"a\\u0000b\",\"a\\u0001b\",\"a\\u0002b\",\"a\\u0003b\",\"a\\u0004b\",\"a\\u0005b\",\"a\\u0006b\",\"a\\u0007b\",\"a\\bb\",\"a\\tb\",\"a\\nb\",\"a\\u000bb\",\"a\\fb\",\"a\\rb\",\"a\\u000eb\",\"a\\u000fb\",\"a\\u0010b\",\"a\\u0011b\",\"a\\u0012b\",\"a\\u0013b\",\"a\\u0014b\",\"a\\u0015b\",\"a\\u0016b\",\"a\\u0017b\",\"a\\u0018b\",\"a\\u0019b\",\"a\\u001ab\",\"a\\u001bb\",\"a\\u001cb\",\"a\\u001db\",\"a\\u001eb\",\"a\\u001fb\",\"a b\",\"a!b\",\"a\\\"b\",\"a#b\",\"a$b\",\"a%b\",\"a&b\",\"a'b\",\"a(b\",\"a)b\",\"a*b\",\"a+b\",\"a,b\",\"a-b\",\"a.b\",\"a/b\",\"a0b\",\"a1b\",\"a2b\",\"a3b\",\"a4b\",\"a5b\",\"a6b\",\"a7b\",\"a8b\",\"a9b\",\"a:b\",\"a;b\",\"a<b\",\"a=b\",\"a>b\",\"a?b\",\"a@b\",\"aAb\",\"aBb\",\"aCb\",\"aDb\",\"aEb\",\"aFb\",\"aGb\",\"aHb\",\"aIb\",\"aJb\",\"aKb\",\"aLb\",\"aMb\",\"aNb\",\"aOb\",\"aPb\",\"aQb\",\"aRb\",\"aSb\",\"aTb\",\"aUb\",\"aVb\",\"aWb\",\"aXb\",\"aYb\",\"aZb\",\"a[b\",\"a\\\\b\",\"a]b\",\"a^b\",\"a_b\",\"a`b\",\"aab\",\"abb\",\"acb\",\"adb\",\"aeb\",\"afb\",\"agb\",\"ahb\",\"aib\",\"ajb\",\"akb\",\"alb\",\"amb\",\"anb\",\"aob\",\"apb\",\"aqb\",\"arb\",\"asb\",\"atb\",\"aub\",\"avb\",\"awb\",\"axb\",\"ayb\",\"azb\",\"a{b\",\"a|b\",\"a}b\",\"a~b\",\"a\x7fb\"]}"},
	{"long text", test("Singular"), text(14, strings.Repeat("0123456789abcdef", 64)+"\n"+strings.Repeat("é", 100)),
		`{"string":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\néééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"}`},
	{"escapes at every place of a word", test("Repeated"), func() []byte {
		var b []byte
		for i := range 18 {
			plain := strings.Repeat("a", i)
			b = append(b, wire(text(14, plain+"\""+plain), text(14, plain+"\x1f"), text(14, plain+"é"), text(14, plain))...)
		}
		return b
	}(),
		`{"string":["\"","\u001f","é","","a\"a","a\u001f","aé","a","aa\"aa","aa\u001f","aaé","aa","aaa\"aaa","aaa\u001f","aaaé","aaa","aaaa\"aaaa","aaaa\u001f","aaaaé","aaaa","aaaaa\"aaaaa","aaaaa\u001f","aaaaaé","aaaaa","aaaaaa\"aaaaaa","aaaaaa\u001f","aaaaaaé","aaaaaa","aaaaaaa\"aaaaaaa","aaaaaaa\u001f","aaaaaaaé","aaaaaaa","aaaaaaaa\"aaaaaaaa","aaaaaaaa\u001f","aaaaaaaaé","aaaaaaaa","aaaaaaaaa\"aaaaaaaaa","aaaaaaaaa\u001f","aaaaaaaaaé","aaaaaaaaa","aaaaaaaaaa\"aaaaaaaaaa","aaaaaaaaaa\u001f","aaaaaaaaaaé","aaaaaaaaaa","aaaaaaaaaaa\"aaaaaaaaaaa","aaaaaaaaaaa\u001f","aaaaaaaaaaaé","aaaaaaaaaaa","aaaaaaaaaaaa\"aaaaaaaaaaaa","aaaaaaaaaaaa\u001f","aaaaaaaaaaaaé","aaaaaaaaaaaa","aaaaaaaaaaaaa\"aaaaaaaaaaaaa","aaaaaaaaaaaaa\u001f","aaaaaaaaaaaaaé","aaaaaaaaaaaaa","aaaaaaaaaaaaaa\"aaaaaaaaaaaaaa","aaaaaaaaaaaaaa\u001f","aaaaaaaaaaaaaaé","aaaaaaaaaaaaaa","aaaaaaaaaaaaaaa\"aaaaaaaaaaaaaaa","aaaaaaaaaaaaaaa\u001f","aaaaaaaaaaaaaaaé","aaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaa\"aaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaa\u001f","aaaaaaaaaaaaaaaaé","aaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaa\"aaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaa\u001f","aaaaaaaaaaaaaaaaaé","aaaaaaaaaaaaaaaaa"]}`},
	{"text that is not UTF-8", test("Singular"), text(14, "a\xff"), ``},
	{"text that ends within a rune", test("Singular"), text(14, "abcdefgh\xe2\x82"), ``},
	{"surrogate as UTF-8", test("Singular"), text(14, "\xed\xa0\x80"), ``},
	{"overlong UTF-8", test("Singular"), text(14, "\xc0\x80"), ``},
	{"UTF-8 beyond Unicode", test("Singular"), text(14, "\xf4\x90\x80\x80"), ``},
	{"text that is not UTF-8 at every place of a word", test("Repeated"), wire(text(14, "aaaaaaaaaaaaaaaaa"),
		text(14, "aaaaaaaa\xffaaaaaaaa")), ``},
	{"text that is not UTF-8 in a list", test("Repeated"), wire(text(14, "a"), text(14, "\xff")), ``},
	{"text that is not UTF-8 in a message", test("Singular"), sub(18, text(2, "\xff")), ``},
	{"text that is not UTF-8 and is overwritten", test("Singular"), wire(text(14, "\xff"), text(14, "a")), ``},
	{"text that is not UTF-8, proto2", test("Old"), text(14, "\xff"), ``},
	{"text that is not UTF-8 and is overwritten, proto2", test("Old"), wire(text(14, "\xff"), text(14, "a")),
		`{"string":"a"}`},
	{"text that is not UTF-8, unchecked", test("EditionMessages"), text(9, "\xff"), ``},
	{"text that is not UTF-8 and is overwritten, unchecked", test("EditionMessages"), wire(text(9, "\xff"), text(9, "a")),
		`{"unchecked":"a"}`},
	{"text that is not UTF-8 and is overwritten, checked", test("EditionMessages"), wire(text(14, "\xff"), text(14, "a")),
		``},
	{"key that is not UTF-8, unchecked", test("EditionMessages"), sub(11, text(1, "\xff")), ``},
	{"value that is not UTF-8 and is overwritten, unchecked", test("EditionMessages"), wire(sub(11, text(2, "\xff")),
		sub(11, text(2, "a"))), `{"uncheckedMap":{"":"a"}}`},
	{"bytes of every length", test("Repeated"), wire(text(15, ""), text(15, "\x00"), text(15, "\xff\xfe"), text(15, "abc"),
		text(15, "\xfb\xff\xbf\xff"), text(15, strings.Repeat("\x00\x10\x83", 50))),
		`{"bytes":["","AA==","//4=","YWJj","+/+//w==","ABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCD"]}`},

	// Names and numbers.
	{"names", test("Names"), wire(varint(1, 1), varint(2, 1), varint(3, 1), varint(4, 1), varint(5, 1), varint(6, 1),
		varint(7, 1), varint(8, 1), varint(9, 1), varint(10, 1), varint(11, 1), varint(12, 1), varint(13, 1),
		varint(14, 1), text(15, "a"), text(16, "b"), varint(17, 1), varint(18, 1)),
		"{\"second\":1,\"first\":1,\"quo\\\"te\":1,\"back\\\\slash\":1,\"new\\nline\":1,\"con\\u0001trol\":1,\"<html>&\":1,\"line\u2028separator\":1,\"größe\":1,\"😀\":1,\" space \":1,\"with2Digits3\":1,\"underScore\":1,\"CamelCase\":1,\"@type\":\"a\",\"value\":\"b\",\"aVeryLongNameThatGoesOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOn\":1,\"[bracket\":1}"},
	{"many fields", test("Wide"), wire(varint(150007, 1), varint(1, 1), varint(64, 1), varint(65, 1), varint(128, 1),
		varint(129, 1), varint(149, 1), varint(10007, 1, 2), varint(63, 1), varint(140007, 1), varint(130007, 1)),
		`{"field1":[1],"field10":[1,2],"field63":1,"field64":[1],"field65":1,"field128":1,"field129":1,"field130":[1],"field140":1,"field149":1,"field150":1}`},

	// Well-known types.
	{"well-known types", test("WellKnown"), wire(sub(1, varint(1, 1767323045), varint(2, 678000000)),
		sub(2, varint(1, 1), varint(2, 5e8)), sub(3, text(1, "a.b_c"), text(1, "d")), sub(8), sub(9, varint(1, 1)),
		sub(10, varint(1, minus(1))),
		sub(11, varint(1, 5)), sub(12, varint(1, 5)), sub(13, varint(1, 5)), sub(14, float(1, 1.5)), sub(15, double(1, 1.5)),
		sub(16, text(1, "a")), sub(17, text(1, "a"))),
		`{"timestamp":"2026-01-02T03:04:05.678Z","duration":"1.500s","fieldMask":"a.bC,d","empty":{},"boolValue":true,"int32Value":-1,"int64Value":"5","uint32Value":5,"uint64Value":"5","floatValue":1.5,"doubleValue":1.5,"stringValue":"a","bytesValue":"YQ=="}`},
	{"well-known types that are empty", test("WellKnown"), wire(sub(1), sub(2), sub(3), sub(4), sub(6), sub(7), sub(8),
		sub(9), sub(10), sub(11), sub(12), sub(13), sub(14), sub(15), sub(16), sub(17)),
		`{"timestamp":"1970-01-01T00:00:00Z","duration":"0s","fieldMask":"","struct":{},"listValue":[],"any":{},"empty":{},"boolValue":false,"int32Value":0,"int64Value":"0","uint32Value":0,"uint64Value":"0","floatValue":0,"doubleValue":0,"stringValue":"","bytesValue":""}`},
	{"well-known types in two parts", test("WellKnown"), wire(sub(1, varint(1, 5)), sub(2, varint(1, 1)),
		sub(3, text(1, "a")), sub(9, varint(1, 1)), sub(1, varint(2, 5)), sub(2, varint(2, 1)), sub(3, text(1, "b")), sub(9)),
		`{"timestamp":"1970-01-01T00:00:05.000000005Z","duration":"1.000000001s","fieldMask":"a,b","boolValue":true}`},
	{"well-known types with unknown fields", test("WellKnown"), wire(sub(1, unknownFields, varint(1, 5)),
		sub(2, varint(1, 5), unknownFields), sub(3, unknownFields, text(1, "a")), sub(4, unknownFields),
		sub(5, unknownFields, varint(4, 1)),
		sub(6, unknownFields), sub(7, unknownFields), sub(8, unknownFields), sub(9, unknownFields, varint(1, 1)), sub(16, unknownFields, text(1, "a"))),
		`{"timestamp":"1970-01-01T00:00:05Z","duration":"5s","fieldMask":"a","struct":{},"value":true,"listValue":[],"any":{},"empty":{},"boolValue":true,"stringValue":"a"}`},
	{"well-known types with wrong types", test("WellKnown"), wire(sub(1, text(1, "a")), sub(2, fixed64(1, 1)),
		sub(3, varint(1, 1)), sub(9, text(1, "a")), sub(16, varint(1, 1))),
		`{"timestamp":"1970-01-01T00:00:00Z","duration":"0s","fieldMask":"","boolValue":false,"stringValue":""}`},
	{"timestamps", test("RepeatedWellKnown"), wire(sub(1), sub(1, varint(1, minus(62135596800))),
		sub(1, varint(1, 253402300799), varint(2, 999999999)), sub(1, varint(1, minus(1)), varint(2, 1)),
		sub(1, varint(2, 1000)), sub(1, varint(2, 1e6)), sub(1, varint(2, 1e8)),
		sub(1, varint(1, 951782400)), sub(1, varint(1, 4107542399)), sub(1, varint(1, minus(62135596800)), varint(2, 1)),
		sub(1, varint(1, minus(2203891200))), sub(1, varint(2, 120)), sub(1, varint(2, 123456000)),
		sub(1, varint(1, minus(1)), varint(2, 999000000))),
		`{"timestamp":["1970-01-01T00:00:00Z","0001-01-01T00:00:00Z","9999-12-31T23:59:59.999999999Z","1969-12-31T23:59:59.000000001Z","1970-01-01T00:00:00.000001Z","1970-01-01T00:00:00.001Z","1970-01-01T00:00:00.100Z","2000-02-29T00:00:00Z","2100-02-28T23:59:59Z","0001-01-01T00:00:00.000000001Z","1900-03-01T00:00:00Z","1970-01-01T00:00:00.000000120Z","1970-01-01T00:00:00.123456Z","1969-12-31T23:59:59.999Z"]}`},
	{"timestamp before the first", known("Timestamp"), varint(1, minus(62135596801)), ``},
	{"timestamp before the first by its seconds", known("Timestamp"), wire(varint(1, minus(62135596801)),
		varint(2, 999999999)), ``},
	{"timestamp after the last", known("Timestamp"), varint(1, 253402300800), ``},
	{"timestamp with too many nanoseconds", known("Timestamp"), varint(2, 1e9), ``},
	{"timestamp with negative nanoseconds", known("Timestamp"), wire(varint(1, 1), varint(2, minus(1))), ``},
	{"timestamp with the least second", known("Timestamp"), varint(1, 1<<63), ``},
	{"timestamp with nanoseconds of high bits", known("Timestamp"), varint(2, 1<<32+5), `"1970-01-01T00:00:00.000000005Z"`},
	{"durations", test("RepeatedWellKnown"), wire(sub(2), sub(2, varint(1, 1)), sub(2, varint(1, minus(1))),
		sub(2, varint(2, 1)), sub(2, varint(2, minus(1))), sub(2, varint(1, 1), varint(2, 1e6)),
		sub(2, varint(1, minus(1)), varint(2, minus(5e8))), sub(2, varint(2, 1000)),
		sub(2, varint(1, 315576000000), varint(2, 999999999)), sub(2, varint(1, minus(315576000000)), varint(2, minus(999999999))),
		sub(2, varint(1, 100), varint(2, 120000))),
		`{"duration":["0s","1s","-1s","0.000000001s","-0.000000001s","1.001s","-1.500s","0.000001s","315576000000.999999999s","-315576000000.999999999s","100.000120s"]}`},
	{"duration beyond the greatest", known("Duration"), varint(1, 315576000001), ``},
	{"duration beyond the least", known("Duration"), varint(1, minus(315576000001)), ``},
	{"duration with too many nanoseconds", known("Duration"), varint(2, 1e9), ``},
	{"duration with two signs", known("Duration"), wire(varint(1, 1), varint(2, minus(1))), ``},
	{"duration with two signs the other way", known("Duration"), wire(varint(1, minus(1)), varint(2, 1)), ``},
	{"duration with the least second", known("Duration"), varint(1, 1<<63), ``},
	{"duration with the least nanosecond", known("Duration"), varint(2, minus(1<<31)), ``},
	{"field mask", known("FieldMask"), wire(text(1, "a"), text(1, "foo_bar"), text(1, "foo_bar.baz_qux"), text(1, "a1"),
		text(1, "a_b_c")), `"a,fooBar,fooBar.bazQux,a1,aBC"`},
	{"field mask of nothing", known("FieldMask"), nil, `""`},
	{"field mask with an empty path", known("FieldMask"), text(1, ""), ``},
	{"field mask in camel case", known("FieldMask"), text(1, "fooBar"), ``},
	{"field mask with two underscores", known("FieldMask"), text(1, "foo__bar"), ``},
	{"field mask with an underscore at the end", known("FieldMask"), text(1, "foo_"), ``},
	{"field mask with an underscore first", known("FieldMask"), text(1, "_foo"), `"Foo"`},
	{"field mask with a digit after an underscore", known("FieldMask"), text(1, "foo_1"), ``},
	{"field mask with a comma", known("FieldMask"), text(1, "a,b"), ``},
	{"field mask with a star", known("FieldMask"), text(1, "*"), ``},
	{"field mask with an empty name", known("FieldMask"), text(1, "a..b"), ``},
	{"field mask that is not UTF-8", known("FieldMask"), text(1, "\xff"), ``},
	{"bool value of more bits", known("BoolValue"), varint(1, 256), `true`},
	{"bool value back to false", known("BoolValue"), varint(1, 1, 0), `false`},
	{"int32 value of more bits", known("Int32Value"), varint(1, 1<<33+1), `1`},
	{"string value that is not UTF-8", known("StringValue"), text(1, "\xff"), ``},
	{"string value twice", known("StringValue"), wire(text(1, "a"), text(1, "b")), `"b"`},
	{"float value", known("FloatValue"), float(1, float32(math.Inf(-1))), `"-Infinity"`},
	{"struct", known("Struct"), wire(sub(1, text(1, "b"), sub(2, varint(1, 0))),
		sub(1, text(1, "a"), sub(2, double(2, 1.5)))), `{"a":1.5,"b":null}`},
	{"struct with a key twice", known("Struct"), wire(sub(1, text(1, "a"), sub(2, varint(4, 1))),
		sub(1, text(1, "a"), sub(2, text(3, "x")))), `{"a":"x"}`},
	{"struct with an entry without a value", known("Struct"), sub(1, text(1, "a")), ``},
	{"struct with an entry without a key", known("Struct"), sub(1, sub(2, varint(4, 1))), `{"":true}`},
	{"struct with an entry of no kind", known("Struct"), sub(1, text(1, "a"), sub(2)), ``},
	{"struct in two parts", test("WellKnown"), wire(sub(4, sub(1, text(1, "b"), sub(2, varint(4, 1)))),
		sub(4, sub(1, text(1, "a"), sub(2, varint(4, 0))))), `{"struct":{"a":false,"b":true}}`},
	{"value of no kind", known("Value"), nil, ``},
	{"value of an unknown kind", known("Value"), varint(9, 1), ``},
	{"value null", known("Value"), varint(1, 0), `null`},
	{"value null with a number", known("Value"), varint(1, 7), `null`},
	{"value zero", known("Value"), double(2, 0), `0`},
	{"value NaN", known("Value"), double(2, math.NaN()), ``},
	{"value infinite", known("Value"), double(2, math.Inf(1)), ``},
	{"value infinite below", known("Value"), double(2, math.Inf(-1)), ``},
	{"value that was infinite", known("Value"), wire(double(2, math.Inf(1)), varint(4, 1)), `true`},
	{"value text", known("Value"), text(3, "a\n"), `"a\n"`},
	{"value text that is not UTF-8", known("Value"), text(3, "\xff"), ``},
	{"value overwritten", known("Value"), wire(varint(4, 1), text(3, "a"), double(2, 1)), `1`},
	{"value struct", known("Value"), sub(5, sub(1, text(1, "a"), sub(2, sub(6)))), `{"a":[]}`},
	{"value struct in two parts", known("Value"), wire(sub(5, sub(1, text(1, "b"), sub(2, varint(4, 1)))),
		sub(5, sub(1, text(1, "a"), sub(2, varint(4, 1))))), `{"a":true,"b":true}`},
	{"value list in two parts", known("Value"), wire(sub(6, sub(1, varint(4, 1))), sub(6, sub(1, varint(4, 0)))),
		`[true,false]`},
	{"value list then struct", known("Value"), wire(sub(6, sub(1, varint(4, 1))), sub(5), sub(6, sub(1, varint(4, 0)))),
		`[false]`},
	{"value in parts", test("WellKnown"), wire(sub(5, sub(6, sub(1, varint(4, 1)))), sub(5, sub(6, sub(1, varint(1, 0))))),
		`{"value":[true,null]}`},
	{"list value", known("ListValue"), wire(sub(1, varint(1, 0)), sub(1, text(3, "")), sub(1, sub(6)), sub(1, sub(5))),
		`[null,"",[],{}]`},
	{"list value with no kind", known("ListValue"), wire(sub(1, varint(1, 0)), sub(1)), ``},
	{"empty with unknown fields", known("Empty"), unknownFields, `{}`},
	{"empty cut off", known("Empty"), raw("\x08"), ``},

	// Any.
	{"any", known("Any"), anyOf("type.googleapis.com/jsonwiretest.v1.Nested", varint(1, 1), text(2, "a")),
		`{"@type":"type.googleapis.com/jsonwiretest.v1.Nested","number":1,"text":"a"}`},
	{"any of nothing", known("Any"), nil, `{}`},
	{"any without a type", known("Any"), text(2, "a"), ``},
	{"any with an empty type and value", known("Any"), wire(text(1, ""), text(2, "")), `{}`},
	{"any without a value", known("Any"), text(1, "a/jsonwiretest.v1.Nested"), `{"@type":"a/jsonwiretest.v1.Nested"}`},
	{"any with its value first", known("Any"), wire(sub(2, varint(1, 1)), text(1, "a/jsonwiretest.v1.Nested")),
		`{"@type":"a/jsonwiretest.v1.Nested","number":1}`},
	{"any with its value twice", known("Any"), wire(sub(2, varint(1, 1)), text(1, "x"), text(1, "a/jsonwiretest.v1.Nested"),
		sub(2, text(2, "a"))), `{"@type":"a/jsonwiretest.v1.Nested","text":"a"}`},
	{"any in two parts", test("WellKnown"), wire(sub(7, text(1, "a/jsonwiretest.v1.Nested")), sub(7, sub(2, varint(1, 1)))),
		`{"any":{"@type":"a/jsonwiretest.v1.Nested","number":1}}`},
	{"any of an unknown type", known("Any"), anyOf("a/jsonwiretest.v1.Missing"), ``},
	{"any of no type", known("Any"), anyOf("a/", varint(1, 1)), ``},
	{"any of an enum", known("Any"), anyOf("a/jsonwiretest.v1.Color"), ``},
	{"any without a slash", known("Any"), anyOf("jsonwiretest.v1.Nested", varint(1, 1)),
		`{"@type":"jsonwiretest.v1.Nested","number":1}`},
	{"any with quotes in its type", known("Any"), anyOf("\"\n/jsonwiretest.v1.Nested"),
		`{"@type":"\"\n/jsonwiretest.v1.Nested"}`},
	{"any whose type is not UTF-8", known("Any"), anyOf("\xff/jsonwiretest.v1.Nested"), ``},
	{"any with a malformed value", known("Any"), wire(text(1, "a/jsonwiretest.v1.Nested"), text(2, "\x08")), ``},
	{"any with text that is not UTF-8", known("Any"), anyOf("a/jsonwiretest.v1.Nested", text(2, "\xff")), ``},
	{"any of a timestamp", known("Any"), anyOf("a/google.protobuf.Timestamp", varint(1, 1)),
		`{"@type":"a/google.protobuf.Timestamp","value":"1970-01-01T00:00:01Z"}`},
	{"any of a timestamp out of range", known("Any"), anyOf("a/google.protobuf.Timestamp", varint(2, minus(1))), ``},
	{"any of empty", known("Any"), anyOf("a/google.protobuf.Empty"), `{"@type":"a/google.protobuf.Empty"}`},
	{"any of a value", known("Any"), anyOf("a/google.protobuf.Value", varint(1, 0)),
		`{"@type":"a/google.protobuf.Value","value":null}`},
	{"any of a value of no kind", known("Any"), anyOf("a/google.protobuf.Value"), ``},
	{"any of a struct", known("Any"), anyOf("a/google.protobuf.Struct", sub(1, text(1, "a"), sub(2, varint(4, 1)))),
		`{"@type":"a/google.protobuf.Struct","value":{"a":true}}`},
	{"any of a wrapper", known("Any"), anyOf("a/google.protobuf.StringValue", text(1, "a")),
		`{"@type":"a/google.protobuf.StringValue","value":"a"}`},
	{"any of any", known("Any"), anyOf("a/google.protobuf.Any",
		anyOf("b/google.protobuf.Any", anyOf("c/jsonwiretest.v1.Nested", varint(1, 1)))),
		`{"@type":"a/google.protobuf.Any","value":{"@type":"b/google.protobuf.Any","value":{"@type":"c/jsonwiretest.v1.Nested","number":1}}}`},
	{"any of any of nothing", known("Any"), anyOf("a/google.protobuf.Any"), `{"@type":"a/google.protobuf.Any","value":{}}`},
	{"any of a required message", known("Any"), anyOf("a/jsonwiretest.v1.Required", sub(2)),
		`{"@type":"a/jsonwiretest.v1.Required","optional":{}}`},
	{"any of a message with the names of an any", known("Any"), anyOf("a/jsonwiretest.v1.Names", text(15, "t"),
		text(16, "v")), `{"@type":"a/jsonwiretest.v1.Names","@type":"t","value":"v"}`},
	{"any of extensions", known("Any"), anyOf("a/jsonwiretest.v1.Old", varint(1002, 1)),
		`{"@type":"a/jsonwiretest.v1.Old","[jsonwiretest.v1.old_int32]":1}`},
	{"any whose message is in any order", known("Any"), anyOf("a/jsonwiretest.v1.Singular", text(14, "a"), varint(3, 1),
		unknownFields, varint(3, 2), sub(18, varint(1, 1)), sub(18, text(2, "b"))),
		`{"@type":"a/jsonwiretest.v1.Singular","int32":2,"string":"a","nested":{"number":1,"text":"b"}}`},

	// Proto2 and editions.
	{"groups", test("Old"), wire(group(20, varint(1, 1), group(2, text(1, "a"))), group(21),
		group(21, varint(1, 2), varint(2, 1, 2)), group(32)),
		`{"group":{"number":1,"inner":{"text":"a"}},"groups":[{},{"number":2,"size":["SIZE_SMALL","SIZE_LARGE"]}],"middle":{}}`},
	{"group in two parts", test("Old"), wire(group(20, varint(1, 1)), group(20, group(2, text(1, "a"))), group(20, group(2))),
		`{"group":{"number":1,"inner":{"text":"a"}}}`},
	{"group with unknown fields", test("Old"), group(20, unknownFields, varint(1, 1), unknownFields),
		`{"group":{"number":1}}`},
	{"group without an end", test("Old"), wire(tag(20, protowire.StartGroupType), varint(1, 1)), ``},
	{"group with another end", test("Old"), wire(tag(20, protowire.StartGroupType), tag(21, protowire.EndGroupType)), ``},
	{"group with two ends", test("Old"), wire(group(20), tag(20, protowire.EndGroupType)), ``},
	{"group that is not closed within a message", test("Old"), wire(sub(18, tag(20, protowire.StartGroupType)),
		tag(20, protowire.EndGroupType)), ``},
	{"group with a non-minimal end", test("Old"), raw("\xa3\x01\xa4\x81\x00"), `{"group":{}}`},
	{"group list of packs", test("Old"), group(21, packed(2, 1, 99, 2)),
		`{"groups":[{"size":["SIZE_SMALL",99,"SIZE_LARGE"]}]}`},
	{"closed enum with a number that it has not", test("Old"), wire(varint(16, 1), varint(16, 99)), `{"size":99}`},
	{"closed enum with high bits", test("Old"), varint(16, 0xff00000002), `{"size":"SIZE_LARGE"}`},
	{"negative closed enum", test("Old"), varint(16, minus(3)), `{"size":"SIZE_NEGATIVE"}`},
	{"closed enum zero that is not a value", test("Old"), varint(16, 0), `{"size":0}`},
	{"closed enum in a list", test("OldRepeated"), wire(varint(16, 1, 99, 2), packed(16, 98, 1)),
		`{"size":["SIZE_SMALL",99,"SIZE_LARGE",98,"SIZE_SMALL"]}`},
	{"closed enum in a list, none that it has", test("OldRepeated"), varint(16, 99, 98), `{"size":[99,98]}`},
	{"closed enum in a map", test("Old"), wire(sub(40, text(1, "a"), varint(2, 1)), sub(40, text(1, "b"), varint(2, 99)),
		sub(40, text(1, "c"))), `{"shadeByName":{"a":"SHADE_DARK","b":99,"c":"SHADE_UNSPECIFIED"}}`},
	{"closed enum in a map that was there", test("Old"), wire(sub(40, text(1, "a"), varint(2, 1)),
		sub(40, text(1, "a"), varint(2, 99))), `{"shadeByName":{"a":99}}`},
	{"closed enum in a map, both", test("Old"), sub(40, text(1, "a"), varint(2, 99), varint(2, 1)),
		`{"shadeByName":{"a":"SHADE_DARK"}}`},
	{"closed enum in a map, both the other way", test("Old"), sub(40, text(1, "a"), varint(2, 1), varint(2, 99)),
		`{"shadeByName":{"a":99}}`},
	{"zeros, proto2", test("Old"), wire(varint(3, 0), text(14, ""), varint(13, 0)), `{"int32":0,"bool":false,"string":""}`},
	{"defaults", test("Defaults"), nil, `{}`},
	{"defaults that are set", test("Defaults"), wire(varint(3, minus(7)), text(14, "a\"b"), varint(16, 2)),
		`{"int32":-7,"string":"a\"b","size":"SIZE_LARGE"}`},
	{"extensions", test("Old"), wire(varint(1002, 1), double(1000, 1), varint(3, 1), text(100, "s"), sub(101, text(1, "t")),
		varint(1100, 1, 2), packed(1101, 1, 2), sub(1017, varint(1002, 2)), varint(1<<29-1, 5), group(1105, varint(1, 1)),
		varint(1103, 1, 99, 2), sub(1102), sub(1102, varint(3, 1)), varint(1104, 42), varint(1015, 1), varint(1016, 0)),
		`{"int32":1,"[jsonwiretest.v1.Scope.scope]":{"text":"t"},"[jsonwiretest.v1.Scope.scoped]":"s","[jsonwiretest.v1.old_default]":42,"[jsonwiretest.v1.old_double]":1,"[jsonwiretest.v1.old_greatest]":5,"[jsonwiretest.v1.old_int32]":1,"[jsonwiretest.v1.old_list]":[1,2],"[jsonwiretest.v1.old_null]":null,"[jsonwiretest.v1.old_old]":{"[jsonwiretest.v1.old_int32]":2},"[jsonwiretest.v1.old_olds]":[{},{"int32":1}],"[jsonwiretest.v1.old_packed]":[1,2],"[jsonwiretest.v1.old_size]":"SIZE_SMALL","[jsonwiretest.v1.old_sizes]":["SIZE_SMALL",99,"SIZE_LARGE"],"[jsonwiretest.v1.oldgroup]":{"number":1}}`},
	{"extensions in another order", test("Old"), wire(text(100, "s"), varint(3, 1), varint(1006, 1), varint(1002, 1),
		varint(1001, 1), fixed32(1001, 0x3f800000)),
		`{"int32":1,"[jsonwiretest.v1.Scope.scoped]":"s","[jsonwiretest.v1.old_float]":1,"[jsonwiretest.v1.old_int32]":1,"[jsonwiretest.v1.old_sint32]":-1}`},
	{"extension in two parts", test("Old"), wire(sub(1017, varint(3, 1)), varint(1100, 1), sub(1017, text(14, "a")),
		varint(1100, 2)), `{"[jsonwiretest.v1.old_list]":[1,2],"[jsonwiretest.v1.old_old]":{"int32":1,"string":"a"}}`},
	{"extension of a well-known type", test("Old"), wire(sub(1018, varint(1, 1)), sub(1019, varint(4, 1)),
		sub(1020, anyOf("a/google.protobuf.Empty"))),
		`{"[jsonwiretest.v1.old_any]":{"@type":"a/google.protobuf.Empty"},"[jsonwiretest.v1.old_timestamp]":"1970-01-01T00:00:01Z","[jsonwiretest.v1.old_value]":true}`},
	{"extension of no kind", test("Old"), sub(1019), ``},
	{"extension that is unknown", test("Old"), wire(varint(150, 1), varint(2000, 1)), `{}`},
	{"extension of a wrong type", test("Old"), text(1002, "a"), `{}`},
	{"extension that is malformed", test("Old"), sub(1017, raw("\x18")), ``},
	{"extension of a closed enum", test("Old"), wire(varint(1015, 99), varint(1103, 99)),
		`{"[jsonwiretest.v1.old_size]":99,"[jsonwiretest.v1.old_sizes]":[99]}`},
	{"extension without its required field", test("Old"), sub(1021), ``},
	{"extension with its required field", test("Old"), sub(1021, varint(1, 0)),
		`{"[jsonwiretest.v1.old_required]":{"id":0}}`},
	{"text that is not UTF-8 in an extension", test("Old"), text(1013, "\xff"), ``},
	{"required field", test("Required"), varint(1, 0), `{"id":0}`},
	{"required field missing", test("Required"), nil, ``},
	{"required field of a wrong type", test("Required"), text(1, "a"), ``},
	{"required field missing below", test("Required"), wire(varint(1, 1), sub(2)), ``},
	{"required field missing in a list", test("Required"), wire(varint(1, 1), sub(3, varint(1, 1)), sub(3)), ``},
	{"required field missing in a map", test("Required"), wire(varint(1, 1), sub(4, text(1, "a"))), ``},
	{"required field missing in a map and overwritten", test("Required"), wire(varint(1, 1), sub(4, text(1, "a")),
		sub(4, text(1, "a"), sub(2, varint(1, 1)))), `{"id":1,"map":{"a":{"id":1}}}`},
	{"required field missing in a oneof", test("Required"), wire(varint(1, 1), sub(5)), ``},
	{"required field missing in a oneof and overwritten", test("Required"), wire(varint(1, 1), sub(5), text(6, "a")),
		`{"id":1,"right":"a"}`},
	{"required field missing in a group", test("Required"), wire(varint(1, 1), group(7)), ``},
	{"required field in the second part", test("Required"), wire(sub(2), varint(1, 1), sub(2, varint(1, 2))),
		`{"id":1,"optional":{"id":2}}`},
	{"required field missing in an extension", test("Required"), wire(varint(1, 1), sub(100)), ``},
	{"required field missing in an any", test("Required"), wire(varint(1, 1), sub(8, anyOf("a/jsonwiretest.v1.Required"))),
		`{"id":1,"any":{"@type":"a/jsonwiretest.v1.Required"}}`},
	{"required fields but one missing", test("RequiredAll"), varint(16, 99), ``},
	{"many required fields", test("RequiredMany"), manyRequiredWire(0),
		`{"field1":true,"field2":true,"field3":true,"field4":true,"field5":true,"field6":true,"field7":true,"field8":true,"field9":true,"field10":true,"field11":true,"field12":true,"field13":true,"field14":true,"field15":true,"field16":true,"field17":true,"field18":true,"field19":true,"field20":true,"field21":true,"field22":true,"field23":true,"field24":true,"field25":true,"field26":true,"field27":true,"field28":true,"field29":true,"field30":true,"field31":true,"field32":true,"field33":true,"field34":true,"field35":true,"field36":true,"field37":true,"field38":true,"field39":true,"field40":true,"field41":true,"field42":true,"field43":true,"field44":true,"field45":true,"field46":true,"field47":true,"field48":true,"field49":true,"field50":true,"field51":true,"field52":true,"field53":true,"field54":true,"field55":true,"field56":true,"field57":true,"field58":true,"field59":true,"field60":true,"field61":true,"field62":true,"field63":true,"field64":true,"field65":true,"field66":true,"field67":true,"field68":true,"field69":true,"field70":true}`},
	{"many required fields without the first", test("RequiredMany"), manyRequiredWire(1), ``},
	{"many required fields without the 64th", test("RequiredMany"), manyRequiredWire(64), ``},
	{"many required fields without the 65th", test("RequiredMany"), manyRequiredWire(65), ``},
	{"many required fields without the last", test("RequiredMany"), manyRequiredWire(70), ``},
	{"required field at a distance", test("Wants"), sub(1, sub(1, sub(4))), ``},
	{"delimited messages", test("EditionMessages"), wire(group(2, text(14, "a")), group(3), group(3, text(14, "b")),
		group(5, group(2)), sub(1, group(2)), sub(4, text(1, "k"), sub(2, group(2)))),
		`{"prefixed":{"delimited":{}},"delimited":{"checked":"a"},"delimitedList":[{},{"checked":"b"}],"map":{"k":{"delimited":{}}},"delimitedChoice":{"delimited":{}}}`},
	{"delimited message with a length", test("EditionMessages"), sub(2, text(14, "a")), `{}`},
	{"prefixed message as a group", test("EditionMessages"), group(1, text(14, "a")), `{}`},
	{"delimited message in two parts", test("EditionMessages"), wire(group(2, text(14, "a")), group(2, text(9, "b"))),
		`{"delimited":{"unchecked":"b","checked":"a"}}`},
	{"delimited value", test("EditionMessages"), group(12, varint(4, 1)), `{"delimitedValue":true}`},
	{"delimited value in two parts", test("EditionMessages"), wire(group(12, sub(6, sub(1, varint(4, 1)))),
		group(12, sub(6, sub(1, varint(1, 0))))), `{"delimitedValue":[true,null]}`},
	{"delimited value of no kind", test("EditionMessages"), group(12), ``},
	{"delimited oneof overwritten", test("EditionMessages"), wire(group(5, text(14, "a")), varint(7, 1)),
		`{"closedChoice":"CLOSED_ONE"}`},
	{"closed enum of an edition in a oneof", test("EditionMessages"), wire(group(5), varint(7, 99)), `{"closedChoice":99}`},
	{"closed enum of an edition in a map", test("EditionMessages"), wire(sub(8, varint(1, 1), varint(2, 1)),
		sub(8, varint(1, 2), varint(2, 99)), sub(8)),
		`{"closedByNumber":{"0":"CLOSED_UNSPECIFIED","1":"CLOSED_ONE","2":99}}`},
	{"closed and open enums of an edition", test("Edition"), wire(varint(16, 99), varint(17, 99), packed(76, 1, 99),
		packed(77, 1, 99), varint(96, 99, 1), varint(97, 99, 1)),
		`{"explicitClosed":99,"packedClosed":["CLOSED_ONE",99],"expandedClosed":[99,"CLOSED_ONE"],"explicitOpen":99,"packedOpen":["OPEN_ONE",99],"expandedOpen":[99,"OPEN_ONE"]}`},
	{"zeros of an edition", test("Edition"), wire(varint(3, 0), varint(23, 0), varint(43, 0)),
		`{"explicitInt32":0,"defaultInt32":0}`},
	{"delimited extensions", test("EditionMessages"), wire(varint(100, 1), group(101, text(14, "a")),
		group(102, varint(1, 1)), varint(103, 1, 99), text(104, "a")),
		`{"[jsonwiretest.v1.edition_closed]":["CLOSED_ONE",99],"[jsonwiretest.v1.edition_delimited]":{"checked":"a"},"[jsonwiretest.v1.edition_number]":1,"[jsonwiretest.v1.edition_required]":[{"id":1}],"[jsonwiretest.v1.edition_unchecked]":"a"}`},
	{"delimited extension without its required field", test("EditionMessages"), group(102), ``},
	{"delimited file", test("Delimited"), wire(varint(1, 1), group(2, group(2)), group(3),
		sub(4, text(1, "a"), sub(2, varint(1, 1))), group(5, varint(1, 1)), sub(6, varint(1, 1), sub(2, varint(1, 1))),
		group(7)),
		`{"number":1,"child":{"child":{}},"children":[{}],"byName":{"a":{"number":1}},"time":"1970-01-01T00:00:01Z","times":{"1":"1970-01-01T00:00:01Z"},"left":{}}`},
	{"value of a map as a group", test("Delimited"), sub(4, text(1, "a"), group(2, varint(1, 1))), `{"byName":{"a":{}}}`},
	{"edition without its required field", test("EditionRequired"), group(2, varint(1, 1)), ``},
}

// manyRequiredWire returns a RequiredMany without one of its fields, or with all for 0.
func manyRequiredWire(without protowire.Number) []byte {
	var b []byte
	for i := protowire.Number(70); i >= 1; i-- {
		if i != without {
			b = append(b, varint(i, 1)...)
		}
	}
	return b
}
