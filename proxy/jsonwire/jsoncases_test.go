package jsonwire_test

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// jsonCase has texts that are the JSON of a message, and texts that are not, by the default settings.
type jsonCase struct {
	name    string
	message protoreflect.FullName
	accept  []string
	refuse  []string
}

// test is a message of proto/jsonwiretest.
func test(name protoreflect.Name) protoreflect.FullName {
	return protoreflect.FullName("jsonwiretest.v1").Append(name)
}

// known is a message or an enum of google.protobuf.
func known(name protoreflect.Name) protoreflect.FullName {
	return protoreflect.FullName("google.protobuf").Append(name)
}

// each puts every value in the place of % in a template.
func each(template string, values ...string) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = strings.Replace(template, "%", value, 1)
	}
	return texts
}

// list joins lists of texts.
func list(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// jsonCases follow https://protobuf.dev/programming-guides/json and what protojson makes of it.
var jsonCases = []jsonCase{
	{
		name:    "syntax",
		message: test("Singular"),
		accept: []string{
			"{}", " {} ", "\t\r\n{\t\r\n}\t\r\n", `{ "int32" : 1 , "int64" : 2 }`, "{\n\t\"string\": \"a\"\r\n}",
			`{"\u0069nt32":1}`, `{"i\u006et32":1}`,
		},
		refuse: []string{
			"", " ", "null", "true", "1", `"a"`, "[]", "{", "}", "{}{}", "{} {}", "{},", "{}]", "{}x", "[{}]", "{,}",
			`{"int32":1,}`, `{,"int32":1}`, `{"int32":1,,"int64":1}`, `{"int32"}`, `{"int32":}`, `{"int32":,}`, `{"int32" 1}`,
			`{"int32":1 "int64":1}`, `{"int32":1]`, `{int32:1}`, `{'int32':1}`, `{"int32":1`, `{"int32":1,`, `{"int32":`,
			`{"int32"`, `{"int32`, `{"`, `{1:1}`, `{null:1}`, `{[]:1}`, `{{}:1}`, "{}\x00", "\ufeff{}", "{}\v", "\u00a0{}",
			"//\n{}", "{/**/}", "{}\xff", "\xff", `{"int32"::1}`, `{"int32":1;"int64":1}`, `{"nested":{}`, `{"nested":{]}`,
			`{"nested":[}`,
		},
	},
	{
		name:    "field names",
		message: test("Singular"),
		accept:  []string{`{"int32":1,"nested":{"number":1}}`},
		refuse: []string{
			`{"Int32":1}`, `{"INT32":1}`, `{"":1}`, `{"int32 ":1}`, `{" int32":1}`, `{"unknown":1}`, `{"unknown":{}}`,
			`{"unknown":[[{"a":[]}]]}`, `{"unknown":null}`, `{"nested":{"unknown":1}}`, `{"1":1}`, `{"@type":"a"}`,
			`{"[jsonwiretest.v1.scoped]":1}`, `{"[]":1}`, `{"[":1}`, "{\"int32\xff\":1}", "{\"\xff\":1}", `{"\ud800":1}`,
			`{"int32\u0000":1}`, `{"\x":1}`, `{"unknown":"\ud800"}`, "{\"unknown\":\"\xff\"}", `{"unknown":01}`,
			`{"unknown":tru}`, `{"unknown":[}`, `{"unknown":{"a"}}`, `{"unknown":[1,]}`, `{"unknown":}`, `{"unknown":"`,
		},
	},
	{
		name:    "json names",
		message: test("Names"),
		accept: []string{
			`{"first":1}`, `{"second":1}`, `{"first":1,"second":2}`, `{"quo\"te":1}`, `{"back\\slash":1}`, `{"new\nline":1}`,
			`{"con\u0001trol":1}`, `{"<html>&":1}`, `{"\u003chtml\u003e\u0026":1}`, `{"line\u2028separator":1}`,
			"{\"line\u2028separator\":1}", `{"größe":1}`, `{"gr\u00f6\u00dfe":1}`, `{"😀":1}`, `{"\ud83d\ude00":1}`,
			`{" space ":1}`, `{"with2Digits3":1}`, `{"with_2_digits3":1}`, `{"underScore":1}`, `{"under__score_":1}`,
			`{"CamelCase":1}`, `{"@type":"a"}`, `{"type":"a"}`, `{"value":"a"}`, `{"umlaut":1}`,
			`{"html":1,"quote":2,"backslash":3,"newline":4,"control":5,"separator":6,"emoji":7,"space":8,"bracket":9}`,
			`{"[bracket":1}`, `{"aVeryLongNameThatGoesOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOn":1}`,
			`{"a_very_long_name_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on":1}`,
		},
		refuse: []string{
			`{"first":1,"first":2}`, `{"with2Digits3":1,"with_2_digits3":1}`, `{"with_2_digits3":1,"with2Digits3":1}`,
			`{"@type":"a","type":"b"}`, `{"camelCase":1}`, `{"space":1," space ":1}`, `{"[bracket]":1}`, `{"bracket]":1}`,
			`{"with2digits3":1}`, `{"underScore_":1}`, `{"\ud83d":1}`, `{"first":1,"second":2,"first":null}`,
			"{\"new\nline\":1}",
		},
	},
	{
		name:    "duplicate fields",
		message: test("Singular"),
		accept:  []string{`{"int32":1,"sint32":1,"sfixed32":1}`, `{"nested":{"number":1},"int32":1}`},
		refuse: []string{
			`{"int32":1,"int32":1}`, `{"int32":1,"\u0069nt32":1}`, `{"int32":null,"int32":null}`, `{"int32":null,"int32":1}`,
			`{"int32":1,"int32":null}`, `{"nested":{},"nested":{}}`, `{"nested":{"number":1,"number":1}}`,
			`{"null":null,"null":null}`, `{"string":"a","int32":1,"string":"a"}`,
		},
	},
	{
		name:    "duplicate among many",
		message: test("Wide"),
		accept: []string{
			`{"field1":[1],"field64":[2],"field65":3,"field128":4,"field129":5,"field150":6,"field140":7,"field10":[1,2]}`,
			`{"field_1":[1],"field_150":1}`,
		},
		refuse: []string{
			`{"field63":1,"field64":[1],"field63":1}`, `{"field64":[1],"field65":1,"field64":[1]}`,
			`{"field128":1,"field1":[],"field128":1}`, `{"field150":1,"field_150":1}`, `{"field140":1,"field140":1}`,
			`{"field129":1,"field151":1}`, `{"field0":1}`,
		},
	},
	{
		name:    "null",
		message: test("Singular"),
		accept: list(
			each(`{"%":null}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "null", "nested"),
			[]string{`{"nested":{"number":null,"nested":null}}`},
		),
		refuse: []string{`{"int32":nul}`, `{"int32":nulll}`, `{"int32":NULL}`, `{"int32":null1}`, `{"int32":"null"}`,
			`{"string":nil}`, `{"int32":null null}`},
	},
	{
		name:    "null keeps a field unset",
		message: test("Optional"),
		accept: list(
			each(`{"%":null}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "null", "nested"),
			[]string{
				`{"double":0,"float":-0.0,"int32":0,"int64":"0","uint32":0,"uint64":"0","bool":false,"string":"","bytes":"","color":0,"nested":{}}`,
				`{"null":"NULL_VALUE"}`, `{"null":0}`,
			},
		),
		refuse: []string{`{"null":"null"}`, `{"null":{}}`, `{"null":"NULL"}`, `{"null":false}`, `{"null":[]}`,
			`{"null":1.5}`},
	},
	{
		name:    "null in lists",
		message: test("Repeated"),
		accept: []string{`{"int32":null}`, `{"nested":null}`, `{"null":[null,null]}`, `{"null":[null,0,"NULL_VALUE"]}`,
			`{"null":[5]}`},
		refuse: list(
			each(`{"%":[null]}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "nested"),
			[]string{`{"int32":[1,null,2]}`, `{"null":null}`},
		),
	},
	{
		name:    "null in maps",
		message: test("MapValues"),
		accept:  []string{`{"int32":null}`, `{"null":{"a":null}}`, `{"null":{"a":0,"b":"NULL_VALUE"}}`, `{"null":null}`},
		refuse: list(
			each(`{"%":{"a":null}}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "nested"),
			[]string{`{"string":{null:"a"}}`},
		),
	},
	{
		name:    "bool",
		message: test("Singular"),
		accept:  each(`{"bool":%}`, "true", "false"),
		refuse: each(`{"bool":%}`, `"true"`, `"false"`, "0", "1", "True", "TRUE", "tru", "truee", "true1", "t", "[]", "{}",
			`""`),
	},
	{
		name:    "int32",
		message: test("Singular"),
		accept: each(`{"int32":%}`, "0", "-0", "1", "-1", "2147483647", "-2147483648", "1.0", "1.000", "-1.0", "1e1", "1E1",
			"1e+1", "1e0", "1e-0",
			"10e-1", "100e-2", "1.5e1", "1.50e1", "0.5e1", "0.05e2", "0e5", "0e-5", "-0e5", "0.0", "0.0e-9",
			"0e999999999999999999999", "2.147483647e9", "-2.147483648e9", "21474836470e-1", "0e1", "-0.0", "1e00001",
			"1e-00000", "12345e0", `"0"`, `"-0"`, `"1"`, `"-1"`, `"2147483647"`, `"1.0"`, `"1e1"`, `"1.5e1"`, `"10e-1"`,
			`"\u0031"`, `"-0.0"`, `"0e99999999999"`, `"1E+1"`),
		refuse: each(`{"int32":%}`, "2147483648", "-2147483649", "1.5", "1.01", "1e-1", "15e-1", "0.5", "1e10", "1e100",
			"1e2147483648", "1e99999999999",
			"3e9", "01", "-01", "+1", ".5", "1.", "-", "-a", "--1", "1e", "1e+", "1E-", "1.e1", "1e1.5", "0x1", "1_000", "1a",
			"1,5", "NaN", "Infinity", "-Infinity", "00", "1e1e1", "1..0", "1e-2147483648", "1e-99999999999", `""`, `" "`,
			`" 1"`, `"1 "`, `"\t1"`, `"\u00a01"`, `"1\n"`, `"01"`, `"+1"`, `"1."`, `".5"`, `"1.5"`, `"abc"`, `"1a"`, `"1e"`,
			`"1e+"`, `"null"`, `"true"`, `"[1]"`, `"1 2"`, `"1,2"`, `"{}"`, `"\"1\""`, `"-"`, `"--1"`, `"NaN"`, `"Infinity"`,
			`"2147483648"`, `"1\u0000"`, `"0x1"`, `"١"`, "true", "[]", "[1]", "{}"),
	},
	{
		name:    "int64",
		message: test("Singular"),
		accept: each(`{"int64":%}`, "9223372036854775807", "-9223372036854775808", `"9223372036854775807"`,
			`"-9223372036854775808"`, "9.223372036854775807e18",
			"1e18", "0.1e19", "922337203685477580700e-2", "-0", `"-0"`, "9007199254740993", "1.0e15", `"1e3"`),
		refuse: each(`{"int64":%}`, "9223372036854775808", "-9223372036854775809", "1e19", "1e20", "0.1e20",
			`"9223372036854775808"`, "9.2233720368547758075e18",
			"18446744073709551615", `"1.1"`, `"9223372036854775807 "`),
	},
	{
		name:    "uint32",
		message: test("Singular"),
		accept: each(`{"uint32":%}`, "0", "-0", "-0.0", "-0e1", `"-0"`, "4294967295", "4.294967295e9", `"4294967295"`,
			"42949672950e-1", "1e9"),
		refuse: each(`{"uint32":%}`, "-1", "4294967296", "-4294967295", `"-1"`, "5e9", "-1e0", "1e10", "0.1"),
	},
	{
		name:    "uint64",
		message: test("Singular"),
		accept: each(`{"uint64":%}`, "18446744073709551615", `"18446744073709551615"`, "1e19", "0.1e20",
			"1.8446744073709551615e19", "-0",
			"184467440737095516150e-1"),
		refuse: each(`{"uint64":%}`, "18446744073709551616", "0.0001e23", "-1", "1e20", "0.1e21", "2e19", `"-1"`, `"1e20"`,
			"10e19"),
	},
	{
		name:    "other integers",
		message: test("Singular"),
		accept: list(
			each(`{"sint32":%}`, "-2147483648", "2147483647", `"-1"`, "1e2"),
			each(`{"sint64":%}`, `"-9223372036854775808"`, "9223372036854775807", "-1"),
			each(`{"fixed32":%}`, "4294967295", `"1"`, "1.0"), each(`{"fixed64":%}`, `"18446744073709551615"`, "1"),
			each(`{"sfixed32":%}`, "-2147483648", `"2147483647"`), each(`{"sfixed64":%}`, `"-9223372036854775808"`, "1"),
		),
		refuse: list(
			each(`{"sint32":%}`, "2147483648", "1.5", `"a"`), each(`{"sint64":%}`, "9223372036854775808", "true"),
			each(`{"fixed32":%}`, "-1", "4294967296"), each(`{"fixed64":%}`, "-1", "18446744073709551616"),
			each(`{"sfixed32":%}`, "2147483648", "-2147483649"), each(`{"sfixed64":%}`, "9223372036854775808", `""`),
		),
	},
	{
		name:    "double",
		message: test("Singular"),
		accept: each(`{"double":%}`, "0", "-0", "-0.0", "1", "1.5", "-1.5", "1e308", "1.7976931348623157e308",
			"1.7976931348623158e308", "5e-324", "1e-400",
			"2.2250738585072011e-308", "0.1", "0.30000000000000004", "123456789012345678901234567890", "1e21", "1e20", "1e-6",
			"1e-7", "1E5", "1e+5", `"1.5"`, `"NaN"`, `"Infinity"`, `"-Infinity"`, `"-0"`, `"1e5"`, `"\u004eaN"`,
			"9007199254740993", `"1e-400"`, "0e400", "0.00000000000000000000000001"),
		refuse: each(`{"double":%}`, "1e309", "-1e309", `"1e309"`, "NaN", "Infinity", "-Infinity", "nan", `"nan"`, `"inf"`,
			`"-inf"`, `"+Infinity"`,
			`"infinity"`, `"INFINITY"`, `" 1.5"`, `"1.5 "`, `" NaN"`, `"NaN "`, `""`, `"0x1p-2"`, `"1_0"`, "0x1", `"-NaN"`,
			"1.", ".1", "+1", "1e", "1e+", "01", `"1."`, `".1"`, `"1e"`, "true", "[]", "{}", `"abc"`, `"1.5.1"`, "1.5.1",
			`"null"`),
	},
	{
		name:    "float",
		message: test("Singular"),
		accept: each(`{"float":%}`, "0", "-0", "1.5", "3.4028234663852886e38", "3.4028235e38", "1.401298464324817e-45",
			"1e-50", "16777217", "0.1",
			`"NaN"`, `"Infinity"`, `"-Infinity"`, `"1.5"`, "1e21", "1e-7", "-3.4028235e38",
			"340282350000000000000000000000000000000", "1.00000017881393432617187499", "1.00000017881393432617187500",
			"1.00000017881393432617187501"),
		refuse: each(`{"float":%}`, "3.4028236e38", "-3.4028236e38", "1e39", `"1e39"`, "NaN", `"nan"`, `" 1"`, `""`),
	},
	{
		name:    "string",
		message: test("Singular"),
		accept: each(`{"string":%}`, `""`, `"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\u001f"`, `"\u007f"`, `"\u00e9"`,
			`"\u00E9"`, `"\u20ac"`, `"\uFFFF"`,
			`"\uFFFD"`, "\"\ufffd\"", `"\ud83d\ude00"`, `"\uD83D\uDE00"`, `"\ud800\udc00"`, `"\udbff\udfff"`, `"é€😀"`,
			"\"\u2028\u2029\"", "\"\x7f\"", `"a\u0000b"`, `"<>&"`, `"`+strings.Repeat("long ", 100)+`"`,
			`"`+strings.Repeat("é", 100)+`\n"`, `"\\u0041"`, "\"\U0010ffff\"", `" a "`),
		refuse: each(`{"string":%}`, "1", "true", "[]", "{}", `'a'`, `"\x41"`, `"\u"`, `"\u1"`, `"\u12"`, `"\u123"`,
			`"\u123g"`, `"\u+123"`, `"\u-123"`,
			`"\U00e9"`, `"\ud800"`, `"\udc00"`, `"\ud800a"`, `"\ud800\n"`, `"\ud800\u0041"`, `"\ud800\ud800"`,
			`"\udc00\ud800"`, `"\ud83d\u"`, `"\ud83d\ude0"`, `"\ud83dxude00"`, `"\ud83d\xde00"`, `"\ud83d \ude00"`,
			"\"\xff\"", "\"\xc3\"", "\"a\xc3\"", "\"\xc3(\"", "\"\xe2\x82\"", "\"\xf0\x9f\x98\"", "\"\xed\xa0\x80\"",
			"\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\n\"", "\"\t\"", "\"\x00\"", "\"\x1f\"", `"\`, `"a`, `"\"`, `"\a"`,
			`"\0"`, `"\'"`, `"a" "b"`, `"a""b"`),
	},
	{
		name:    "bytes",
		message: test("Singular"),
		accept: each(`{"bytes":%}`, `""`, `"AA=="`, `"AA"`, `"AAA="`, `"AAA"`, `"AAAA"`, `"+/8="`, `"+/8"`, `"-_8="`, `"-_8"`,
			`"AQID"`, `"AB=="`, `"AB"`,
			`"\u0041A=="`, `"AA\r\nAA"`, `"\/\/\/\/"`, `"____"`, `"`+strings.Repeat("AQID", 100)+`"`, `"AAAA\n"`, `"\nAA"`),
		refuse: each(`{"bytes":%}`, "1", "true", "[]", "{}", `"A"`, `"AAAAA"`, `"A==="`, `"="`, `"=="`, `"===="`, `"AA="`,
			`"AAA=="`, `"AAAA="`, `"AAAA===="`,
			`"AA==AA=="`, `"+_8="`, `"-/8="`, `"A A="`, `" AAA="`, `"AAA= "`, `"AA=A"`, `"A\u0000=="`, `"é"`, `"****"`,
			`"AA\tAA"`, `"A\nA=="`, `"QUJD\r\nRA"`, `"AA==\n"`, `"QUJD\nRA=="`, `"AA\nA"`, `"AQ.="`),
	},
	{
		name:    "enum",
		message: test("Singular"),
		accept: each(`{"color":%}`, `"COLOR_UNSPECIFIED"`, `"COLOR_RED"`, `"COLOR_CRIMSON"`, `"COLOR_INFRARED"`,
			`"COLOR_LEAST"`, `"COLOR_GREATEST"`, "0", "1",
			"-1", "99", "-99", "2147483647", "-2147483648", "1.0", "1e1", "-0", `"COLOR\u005fRED"`, "10e-1"),
		refuse: each(`{"color":%}`, `"RED"`, `"color_red"`, `""`, `"1"`, `"0"`, `" COLOR_RED"`, `"COLOR_RED "`, "2147483648",
			"-2147483649", "1.5", "1e10", "true",
			"[]", "{}", `"99"`, "1e", `"UNKNOWN"`, `"jsonwiretest.v1.COLOR_RED"`),
	},
	{
		name:    "closed enum",
		message: test("Old"),
		accept: list(
			each(`{"size":%}`, `"SIZE_SMALL"`, `"SIZE_LITTLE"`, `"SIZE_NEGATIVE"`, "1", "2", "-3", "0", "99", "-1", "null"),
			[]string{`{"right":99}`, `{"right":99,"left":null}`, `{"shadeByName":{"a":"SHADE_DARK","b":99,"c":0}}`,
				`{"groups":[{"size":[1,99,2,98]}]}`},
		),
		refuse: list(each(`{"size":%}`, `"SIZE"`, `"1"`, "1.5"), []string{`{"right":99,"left":1}`,
			`{"shadeByName":{"a":"DARK"}}`}),
	},
	{
		name:    "messages",
		message: test("Singular"),
		accept: each(`{"nested":%}`, "{}", `{"number":1}`, `{"nested":{"nested":{"nested":{}}}}`, ` { } `,
			`{"text":"a","nested":{"text":"b"},"number":2}`),
		refuse: each(`{"nested":%}`, "[]", "1", `""`, "true", `"{}"`, `[{}]`, `{"nested":[]}`, `{"nested":{"nested":1}}`,
			`{`, `{"a`),
	},
	{
		name:    "lists",
		message: test("Repeated"),
		accept: list(
			each(`{"%":[]}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "null", "nested"),
			[]string{
				`{"int32":[1]}`, `{"int32":[1,"2",3e0,-4]}`, `{"int32":[0,0,0]}`, `{"string":["","a",""]}`,
				`{"bytes":["","AA=="]}`, `{"bool":[true,false]}`, `{"double":[0,-0.0,"NaN","Infinity",1.5,"1.5"]}`,
				`{"float":[1,"-Infinity"]}`, `{"color":["COLOR_RED",0,99,"COLOR_CRIMSON"]}`,
				`{"nested":[{},{"number":1},{}]}`, `{"int64":["1",2],"uint64":[3,"4"]}`, `{ "int32" : [ 1 , 2 ] }`,
				`{"sint32":[-1],"sint64":[-1]}`, `{"fixed32":[1],"fixed64":[1],"sfixed32":[-1],"sfixed64":[-1]}`,
				`{"uint32":[300,4294967295]}`, `{"int32":[` + strings.Repeat("1,", 200) + `1]}`,
				`{"sint64":[` + strings.Repeat("-1234567,", 30) + `1]}`,
			},
		),
		refuse: []string{
			`{"int32":1}`, `{"int32":{}}`, `{"int32":"1"}`, `{"int32":[1,]}`, `{"int32":[,1]}`, `{"int32":[,]}`,
			`{"int32":[1 2]}`, `{"int32":[1,,2]}`, `{"int32":[[1]]}`, `{"int32":[1}`, `{"int32":[1`, `{"int32":[1,`,
			`{"int32":[`, `{"int32":[1:2]}`, `{"int32":[]`, `{"int32":[],"int32":[]}`, `{"int32":null,"int32":[]}`,
			`{"nested":{}}`, `{"nested":[{},1]}`, `{"nested":[[]]}`, `{"color":["RED"]}`, `{"string":["a",1]}`,
			`{"int32":[1]]}`, `{"bool":[1]}`, `{"int32":[2147483648]}`, `{"nested":[{}`, `{"nested":[{},]}`,
			"{\"string\":[\"\xff\"]}",
		},
	},
	{
		name:    "unpacked lists",
		message: test("Unpacked"),
		accept: []string{
			`{"double":[1.5,0],"float":[1.5],"int32":[1,2],"int64":[1],"uint32":[1],"uint64":[1],"sint32":[-1],"sint64":[-1],"fixed32":[1],"fixed64":[1], "sfixed32":[1],"sfixed64":[1],"bool":[true,false],"color":["COLOR_RED",5],"null":[null]}`,
		},
		refuse: []string{`{"int32":[null]}`, `{"int32":[1.5]}`},
	},
	{
		name:    "map values",
		message: test("MapValues"),
		accept: list(
			each(`{"%":{}}`, "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
				"fixed64", "sfixed32",
				"sfixed64", "bool", "string", "bytes", "color", "null", "nested"),
			[]string{
				`{"int32":{"a":1}}`, `{"int32":{"":0}}`, `{"int32":{"a":1,"b":0,"A":-1}}`, `{"string":{"a":"","b":"x"}}`,
				`{"bytes":{"a":"AA=="}}`, `{"bool":{"a":false}}`, `{"double":{"a":"NaN","b":-0.0}}`, `{"float":{"a":1.5}}`,
				`{"color":{"a":"COLOR_RED","b":99}}`, `{"nested":{"a":{},"b":{"number":1}}}`, `{"int64":{"a":"1"}}`,
				`{"uint64":{"a":1}}`, `{"uint32":{"a":1}}`, `{"sint32":{"a":-1}}`, `{"sint64":{"a":-1}}`,
				`{"fixed32":{"a":1}}`, `{"fixed64":{"a":1}}`, `{"sfixed32":{"a":-1}}`, `{"sfixed64":{"a":-1}}`,
				`{"string":{"\"\\\n\u0000":"a","é😀":"b","\ud83d\ude00":"c"}}`,
				`{"string":{"@type":"a","[x]":"b","value":"c"}}`, `{"int32":{"key":1,"value":2}}`,
				`{"nested":{"a":{"text":"` + strings.Repeat("long", 50) + `"}}}`,
			},
		),
		refuse: []string{
			`{"int32":{"a":1,"a":1}}`, `{"int32":{"a":1,"b":2,"a":3}}`, `{"int32":{"a":1,"\u0061":1}}`, `{"int32":[]}`,
			`{"int32":1}`, `{"int32":""}`, `{"int32":{"a":1,}}`, `{"int32":{,}}`, `{"int32":{"a"}}`, `{"int32":{"a":}}`,
			`{"int32":{a:1}}`, `{"int32":{"a":1}`, `{"int32":{"a":"x"}}`, `{"nested":{"a":1}}`, `{"nested":{"a":[]}}`,
			"{\"int32\":{\"\xff\":1}}", `{"int32":{"\ud800":1}}`, "{\"string\":{\"a\":\"\xff\"}}", `{"color":{"a":"RED"}}`,
			`{"int32":{"a":[1]}}`, `{"int32":{},"int32":{}}`, `{"nested":{"a":{},"a":{}}}`, `{"nested":{"a":{"unknown":1}}}`,
			`{"color":{"a":"X","a":"Y"}}`, `{"int32":{1:1}}`, `{"int32":{"a":1 "b":2}}`,
		},
	},
	{
		name:    "map keys",
		message: test("MapKeys"),
		accept: []string{
			`{"int32":{"1":"a","-1":"b","0":"c","2147483647":"d","-2147483648":"e"}}`, `{"int32":{"01":"a"}}`,
			`{"int32":{"+1":"a"}}`, `{"int32":{"-0":"a"}}`,
			`{"int64":{"9223372036854775807":"a","-9223372036854775808":"b"}}`, `{"uint32":{"4294967295":"a","0":""}}`,
			`{"uint32":{"007":"a"}}`, `{"uint64":{"18446744073709551615":"a"}}`, `{"sint32":{"-5":"a"}}`,
			`{"sint64":{"-5":"a"}}`, `{"fixed32":{"5":"a"}}`, `{"fixed64":{"5":"a"}}`, `{"sfixed32":{"-5":"a"}}`,
			`{"sfixed64":{"-5":"a"}}`, `{"bool":{"true":"a","false":"b"}}`, `{"bool":{"\u0074rue":"a"}}`,
			`{"string":{"":"a","a":"b"}}`, `{"int32":{"\u0031":"a"}}`, `{"int32":{"10":"a","9":"b","-10":"c","-9":"d"}}`,
			`{"string":{"b":"","a":"","ab":"","\u0000":""}}`,
		},
		refuse: []string{
			`{"int32":{"1":"a","1":"b"}}`, `{"int32":{"1":"a","01":"b"}}`, `{"int32":{"1":"a","+1":"b"}}`,
			`{"int32":{"0":"a","-0":"b"}}`, `{"uint32":{"1":"a","01":"b"}}`, `{"int64":{"1":"a","+1":"b"}}`,
			`{"uint64":{"0":"a","00":"b"}}`, `{"bool":{"true":"a","true":"b"}}`, `{"string":{"":"a","":"b"}}`,
			`{"fixed64":{"1":"a","01":"b"}}`, `{"int32":{"1.0":"a"}}`, `{"int32":{"1e0":"a"}}`, `{"int32":{"":"a"}}`,
			`{"int32":{" 1":"a"}}`, `{"int32":{"1 ":"a"}}`, `{"int32":{"a":"a"}}`, `{"int32":{"0x1":"a"}}`,
			`{"int32":{"1_0":"a"}}`, `{"int32":{"2147483648":"a"}}`, `{"int32":{"-2147483649":"a"}}`, `{"uint32":{"-1":"a"}}`,
			`{"uint32":{"-0":"a"}}`, `{"uint32":{"+1":"a"}}`, `{"uint32":{"4294967296":"a"}}`,
			`{"uint64":{"18446744073709551616":"a"}}`, `{"int64":{"9223372036854775808":"a"}}`, `{"int32":{"--1":"a"}}`,
			`{"int32":{"+":"a"}}`, `{"bool":{"True":"a"}}`, `{"bool":{"1":"a"}}`, `{"bool":{"":"a"}}`,
			`{"bool":{" true":"a"}}`, `{"bool":{true:"a"}}`, `{"int32":{1:"a"}}`, `{"int32":{"1":1}}`,
			`{"int32":{"1":"a","2":"b","1":"c"}}`, `{"string":{"a":"1","\u0061":"2"}}`, `{"fixed32":{"-1":"a"}}`,
			`{"sint64":{"1":"a","2":"b","3":"c","02":"d"}}`,
		},
	},
	{
		name:    "oneof",
		message: test("OneOf"),
		accept: list(
			each(`{%}`, `"double":0`, `"float":0`, `"int32":0`, `"int64":0`, `"uint32":0`, `"uint64":0`, `"sint32":0`,
				`"sint64":0`, `"fixed32":0`, `"fixed64":0`,
				`"sfixed32":0`, `"sfixed64":0`, `"bool":false`, `"string":""`, `"bytes":""`, `"color":0`, `"null":null`,
				`"nested":{}`, `"double":1.5`, `"int32":1`, `"string":"a"`, `"nested":{"number":1}`, `"null":"NULL_VALUE"`),
			[]string{
				`{"int32":null}`, `{"int32":null,"string":"a"}`, `{"string":"a","int32":null}`,
				`{"int32":null,"string":null}`, `{"beforeNumber":1,"int32":1,"afterNumber":1}`,
				`{"before_text":"","int32":0,"afterNested":{}}`, `{"nested":null,"int32":1}`,
				`{"afterNested":{},"afterNumber":null}`,
			},
		),
		refuse: []string{
			`{"int32":1,"string":"a"}`, `{"int32":1,"int64":1}`, `{"nested":{},"int32":1}`, `{"null":null,"int32":1}`,
			`{"int32":1,"null":null}`, `{"null":null,"null":null}`, `{"beforeNumber":1,"beforeText":"a"}`,
			`{"afterNumber":1,"afterNested":{}}`, `{"int32":1,"int32":1}`, `{"int32":null,"int32":1}`,
			`{"int32":1,"beforeNumber":1,"sint32":1}`, `{"before":1}`, `{"kind":1}`, `{"int32":1,"string":1}`,
			`{"color":0,"bool":true}`, `{"kind":{"int32":1}}`,
		},
	},
	{
		name:    "order and numbers",
		message: test("Numbers"),
		accept: []string{
			`{"greatest":1,"twoThousand":[1,2],"three":"c","sixteen":16,"fifteen":{"2":3,"1":2},"one":1,"two":"","afterReserved":5}`,
			`{"one":1,"two":"2","three":"3"}`, `{"hundred":{"hundred":{"one":1}}}`, `{"two_thousand":[1]}`,
		},
		refuse: []string{`{"three":"a","hundred":{}}`, `{"choice":"a"}`},
	},
	{name: "no fields", message: test("Nothing"), accept: []string{"{}"}, refuse: []string{`{"a":1}`, "[]", "null"}},
	{
		name:    "timestamp",
		message: known("Timestamp"),
		accept: []string{
			`"1970-01-01T00:00:00Z"`, `"1970-01-01T00:00:00.0Z"`, `"1970-01-01T00:00:00.000000000Z"`,
			`"2026-01-02T03:04:05.1Z"`, `"2026-01-02T03:04:05.12Z"`, `"2026-01-02T03:04:05.123Z"`,
			`"2026-01-02T03:04:05.123456Z"`, `"2026-01-02T03:04:05.123456789Z"`, `"2026-01-02T03:04:05+00:00"`,
			`"2026-01-02T03:04:05-00:00"`, `"2026-01-02T03:04:05+01:30"`, `"2026-01-02T03:04:05-23:59"`,
			`"2026-01-02T03:04:05.5+14:00"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`,
			`"0001-01-01T01:00:00+01:00"`, `"9999-12-31T22:59:59-01:00"`, `"0000-12-31T23:30:00-00:30"`,
			`"2024-02-29T00:00:00Z"`, `"2000-02-29T00:00:00Z"`, `"1969-12-31T23:59:59.999Z"`, `"2026-01-02T03:04:05\u005a"`,
			`"2026-01-02T3:04:05Z"`, `"2026-01-02T03:04:05,5Z"`, `"2026-01-02T03:04:05,1234567890Z"`,
			`"2026-01-02T03:04:05+24:00"`, `"2026-01-02T03:04:05+00:60"`, `"2026-01-02T03:04:05.000000001Z"`,
			`"1582-10-10T00:00:00Z"`,
		},
		refuse: []string{
			"null", "1", "{}", "[]", "true", `""`, `"abc"`, `"2026-01-02"`, `"2026-01-02T03:04Z"`, `"2026-01-02T03:04:05"`,
			`"2026-01-02 03:04:05Z"`, `"2026-01-02t03:04:05Z"`, `"2026-01-02T03:04:05z"`, `"2026-01-02T03:04:60Z"`,
			`"2026-12-31T23:59:60Z"`, `"2026-01-02T24:00:00Z"`, `"2026-01-02T03:60:05Z"`, `"2026-13-02T03:04:05Z"`,
			`"2026-00-02T03:04:05Z"`, `"2026-01-32T03:04:05Z"`, `"2026-01-00T03:04:05Z"`, `"2026-02-29T00:00:00Z"`,
			`"1900-02-29T00:00:00Z"`, `"2026-04-31T00:00:00Z"`, `"0000-01-01T00:00:00Z"`, `"0000-12-31T23:59:59Z"`,
			`"10000-01-01T00:00:00Z"`, `"-001-01-01T00:00:00Z"`, `"0001-01-01T00:00:00+00:01"`, `"9999-12-31T23:59:59-00:01"`,
			`"2026-01-02T03:04:05.Z"`, `"2026-01-02T03:04:05.1234567890Z"`, `"2026-01-02T03:04:05.0000000000Z"`,
			`"2026-01-02T03:04:05.1234567890+01:00"`, `"2026-01-02T03:04:05.5"`, `" 2026-01-02T03:04:05Z"`,
			`"2026-01-02T03:04:05Z "`, `"2026-01-02T03:04:05+1:00"`, `"2026-01-02T03:04:05+0100"`, `"2026-01-02T03:04:05+01"`,
			`"2026-01-02T03:04:05+25:00"`, `"2026-01-02T03:04:05+01:61"`, `"2026-1-02T03:04:05Z"`, `"2026-01-2T03:04:05Z"`,
			`"2026-01-02T03:4:05Z"`, `"2026-01-02T03:04:5Z"`, `"26-01-02T03:04:05Z"`, `"2026-01-02T03:04:05ZZ"`,
			`"2026-01-02T03:04:05Z+01:00"`, `"２026-01-02T03:04:05Z"`, `"2026-01-02T-3:04:05Z"`, `"2026-01-02T03:04:05.-5Z"`,
			`"2026/01/02T03:04:05Z"`, `"2026-01-02T03:04:05.5.5Z"`, `"1e3"`,
		},
	},
	{
		name:    "duration",
		message: known("Duration"),
		accept: []string{
			`"0s"`, `"-0s"`, `"+0s"`, `"1s"`, `"-1s"`, `"+1s"`, `"1.5s"`, `"-1.5s"`, `"0.5s"`, `"-0.5s"`, `".5s"`, `"-.5s"`,
			`"+.5s"`, `"1.s"`, `"-1.s"`, `"0.s"`, `".s"`, `"-.s"`, `"1.000000001s"`, `"1.123456789s"`, `"0.000000001s"`,
			`"-0.000000001s"`, `"315576000000s"`, `"-315576000000s"`, `"315576000000.999999999s"`,
			`"-315576000000.999999999s"`, `"1.100s"`, `"1.000000000s"`, `"\u0031s"`, `"1.010s"`,
		},
		refuse: []string{
			"null", "1", "1.5", "{}", "[]", `""`, `"s"`, `"1"`, `"1.5"`, `"1S"`, `"1 s"`, `" 1s"`, `"1s "`, `"1ss"`, `"1m"`,
			`"1h"`, `"1ms"`, `"1e1s"`, `"01s"`, `"00s"`, `"00.5s"`, `"-01s"`, `"--1s"`, `"+-1s"`, `"-s"`, `"+s"`,
			`"1.1234567890s"`, `"1.0000000000s"`, `"1..5s"`, `"1.5.5s"`, `"1.-5s"`, `"315576000001s"`, `"-315576000001s"`,
			`"9223372036854775808s"`, `"99999999999999999999s"`, `"1,5s"`, `"١s"`, `"NaNs"`, `"0x1s"`, `"1_0s"`, `"1.5"`,
			`"1\u0000s"`,
		},
	},
	{
		name:    "field mask",
		message: known("FieldMask"),
		accept: []string{
			`""`, `"a"`, `"a,b"`, `"a.b"`, `"fooBar"`, `"fooBar.bazQux,a"`, `" a "`, `"  "`, `"\t"`, `"a,a"`, `"f1"`,
			`"foo1Bar"`, `"Foo"`, `"aBC"`, `"\u0061"`, `"a1B2"`, `"\u00a0a"`, `"foo,Foo"`,
		},
		refuse: []string{
			"null", "1", "{}", "[]", `[""]`, `"a,"`, `",a"`, `","`, `"a,,b"`, `"a, b"`, `"a ,b"`, `"a_b"`, `"a.b_c"`, `"_"`,
			`"a..b"`, `".a"`, `"a."`, `"1a"`, `"a-b"`, `"a b"`, `"a.1"`, `"é"`, `"*"`, `"a[0]"`, `"a/b"`, `"."`, `"a\u0000"`,
		},
	},
	{
		name:    "bool value",
		message: known("BoolValue"),
		accept:  []string{"true", "false", " true "},
		refuse:  []string{"null", `"true"`, "0", "{}", `{"value":true}`, "", "true true"},
	},
	{
		name:    "int32 value",
		message: known("Int32Value"),
		accept:  []string{"0", "1", "-1", `"1"`, "1e1", "2147483647"},
		refuse:  []string{"null", "1.5", "2147483648", "{}", `{"value":1}`, `""`, "[1]"},
	},
	{name: "int64 value", message: known("Int64Value"), accept: []string{"1", `"9223372036854775807"`, "0"},
		refuse: []string{"null", `"9223372036854775808"`, "{}"}},
	{name: "uint32 value", message: known("UInt32Value"), accept: []string{"1", `"4294967295"`, "-0"},
		refuse: []string{"null", "-1", "{}"}},
	{name: "uint64 value", message: known("UInt64Value"), accept: []string{"1", `"18446744073709551615"`},
		refuse: []string{"null", "-1", "18446744073709551616"}},
	{name: "float value", message: known("FloatValue"), accept: []string{"1.5", `"NaN"`, `"Infinity"`, "-0.0"},
		refuse: []string{"null", "1e39", "NaN", "{}"}},
	{name: "double value", message: known("DoubleValue"), accept: []string{"1.5", `"NaN"`, `"-Infinity"`, "0", "-0"},
		refuse: []string{"null", "1e309", "{}"}},
	{name: "string value", message: known("StringValue"), accept: []string{`""`, `"a"`, `"null"`, `"\ud83d\ude00"`},
		refuse: []string{"null", "1", "{}", "\"\xff\"", `"\ud800"`}},
	{name: "bytes value", message: known("BytesValue"), accept: []string{`""`, `"AA=="`, `"-_8"`}, refuse: []string{"null",
		`"A"`, "1", "{}"}},
	{name: "empty", message: known("Empty"), accept: []string{"{}", " { } "}, refuse: []string{"null", "[]", "", `{"a":1}`,
		`""`, "{", "{]"}},
	{
		name:    "struct",
		message: known("Struct"),
		accept: []string{
			"{}", `{"a":null}`, `{"a":1,"b":"x","c":true,"d":[1,[2,{"e":{}}]],"f":{"g":null}}`, `{"":""}`, `{"fields":{}}`,
			`{"@type":"a"}`, `{"a":{"b":{"c":{"d":{}}}}}`, `{"é":"😀","\u0000":"\n"}`,
		},
		refuse: []string{"null", "[]", "1", `""`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{"a":}`, "{\"\xff\":1}",
			"{\"a\":\"\xff\"}", `{"a":[{"b":1,"b":2}]}`, `{"a":1e400}`, `{"\ud800":1}`, `{"a":NaN}`, `{"a"`},
	},
	{
		name:    "value",
		message: known("Value"),
		accept: []string{
			"null", " null ", "true", "false", "0", "-0", "1.5", "1e308", "1e-400", "123456789012345678901234567890", `""`,
			`"NaN"`, `"a"`, `"1"`, "[]", "{}", "[null]", "[[]]", "[{}]", `{"a":null}`, `{"a":[1,"b",{}]}`,
			`[1,2.5,"a",null,true,[],{}]`, "[[[[[]]]]]", `{"a":{"b":{"c":{}}}}`,
		},
		refuse: []string{"", "nul", "NaN", "1e400", "[1e400]", "[", "]", "[1,]", `{"a":1,"a":1}`, "1 1", "null null",
			"\"\xff\"", `"\ud800"`, "[[]", "01", "-", ",", "{", "}", ":", "[1e]"},
	},
	{
		name:    "list value",
		message: known("ListValue"),
		accept:  []string{"[]", "[null]", `[1,"a",[],{}]`, "[[[]]]", " [ ] ", `[{"a":[{"b":1}]}]`, "[0,-0,false,\"\"]"},
		refuse: []string{"null", "{}", "1", "[1,]", "[", "[}", "[1 2]", `[{"a":1,"a":1}]`, "[1e400]", "[,]", "[]]", "[nul]",
			""},
	},
	{
		name:    "well-known types in fields",
		message: test("WellKnown"),
		accept: []string{
			`{"timestamp":"2026-01-02T03:04:05Z","duration":"1.5s","fieldMask":"a,bC","struct":{"a":1},"value":null,"listValue":[1,null],"empty":{}}`,
			`{"boolValue":false,"int32Value":0,"int64Value":"0","uint32Value":0,"uint64Value":"0","floatValue":0,"doubleValue":0,"stringValue":"","bytesValue":""}`,
			`{"timestamp":null,"duration":null,"fieldMask":null,"struct":null,"value":null,"listValue":null,"any":null,"empty":null}`,
			`{"boolValue":null,"int32Value":null,"int64Value":null,"uint32Value":null,"uint64Value":null,"floatValue":null,"doubleValue":null,"stringValue":null,"bytesValue":null}`,
			`{"any":{}}`, `{"any":{"@type":"type.googleapis.com/google.protobuf.Empty"}}`, `{"value":{"a":[null]}}`,
			`{"value":[]}`, `{"value":"a"}`, `{"field_mask":""}`, `{"timestamp":"1970-01-01T00:00:00Z","duration":"0s"}`,
			`{"value":1.5}`, `{"value":true}`, `{"listValue":[]}`, `{"struct":{}}`,
		},
		refuse: []string{
			`{"timestamp":{}}`, `{"timestamp":{"seconds":1}}`, `{"duration":1}`, `{"fieldMask":{"paths":["a"]}}`,
			`{"struct":[]}`, `{"listValue":{}}`, `{"boolValue":{"value":true}}`, `{"empty":[]}`, `{"empty":{"a":1}}`,
			`{"value":null,"value":1}`, `{"any":[]}`, `{"any":""}`, `{"stringValue":1}`, `{"int64Value":"x"}`,
			`{"timestamp":"x"}`,
		},
	},
	{
		name:    "well-known types in lists",
		message: test("RepeatedWellKnown"),
		accept: []string{
			`{"timestamp":["1970-01-01T00:00:00Z","2026-01-02T03:04:05Z"],"duration":["0s","1s"],"fieldMask":["","a"],"struct":[{},{"a":1}],"value":[null,1,"a",[],{}],"listValue":[[],[1]],"any":[{},{}],"empty":[{},{}]}`,
			`{"boolValue":[false,true],"int32Value":[0,1],"int64Value":["0",1],"uint32Value":[0],"uint64Value":["0"],"floatValue":[0],"doubleValue":[0,"NaN"],"stringValue":["","a"],"bytesValue":["","AA=="]}`,
			`{"value":[]}`, `{"value":[null,null]}`,
			`{"any":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"},{"@type":"type.googleapis.com/jsonwiretest.v1.Nested","number":1}]}`,
		},
		refuse: list(
			each(`{"%":[null]}`, "timestamp", "duration", "fieldMask", "struct", "listValue", "any", "empty", "boolValue",
				"int32Value", "int64Value", "uint32Value", "uint64Value",
				"floatValue", "doubleValue", "stringValue", "bytesValue"),
			[]string{`{"timestamp":"1970-01-01T00:00:00Z"}`, `{"listValue":[1]}`, `{"value":1}`, `{"value":{}}`},
		),
	},
	{
		// A null is the Value of a list, but no list.
		name:    "null for a list of values",
		message: test("RepeatedWellKnown"),
		accept:  []string{`{"timestamp":null}`, `{"listValue":null}`},
		refuse:  []string{`{"value":null}`},
	},
	{
		name:    "well-known types in maps",
		message: test("MapWellKnown"),
		accept: []string{
			`{"timestamp":{"a":"1970-01-01T00:00:00Z"},"duration":{"a":"0s","b":"1s"},"fieldMask":{"a":"","b":"a"},"struct":{"a":{}},"value":{"a":null,"b":1,"c":[],"d":{}},"listValue":{"a":[]},"any":{"a":{}},"empty":{"a":{}}}`,
			`{"boolValue":{"a":false},"int32Value":{"a":0},"int64Value":{"a":"0"},"uint32Value":{"a":0},"uint64Value":{"a":"0"},"floatValue":{"a":0},"doubleValue":{"a":0},"stringValue":{"a":""},"bytesValue":{"a":""}}`,
			`{"timestamp":null}`, `{"value":{}}`, `{"value":null}`,
		},
		refuse: list(
			each(`{"%":{"a":null}}`, "timestamp", "duration", "fieldMask", "struct", "listValue", "any", "empty", "boolValue",
				"int32Value", "int64Value", "uint32Value", "uint64Value",
				"floatValue", "doubleValue", "stringValue", "bytesValue"),
			[]string{`{"value":{"a":1,"a":null}}`, `{"value":[]}`},
		),
	},
	{
		name:    "well-known types in a oneof",
		message: test("OneOfWellKnown"),
		accept: list(
			each(`{%}`, `"timestamp":"1970-01-01T00:00:00Z"`, `"duration":"0s"`, `"fieldMask":""`, `"struct":{}`,
				`"value":null`, `"value":1`, `"listValue":[]`, `"any":{}`, `"empty":{}`, `"boolValue":false`,
				`"int32Value":0`, `"int64Value":0`, `"uint32Value":0`, `"uint64Value":0`, `"floatValue":0`, `"doubleValue":0`,
				`"stringValue":""`, `"bytesValue":""`, `"null":null`, `"null":"NULL_VALUE"`, `"timestamp":null`,
				`"boolValue":null,"stringValue":"a"`),
		),
		refuse: []string{`{"value":null,"null":null}`, `{"null":null,"value":null}`, `{"value":null,"empty":{}}`,
			`{"empty":{},"value":null}`, `{"boolValue":true,"stringValue":"a"}`, `{"null":null,"boolValue":false}`},
	},
	{
		name:    "any",
		message: known("Any"),
		accept: []string{
			"{}", " { } ", `{"@type":"type.googleapis.com/jsonwiretest.v1.Nested"}`,
			`{"@type":"type.googleapis.com/jsonwiretest.v1.Nested","number":1,"text":"a"}`,
			`{"number":1,"text":"a","@type":"type.googleapis.com/jsonwiretest.v1.Nested"}`,
			`{"number":1,"@type":"type.googleapis.com/jsonwiretest.v1.Nested","text":"a"}`,
			`{"text":"a","number":1,"@type":"jsonwiretest.v1.Nested"}`, `{"@type":"/jsonwiretest.v1.Nested"}`,
			`{"@type":"a/b/c/jsonwiretest.v1.Nested"}`, `{"@type":"http://x.y/jsonwiretest.v1.Nested","number":1}`,
			`{"\u0040type":"jsonwiretest.v1.\u004eested"}`,
			`{"@type":"jsonwiretest.v1.Nested","nested":{"nested":{"number":1}}}`, `{"@type":"é/jsonwiretest.v1.Nested"}`,
			`{"@type":"\"\\\n/jsonwiretest.v1.Nested"}`, `{"@type":"a/google.protobuf.Empty"}`,
			`{"@type":"a/google.protobuf.Empty","value":{}}`, `{"value":{},"@type":"a/google.protobuf.Empty"}`,
			`{"@type":"a/google.protobuf.Timestamp","value":"2026-01-02T03:04:05Z"}`,
			`{"value":"1s","@type":"a/google.protobuf.Duration"}`, `{"@type":"a/google.protobuf.FieldMask","value":"a,bC"}`,
			`{"@type":"a/google.protobuf.Struct","value":{"a":[1,null]}}`, `{"@type":"a/google.protobuf.Value","value":null}`,
			`{"@type":"a/google.protobuf.Value","value":{"a":1}}`, `{"@type":"a/google.protobuf.ListValue","value":[1]}`,
			`{"@type":"a/google.protobuf.BoolValue","value":true}`, `{"@type":"a/google.protobuf.Int32Value","value":"1"}`,
			`{"@type":"a/google.protobuf.Int64Value","value":"1"}`, `{"@type":"a/google.protobuf.UInt32Value","value":0}`,
			`{"@type":"a/google.protobuf.UInt64Value","value":1}`, `{"@type":"a/google.protobuf.FloatValue","value":"NaN"}`,
			`{"@type":"a/google.protobuf.DoubleValue","value":1.5}`, `{"@type":"a/google.protobuf.StringValue","value":"a"}`,
			`{"@type":"a/google.protobuf.BytesValue","value":"AA=="}`, `{"@type":"a/google.protobuf.Any","value":{}}`,
			`{"@type":"a/google.protobuf.Any","value":{"@type":"a/google.protobuf.Any","value":{"@type":"a/jsonwiretest.v1.Nested","number":1}}}`,
			`{"@type":"a/jsonwiretest.v1.Tree","any":{"@type":"a/jsonwiretest.v1.Tree","any":{"name":"x","@type":"a/jsonwiretest.v1.Tree"}}}`,
			`{"@type":"a/jsonwiretest.v1.WellKnown","any":{"value":"1s","@type":"a/google.protobuf.Duration"}}`,
			`{"@type":"a/jsonwiretest.v1.Names","type":"x","value":"y"}`, `{"@type":"a/jsonwiretest.v1.Required"}`,
			`{"@type":"a/jsonwiretest.v1.Required","optional":{}}`,
			`{"@type":"a/jsonwiretest.v1.Old","size":99,"[jsonwiretest.v1.old_int32]":1}`,
			`{"@type":"a/jsonwiretest.v1.MapValues","int32":{"b":1,"a":2}}`,
			`{"@type":"a/jsonwiretest.v1.OneOf","null":null}`, `{"@type":"a/jsonwiretest.v1.Singular","int32":null}`,
		},
		refuse: []string{
			"null", "[]", "1", `""`, "", "{", `{"a":1}`, `{"value":"a"}`, `{"@type":""}`, `{"@type":null}`, `{"@type":1}`,
			`{"@type":{}}`, `{"@type":[]}`, `{"@type":"jsonwiretest.v1.Missing"}`, `{"@type":"a/"}`, `{"@type":"/"}`,
			`{"@type":"a"}`, `{"@type":"jsonwiretest.v1.Nested/"}`, `{"@type":"jsonwiretest.v1.Color"}`,
			`{"@type":" jsonwiretest.v1.Nested"}`, `{"@type":"jsonwiretest.v1.Nested","@type":"jsonwiretest.v1.Nested"}`,
			`{"@type":"jsonwiretest.v1.Nested","number":1,"@type":"jsonwiretest.v1.Nested"}`,
			`{"@type":"jsonwiretest.v1.Nested","number":1,"number":1}`, `{"@type":"jsonwiretest.v1.Nested","unknown":1}`,
			`{"@type":"jsonwiretest.v1.Nested","value":{}}`, `{"@type":"jsonwiretest.v1.Nested","number":"a"}`,
			`{"number":"a","@type":"jsonwiretest.v1.Nested"}`, `{"@type":"a/google.protobuf.Timestamp"}`,
			`{"@type":"a/google.protobuf.Timestamp","value":null}`, `{"@type":"a/google.protobuf.StringValue","value":null}`,
			`{"@type":"a/google.protobuf.Timestamp","value":"x"}`,
			`{"@type":"a/google.protobuf.Duration","value":"1s","value":"1s"}`,
			`{"@type":"a/google.protobuf.Duration","value":"1s","other":1}`, `{"@type":"a/google.protobuf.Empty","a":1}`,
			`{"@type":"a/google.protobuf.Empty","value":[]}`, `{"@type":"a/google.protobuf.Empty","value":{"a":1}}`,
			`{"@type":"a/google.protobuf.Any"}`, `{"@type":"a/google.protobuf.Any","value":{"@type":"x"}}`,
			`{"@type":"a/google.protobuf.Value"}`, `{"@type":"a/google.protobuf.Any","value":null}`,
			`{"@type":"jsonwiretest.v1.Nested","number":1,}`, `{"@type":"jsonwiretest.v1.Nested","number":[}`,
			`{"@type":"jsonwiretest.v1.Nested"`, `{"@type"`, `{"@type":"jsonwiretest.v1.Nested"}}`,
			"{\"@type\":\"\xff/jsonwiretest.v1.Nested\"}", "{\"@type\":\"jsonwiretest.v1.Nested\",\"text\":\"\xff\"}",
			"{\"\xff\":1,\"@type\":\"jsonwiretest.v1.Nested\"}", `{"@type":"\ud800"}`,
			`{"@type":"a/jsonwiretest.v1.OneOf","int32":1,"string":"a"}`,
			`{"@type":"a/jsonwiretest.v1.Names","type":"x","@type":"y"}`,
			`{"@type":"a/google.protobuf.Struct","value":{"a":1,"a":1}}`, `{"@type":"a/google.protobuf.Struct","fields":{}}`,
			`{"@type":"jsonwiretest.v1.Nested","":1}`, `{"@type":"a/jsonwiretest.v1.scoped"}`,
			`{"typeUrl":"a/jsonwiretest.v1.Nested","value":""}`, `{"@type":"a/google.protobuf.Duration","value":"1s"`,
		},
	},
	{
		name:    "proto2",
		message: test("Old"),
		accept: []string{
			"{}",
			`{"double":0,"float":0,"int32":0,"int64":0,"uint32":0,"uint64":0,"sint32":0,"sint64":0,"fixed32":0,"fixed64":0,"sfixed32":0,"sfixed64":0,"bool":false,"string":"","bytes":""}`,
			`{"int32":null}`, `{"null":null}`, `{"old":{"old":{}}}`, `{"group":{}}`,
			`{"group":{"number":1,"inner":{"text":"a"}}}`, `{"Group":{"Inner":{}}}`, `{"group":null}`,
			`{"groups":[{},{"number":1,"size":["SIZE_SMALL"]}]}`, `{"Groups":[]}`, `{"middle":{}}`, `{"Middle":{"number":1}}`,
			`{"left":0}`, `{"right":"SIZE_LARGE"}`, `{"oldByNumber":{"1":{"int32":1},"2":{}}}`, `{"shadeByName":{}}`,
		},
		refuse: []string{
			`{"left":0,"middle":{}}`, `{"middle":{},"Middle":{}}`, `{"group":{},"Group":{}}`, `{"GROUP":{}}`, `{"group":[]}`,
			`{"groups":{}}`, `{"right":1,"left":1}`, `{"group":{"text":""}}`, `{"group":{"inner":{},"Inner":{}}}`,
			`{"oldByNumber":{"1":null}}`,
		},
	},
	{
		name:    "defaults",
		message: test("Defaults"),
		accept: []string{
			"{}", `{"double":"-Infinity","float":"NaN","int32":-7,"string":"a\"b","bytes":"AP8=","size":"SIZE_LARGE"}`,
			`{"double":0,"int32":0,"bool":false,"string":"","bytes":"","size":"SIZE_SMALL"}`, `{"int32":null}`,
		},
		refuse: []string{`{"int32":1.5}`},
	},
	{
		name:    "proto2 lists",
		message: test("OldRepeated"),
		accept: []string{
			`{"double":[1],"float":[1],"int32":[1,2],"int64":[1],"uint32":[1],"uint64":[1],"sint32":[1],"sint64":[1],"fixed32":[1],"fixed64":[1],"sfixed32":[1],"sfixed64":[1],"bool":[true],"string":["a"],"bytes":["AA=="],"size":[1,99,-3],"null":[null,5],"old":[{}]}`,
		},
		refuse: []string{`{"size":["SIZE"]}`, `{"int32":[null]}`},
	},
	{
		name:    "proto2 packed lists",
		message: test("OldPacked"),
		accept: []string{
			`{"double":[1],"float":[1],"int32":[1,2],"int64":[1],"uint32":[1],"uint64":[1],"sint32":[1],"sint64":[1],"fixed32":[1],"fixed64":[1],"sfixed32":[1],"sfixed64":[1],"bool":[true],"size":[1,99,-3]}`,
		},
		refuse: []string{`{"size":[null]}`},
	},
	{
		name:    "extensions",
		message: test("Old"),
		accept: list(
			each(`{"[jsonwiretest.v1.%]":1}`, "old_double", "old_float", "old_int32", "old_int64", "old_uint32", "old_uint64",
				"old_sint32", "old_sint64", "old_fixed32", "old_fixed64", "old_sfixed32", "old_sfixed64", "old_size",
				"old_default", "old_greatest", "old_value"),
			[]string{
				`{"[jsonwiretest.v1.old_bool]":false}`, `{"[jsonwiretest.v1.old_string]":""}`,
				`{"[jsonwiretest.v1.old_bytes]":"AA=="}`, `{"[jsonwiretest.v1.old_null]":null}`,
				`{"[jsonwiretest.v1.old_old]":{"[jsonwiretest.v1.old_int32]":1}}`,
				`{"[jsonwiretest.v1.old_timestamp]":"1970-01-01T00:00:00Z"}`, `{"[jsonwiretest.v1.old_value]":null}`,
				`{"[jsonwiretest.v1.old_any]":{}}`, `{"[jsonwiretest.v1.old_list]":[1,2]}`,
				`{"[jsonwiretest.v1.old_packed]":[1,2]}`, `{"[jsonwiretest.v1.old_olds]":[{},{"int32":1}]}`,
				`{"[jsonwiretest.v1.old_sizes]":["SIZE_SMALL",99]}`, `{"[jsonwiretest.v1.oldgroup]":{"number":1}}`,
				`{"[jsonwiretest.v1.Scope.scoped]":"a"}`, `{"[jsonwiretest.v1.Scope.scope]":{"text":"a"}}`,
				`{"[jsonwiretest.v1.old_int32]":null}`, `{"\u005bjsonwiretest.v1.old_int32\u005d":1}`,
				`{"[jsonwiretest.v1.old_list]":[]}`, `{"[jsonwiretest.v1.old_list]":null}`,
				`{"int32":1,"[jsonwiretest.v1.old_int32]":1,"old":{}}`, `{"[jsonwiretest.v1.old_required]":{"id":1}}`,
				`{"[jsonwiretest.v1.old_int32]":0,"[jsonwiretest.v1.Scope.scoped]":"","[jsonwiretest.v1.old_double]":0}`,
			},
		),
		refuse: []string{
			`{"[jsonwiretest.v1.old_int32]":1,"[jsonwiretest.v1.old_int32]":1}`, `{"[jsonwiretest.v1.missing]":1}`,
			`{"[]":1}`, `{"[ jsonwiretest.v1.old_int32]":1}`, `{"[.jsonwiretest.v1.old_int32]":1}`,
			`{"jsonwiretest.v1.old_int32":1}`, `{"old_int32":1}`, `{"oldInt32":1}`, `{"[jsonwiretest.v1.oldInt32]":1}`,
			`{"[jsonwiretest.v1.required_more]":{"id":1}}`, `{"[jsonwiretest.v1.Old]":1}`,
			`{"[jsonwiretest.v1.old_int32]":"x"}`, `{"[jsonwiretest.v1.old_required]":{}}`,
			`{"[jsonwiretest.v1.OldGroup]":{}}`, `{"[jsonwiretest.v1.old_int32]":null,"[jsonwiretest.v1.old_int32]":1}`,
			`{"[jsonwiretest.v1.edition_number]":1}`, `{"[jsonwiretest.v1.old_int32]]":1}`,
			`{"[jsonwiretest.v1.old_any]":{"@type":"x"}}`,
		},
	},
	{
		name:    "required fields",
		message: test("Required"),
		accept: []string{
			`{"id":0}`, `{"id":1,"optional":{"id":1}}`, `{"id":1,"repeated":[{"id":1},{"id":2}]}`,
			`{"id":1,"map":{"a":{"id":1}}}`, `{"id":1,"left":{"id":1}}`, `{"id":1,"right":"a"}`,
			`{"id":1,"group":{"name":""}}`, `{"id":1,"repeated":[],"map":{},"optional":null}`,
			`{"id":1,"any":{"@type":"a/jsonwiretest.v1.Required"}}`, `{"id":1,"[jsonwiretest.v1.required_more]":{"id":1}}`,
			`{"id":1,"[jsonwiretest.v1.required_list]":[{"id":1}]}`, `{"optional":{"optional":{"id":1},"id":1},"id":1}`,
		},
		refuse: []string{
			"{}", `{"id":null}`, `{"id":1,"optional":{}}`, `{"id":1,"repeated":[{"id":1},{}]}`, `{"id":1,"map":{"a":{}}}`,
			`{"id":1,"left":{}}`, `{"id":1,"group":{}}`, `{"optional":{"id":1}}`,
			`{"id":1,"[jsonwiretest.v1.required_more]":{}}`, `{"id":1,"[jsonwiretest.v1.required_list]":[{}]}`,
			`{"id":1,"optional":{"optional":{}}}`, `{"id":1,"optional":{"id":1,"optional":{"id":1,"repeated":[{}]}}}`,
		},
	},
	{
		name:    "every kind required",
		message: test("RequiredAll"),
		accept: []string{
			`{"double":0,"float":0,"int32":0,"int64":0,"uint32":0,"uint64":0,"sint32":0,"sint64":0,"fixed32":0,"fixed64":0,"sfixed32":0,"sfixed64":0,"bool":false,"string":"","bytes":"","size":1,"null":null,"old":{},"timestamp":"1970-01-01T00:00:00Z","value":null}`,
		},
		refuse: []string{
			"{}",
			`{"double":0,"float":0,"int32":0,"int64":0,"uint32":0,"uint64":0,"sint32":0,"sint64":0,"fixed32":0,"fixed64":0,"sfixed32":0,"sfixed64":0,"bool":false,"string":"","bytes":"","size":1,"null":null,"old":{},"timestamp":"1970-01-01T00:00:00Z"}`,
			`{"float":0,"int32":0,"int64":0,"uint32":0,"uint64":0,"sint32":0,"sint64":0,"fixed32":0,"fixed64":0,"sfixed32":0,"sfixed64":0,"bool":false,"string":"","bytes":"","size":1,"null":null,"old":{},"timestamp":"1970-01-01T00:00:00Z","value":null}`,
		},
	},
	{
		name:    "many required fields",
		message: test("RequiredMany"),
		accept:  []string{manyRequired(0)},
		refuse:  []string{"{}", manyRequired(1), manyRequired(63), manyRequired(64), manyRequired(65), manyRequired(70)},
	},
	{
		name:    "required fields at a distance",
		message: test("Wants"),
		accept: []string{"{}", `{"wants":{"wants":{"required":{"id":1}}}}`, `{"list":[{},{"list":[{}]}]}`,
			`{"map":{"1":{"id":1}}}`, `{"required":null}`},
		refuse: []string{`{"wants":{"wants":{"required":{}}}}`, `{"list":[{},{"list":[{"required":{}}]}]}`,
			`{"map":{"1":{"id":1},"2":{}}}`, `{"required":{}}`},
	},
	{
		name:    "edition fields",
		message: test("Edition"),
		accept: list(
			each(`{"%":0}`, "explicitDouble", "defaultDouble", "implicitDouble", "explicitInt32", "defaultInt32",
				"implicitInt32", "explicitUint64", "defaultUint64", "implicitUint64", "explicitClosed", "defaultClosed",
				"explicitOpen", "implicitOpen", "explicit_open"),
			[]string{
				`{"packedInt32":[1,2],"expandedInt32":[1,2],"packedDouble":[1],"expandedDouble":[1],"packedBool":[true],"expandedBool":[true],"packedSint64":[-1],"expandedFixed32":[1]}`,
				`{"packedClosed":[0,1,99,"CLOSED_MINUS_ONE"],"expandedClosed":[99,1],"packedOpen":[99],"expandedOpen":[99,"OPEN_ONE"]}`,
				`{"explicitClosed":99}`, `{"explicitOpen":99,"implicitOpen":99}`,
				`{"explicitString":"","implicitString":"","defaultString":"","explicitBytes":"","implicitBytes":"","defaultBytes":""}`,
				`{"explicitBool":false,"implicitBool":false,"defaultBool":false}`,
				`{"explicitInt32":null,"defaultInt32":null,"implicitInt32":null}`,
			},
		),
		refuse: []string{`{"explicitClosed":"ONE"}`, `{"packedInt32":1}`, `{"explicitInt32":1,"explicit_int32":1}`},
	},
	{
		name:    "edition messages",
		message: test("EditionMessages"),
		accept: []string{
			"{}", `{"prefixed":{"delimited":{"prefixed":{}}}}`, `{"delimitedList":[{},{"checked":"a"}]}`,
			`{"map":{"a":{"delimited":{}}}}`, `{"delimitedChoice":{}}`, `{"prefixedChoice":{}}`, `{"closedChoice":99}`,
			`{"closedChoice":"CLOSED_ONE"}`, `{"closedByNumber":{"1":0,"2":99}}`,
			`{"unchecked":"é","uncheckedList":["a","é"],"uncheckedMap":{"é":"é"}}`, `{"delimitedValue":null}`,
			`{"delimitedValue":{"a":[1]}}`, `{"null":null}`, `{"[jsonwiretest.v1.edition_number]":1}`,
			`{"[jsonwiretest.v1.edition_delimited]":{"checked":"a"}}`, `{"[jsonwiretest.v1.edition_required]":[{"id":1}]}`,
			`{"[jsonwiretest.v1.edition_closed]":[1,99]}`, `{"[jsonwiretest.v1.edition_unchecked]":"a"}`,
			`{"delimited":null}`,
		},
		refuse: []string{
			`{"delimitedChoice":{},"prefixedChoice":{}}`, `{"delimitedChoice":{},"closedChoice":99}`,
			"{\"unchecked\":\"\xff\"}", "{\"uncheckedList\":[\"\xff\"]}", `{"[jsonwiretest.v1.edition_required]":[{}]}`,
			`{"unchecked":"\ud800"}`, "{\"uncheckedMap\":{\"\xff\":\"\"}}", `{"delimited":[]}`, `{"delimitedList":{}}`,
			`{"EditionMessages":{}}`,
		},
	},
	{
		name:    "edition required field",
		message: test("EditionRequired"),
		accept:  []string{`{"id":0}`, `{"id":1,"delimited":{"id":1}}`},
		refuse:  []string{"{}", `{"id":1,"delimited":{}}`, `{"id":null}`},
	},
	{
		name:    "delimited file",
		message: test("Delimited"),
		accept: []string{
			`{"number":1,"child":{"child":{"number":0}},"children":[{},{"number":1}],"byName":{"a":{},"b":{"child":{}}},"time":"2026-01-02T03:04:05Z","times":{"1":"1970-01-01T00:00:00Z"},"left":{"right":""}}`,
		},
		refuse: []string{`{"left":{},"right":""}`, `{"time":{}}`},
	},
	{
		name:    "trees",
		message: test("Tree"),
		accept: []string{
			`{"name":"a","child":{"children":[{"byName":{"x":{"left":{"value":[{"a":1}]}}}}]},"struct":{"a":{}},"list":[[]],"any":{"@type":"a/jsonwiretest.v1.Tree","name":"b"},"anys":[{},{"@type":"a/google.protobuf.Value","value":[1]}]}`,
			`{"children":[{"name":"1","children":[{"name":"2"},{"name":"3"}]},{"name":"4"}]}`,
			`{"byName":{"b":{"name":"b"},"a":{"name":"a"}}}`,
		},
		refuse: []string{`{"left":{},"right":{}}`, `{"child":{"left":{},"right":{}}}`},
	},
	{
		name:    "resource",
		message: test("Resource"),
		accept:  []string{`{"name":"a","displayName":"b","state":"STATE_ACTIVE","revision":"1","protected":true,"load":0.5,"createTime":"2026-01-02T03:04:05.678Z"}`},
		refuse:  []string{`{"state":"ACTIVE"}`},
	},
	{
		name:    "rating",
		message: "rating.v1.Rating",
		accept: []string{
			`{"name":"ratings/1","user":"users/1","service":"services/1","score":0,"comment":"so so","createTime":"2026-01-02T03:04:05.678Z","update_time":"2026-01-02T03:04:05Z","etag":"abc"}`,
		},
		refuse: []string{`{"score":"five"}`},
	},
}

// manyRequired returns a RequiredMany without one of its fields, or with all for 0.
func manyRequired(without int) string {
	var fields []string
	for i := 1; i <= 70; i++ {
		if i != without {
			fields = append(fields, fmt.Sprintf(`"field%d":true`, i))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}
