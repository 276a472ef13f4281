package faults

import (
	"fmt"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/server"
	"github.com/codingflow/rating/proxy/transcode"
)

// The answers of the TreeService where nothing is in it.
const (
	tree    = `200 {"name":"","children":[],"byName":{},"anys":[]}`
	numbers = `200 {"double":0,"float":0,"int32":0,"int64":"0","uint32":0,"uint64":"0","sint32":0,"sint64":"0","fixed32":0,"fixed64":"0",` +
		`"sfixed32":0,"sfixed64":"0","bool":false,"string":"","bytes":"","color":"COLOR_UNSPECIFIED","null":null}`
)

func notJSON(why string) string {
	return refusal(400, "the body is not valid JSON: "+why, "INVALID_ARGUMENT")
}

// nested nests the middle in so many levels.
func nested(open string, levels int, middle, closing string) string {
	return strings.Repeat(open, levels) + middle + strings.Repeat(closing, levels)
}

// members returns an object whose n members have a value.
func members(n int, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%x":%s`, i, value)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// elements returns n values, separated.
func elements(n int, value string) string {
	return strings.TrimSuffix(strings.Repeat(value+",", n), ",")
}

func anyInAny(levels int) string {
	return nested(`{"@type":"a/google.protobuf.Any","value":`, levels, `{}`, "}")
}

func anyTypeLast(levels int, middle string) string {
	return nested(`{"value":`, levels, middle, `,"@type":"a/google.protobuf.Any"}`)
}

// deepest is the number of levels below a message that a body may have.
const deepest = transcode.MaxDepth - 1

// TestJSON has bodies of up to the size that is allowed, made to cost more than their size.
func TestJSON(t *testing.T) {
	w := newDefaultWorld(t, server.Config{})
	const large = 1_000_000 // bytes, a little less than are allowed
	zeros, nines := strings.Repeat("0", large-100), strings.Repeat("9", large-100)
	doubles := func(n string) string { return strings.Replace(numbers, `"double":0`, `"double":`+n, 1) }
	int64s := func(n string) string { return strings.Replace(numbers, `"int64":"0"`, `"int64":"`+n+`"`, 1) }
	tests := []struct {
		name, path, body, want string
	}{
		// Depth: encoding/json, which has the last word on what is no JSON, stops at 10,000.
		{"messages to the limit", "shake", nested(`{"child":`, deepest, "{}", "}"), tree},
		{"messages beyond", "shake", nested(`{"child":`, deepest+1, "{}", "}"), violation(strings.Repeat("child.", 31)+"child…", "exceeded max recursion depth")},
		{"messages without end", "shake", nested(`{"child":`, large/10, "{}", "}"), notJSON("invalid character '{' exceeded max depth")},
		{"lists without end", "shake", `{"value":` + nested("[", large/2-10, "", "]") + "}", notJSON("invalid character '[' exceeded max depth")},
		{"lists that do not close", "shake", `{"value":` + strings.Repeat("[", large), notJSON("invalid character '[' exceeded max depth")},
		{"structs without end", "shake", `{"struct":` + nested(`{"a":`, large/7, "1", "}") + "}", notJSON("invalid character '{' exceeded max depth")},
		{"unknown without end", "shake", `{"x":` + nested("[", large/2-10, "", "]") + "}", notJSON("invalid character '[' exceeded max depth")},
		{"Any in Any to the limit", "shake", `{"any":` + anyInAny(deepest-1) + "}", tree},
		{"Any in Any beyond", "shake", `{"any":` + anyInAny(deepest+1) + "}", violation("any", "exceeded max recursion depth")},
		{"Any in Any that are read twice", "shake", `{"any":` + anyTypeLast(deepest-2, `{"@type":"a/jsonwiretest.v1.Tree","name":"`+nines[:800_000]+`"}`) + "}", tree},

		// Numbers.
		{"a number beyond a double", "count", `{"double":1e999999999}`, violation("double", "invalid value for double field double: 1e999999999")},
		{"a number beyond an integer", "count", `{"int64":1e999999999}`, violation("int64", "invalid value for int64 field int64: 1e999999999")},
		{"an exponent beyond an integer", "count", `{"int64":1e99999999999999999999}`, violation("int64", "invalid value for int64 field int64: 1e99999999999999999999")},
		{"nearly nothing", "count", `{"double":1e-999999999}`, numbers},
		{"nearly nothing, as an integer", "count", `{"int64":1e-999999999}`, violation("int64", "invalid value for int64 field int64: 1e-999999999")},
		{"nothing to a power", "count", `{"int64":0e999999999}`, numbers},
		{"in quotes", "count", `{"int64":"1e999999999"}`, violation("int64", `invalid value for int64 field int64: "1e999999999"`)},
		{"digits of an integer", "count", `{"int64":` + nines + `}`, violation("int64", cut("invalid value for int64 field int64: "+nines))},
		{"digits of a double", "count", `{"double":` + nines + `}`, violation("double", cut("invalid value for double field double: "+nines))},
		{"digits of a fraction", "count", `{"double":0.` + nines + `}`, doubles("1")},
		{"digits of an exponent", "count", `{"double":1e` + zeros + `1}`, doubles("10")},
		{"zeros that an exponent takes back", "count", fmt.Sprintf(`{"int64":1%se-%d}`, zeros, len(zeros)), int64s("1")},
		{"zeros of a fraction", "count", `{"int64":1.` + zeros + `}`, int64s("1")},
		{"in a value", "shake", `{"value":1e999}`, violation("value", "invalid value for double field numberValue: 1e999")},
		{"NaN", "count", `{"double":NaN}`, notJSON("invalid character 'N' looking for beginning of value")},

		// Names.
		{"a field twice", "shake", `{"name":"a","name":"b"}`, violation("name", `duplicate field "name"`)},
		{"a field by both names", "shake", `{"byName":{},"by_name":{}}`, violation("by_name", `duplicate field "by_name"`)},
		{"a key twice", "shake", `{"byName":{"a":{},"a":{}}}`, violation(`by_name["a"]`, `duplicate map key "a"`)},
		{"a key of a struct twice", "shake", `{"struct":{"a":1,"a":2}}`, violation(`struct["a"]`, `duplicate map key "a"`)},
		{"many unknown", "shake", members(large/12, "1"), violation("0", `unknown field "0"`)},
		{"many keys", "shake", `{"struct":` + members(large/12, "1") + `}`, tree},
		{"many messages", "shake", `{"children":[` + elements(large/3-10, "{}") + `]}`, tree},

		// Text.
		{"white space", "count", strings.Repeat(" ", large) + "{}", numbers},
		{"opening only", "count", strings.Repeat("{", large), notJSON("invalid character '{' looking for beginning of object key string")},
		{"quotes only", "count", strings.Repeat(`"`, large), notJSON("invalid character '\"' after top-level value")},
		{"an escape at the end", "count", `{"string":"` + strings.Repeat(`\`, large-10), notJSON("unexpected end of JSON input")},
		{"bytes that are none", "count", `{"bytes":"` + strings.Repeat("=", large-100) + `"}`,
			violation("bytes", cut("invalid value for bytes field bytes: \""+strings.Repeat("=", 200)))},
		{"not UTF-8", "count", "{\"string\":\"\xff\"}", violation("string", "invalid UTF-8 in string")},
		{"overlong", "count", "{\"string\":\"\xc0\x80\"}", violation("string", "invalid UTF-8 in string")},
		{"half of a pair", "count", `{"string":"\ud83d"}`, violation("string", `invalid escape in string "\ud83d"`)},
		{"a name that is not UTF-8", "count", "{\"\xff\":1}", refusal(400, "invalid UTF-8 in string", "INVALID_ARGUMENT")},
		{"UTF-16", "count", "\xff\xfe{\x00}\x00", notJSON("invalid character 'ÿ' looking for beginning of value")},
		{"byte order mark", "count", "\xef\xbb\xbf{}", notJSON("invalid character 'ï' looking for beginning of value")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, []string{test.want, healthy}, w.exchange(post("/api/"+test.path, test.body)+last))
		})
	}
	w.requireHealthy()
}

// cut is what an error tells of a long text.
func cut(text string) string {
	const most = 200 // bytes
	return text[:most] + "…"
}

// TestJSONCostsInProportion compares bodies of eight times the size: what they allocate, and the time of the process's own
// that they take, grow by about as much. If either grew with the square it would be 64 times.
func TestJSONCostsInProportion(t *testing.T) {
	const times, limit = 8, 32
	w := newDefaultWorld(t, server.Config{})
	tests := []struct {
		name, path string
		body       func(n int) string
		n          int
	}{
		{"members of a struct", "shake", func(n int) string { return `{"struct":` + members(n, "1") + `}` }, 10_000},
		{"members of a map", "shake", func(n int) string { return `{"byName":` + members(n, "{}") + `}` }, 9_000},
		{"messages", "shake", func(n int) string { return `{"children":[` + elements(n, `{"child":{}}`) + `]}` }, 9_000},
		{"lists", "shake", func(n int) string { return `{"list":[` + elements(n, `[[]]`) + `]}` }, 20_000},
		{"Any in Any", "shake", func(n int) string { return `{"anys":[` + elements(n, anyInAny(deepest-2)) + `]}` }, 28},
		{"Any in Any that are read twice", "shake", func(n int) string { return `{"anys":[` + elements(n, anyTypeLast(deepest-3, anyInAny(1))) + `]}` }, 25},
		{"escapes", "count", func(n int) string { return `{"string":"` + strings.Repeat(`\u0000`, n) + `"}` }, 20_000},
		{"digits", "count", func(n int) string { return `{"int64":1.` + strings.Repeat("0", n) + `}` }, 120_000},
		{"digits of a double", "count", func(n int) string { return `{"double":0.` + strings.Repeat("3", n) + `}` }, 120_000},
		{"unknown", "count", func(n int) string { return `{"x":[` + elements(n, `{"a":[1]}`) + `]}` }, 11_000},
		{"opening only", "count", func(n int) string { return strings.Repeat("{", n) }, 120_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			small, smallTime := w.cost(post("/api/"+test.path, test.body(test.n)) + last)
			large, largeTime := w.cost(post("/api/"+test.path, test.body(times*test.n)) + last)
			t.Logf("%d times the size: %.1f times the bytes (%d KiB), %.1f times the time (%v)", times,
				float64(large)/float64(small), large>>10, float64(largeTime)/float64(smallTime), largeTime)
			require.Less(t, large, limit*small)
			require.Less(t, largeTime, limit*smallTime)
		})
	}
}

// cost returns the bytes that a request allocates, with its answer, service and client, and the time of processors that it
// takes: the least of three tries.
func (w *world) cost(request string) (bytes uint64, processors time.Duration) {
	for try := range 3 {
		allocated, used := allocations(), processorTime(w.t)
		answers := w.exchange(request)
		require.Len(w.t, answers, 2)
		require.NotContains(w.t, answers[0][:4], "5")
		allocated, used = allocations()-allocated, processorTime(w.t)-used
		if try == 0 {
			bytes, processors = allocated, used
		}
		bytes, processors = min(bytes, allocated), min(processors, used)
	}
	return bytes, processors
}

func allocations() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// processorTime returns what the process has used of all processors.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
