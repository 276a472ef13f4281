package gatewaytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// generator makes random requests for the Specimen service: most of them right, some wrong in one way or another.
type generator struct{ *rand.Rand }

// shapes are paths of requests; each V becomes a random segment.
var shapes = []string{
	"GET /v1/specimens", "GET /v1/specimens", "GET /v1/specimens", "GET /v1/specimens/V", "GET /v1/drawers/V/specimens/V",
	"POST /v1/specimens", "POST /v1/specimens", "PUT /v1/specimens/V", "DELETE /v1/specimens/V", "POST /v1/specimens/V:identify",
	"GET /v1/specimens:count", "PATCH /v1/parts/V", "PATCH /v1/parts/V", "PUT /v1/parts/V", "GET /v1/ids/V", "PURGE /v1/ids/V",
	"GET /v1/byPart/V/x/V/y", "GET /v1/files/V", "GET /v1/files/V/V/V", "GET /v1/files/V/V:peek", "GET /v1/unbound/V/V",
	"GET /v1/origins/V/5", "POST /v1/ids/V/part", "GET /v1/numbers/V/V/V/V", "GET /v1/overlap/V",
	"OPTIONS /v1/probes/V", "PATCH /v1/specimens/V", "GET /users/V", "GET /V/V", "DELETE /services/V",
}

// bodyFields returns the fields, with values, of the JSON that a shape takes as body, nil if it takes none.
func bodyFields(shape string) map[string][]string {
	switch {
	case strings.HasPrefix(shape, "POST /v1/specimens"), strings.HasPrefix(shape, "PUT /v1/specimens"):
		return specimenJSON
	case strings.Contains(shape, "/v1/parts/"), strings.HasSuffix(shape, "/part"):
		return partJSON
	default:
		return nil
	}
}

var words = []string{
	"a", "1", "42", "-7", "true", "users", "a.b", "a-b_c~d", "a:b", "a+b", "x", "y", "A", "%C3%A9", "%E2%82%AC", "b%20c", "100%25",
	"%252F", "a%2Fb", "%41", "a,b;c", "$&'()*=@!", "fixed", "count", "a:peek", "%3Apeek", "..", "", "0",
}

// queryValues are texts for the fields that a query may set, right ones first and more often.
var queryValues = map[string][]string{
	"name": {"n", "", "a b", "é", "a&b=c", "%", "n\n", "\"q\""}, "id": {"i"}, "bool": {"true", "false", "1", "yes"},
	"int32": {"0", "-1", "2147483647", "2147483648", "x"}, "int64": {"1", "-9223372036854775808", "9223372036854775808"},
	"uint32": {"7", "4294967295", "-1"}, "uint64": {"18446744073709551615", "1.0"}, "sint32": {"-5"}, "fixed64": {"5"},
	"float": {"1.5", "-0", "1e10", "1e39", ".5"}, "double": {"2.5", "NaN", "Infinity", "-1e-5", "x"},
	"bytes": {"aGk=", "aGk", "-_-_", "+/+/", "!"}, "kind": {"KIND_ROCK", "2", "-1", "99", "rock"}, "score": {"0", "3"},
	"nickname": {"", "n"}, "place": {"p"}, "year": {"5"}, "part.name": {"pn"}, "part.displayName": {"d"}, "part.display_name": {"e"},
	"part.part.count": {"3", "x"}, "part.tags": {"t"}, "part": {"x"}, "tags": {"a", "b", ""}, "numbers": {"1", "2", "x"},
	"kinds": {"KIND_PLANT", "1"}, "ratios": {"0.5"}, "times": {"1970-01-01T00:00:01Z"}, "wrapped": {"8"},
	"found_time": {"2026-01-02T03:04:05.678Z", "1970-01-01T01:00:00+01:00", "x"}, "foundTime": {"1969-12-31T23:59:59.5Z"},
	"age": {"1.5s", "-3s", "1m", "5"}, "update_mask": {"name", "part.count,id", "displayName"}, "bool_value": {"false"},
	"int64_value": {"9", "x"}, "string_value": {"", "s"}, "bytes_value": {"aGk="}, "value": {"1", "null", `{"a":[true]}`},
	"struct": {`{"a":null}`}, "labels": {"x"}, "parts": {"x"}, "nope": {"1"}, "otherName": {"r"}, "renamed": {"r"},
}

var partJSON = map[string][]string{
	"name": {`"n"`, `""`}, "id": {`"i"`}, "displayName": {`"d"`, `"\u00e9"`}, "display_name": {`"d"`}, "count": {`1`, `"2"`, `0`, `1.5`},
	"part": {`{}`, `null`, `{"count":1}`, `{"name":"x","part":{"id":"y"}}`}, "tags": {`["a","b"]`, `[]`, `"a"`},
	"foundTime": {`"1970-01-01T00:00:01Z"`, `null`}, "labels": {`{"k":"v"}`, `{}`}, "parts": {`[{"name":"n"},{}]`}, "etag": {`"e"`},
	"broken": {`false`, `true`, `null`}, "nope": {`1`},
}

var specimenJSON = map[string][]string{
	"name": {`"n"`, `"\ud83d\ude00"`, `1`}, "id": {`"i"`, `null`}, "bool": {`true`, `false`, `"true"`}, "int32": {`5`, `"5"`, `5.0`, `2147483648`},
	"int64": {`"5"`, `5`, `"x"`}, "uint64": {`"18446744073709551615"`, `-1`}, "float": {`1.5`, `"NaN"`}, "double": {`-2.5e3`, `"Infinity"`},
	"bytes": {`"aGk="`, `"-_8"`, `"!"`}, "kind": {`"KIND_ROCK"`, `2`, `99`, `"NOPE"`}, "score": {`0`, `null`}, "place": {`"p"`}, "year": {`"7"`},
	"whole": {`{"name":"w"}`}, "part": {`{"name":"n","count":3}`, `null`, `[]`}, "parts": {`[{},{"id":"i"}]`}, "tags": {`["a"]`, `[null]`},
	"numbers": {`[1,"2",3.0]`}, "kinds": {`["KIND_PLANT",1]`}, "labels": {`{"a":"b","c":"d"}`}, "partsByName": {`{"k":{"name":"n"}}`},
	"foundTime": {`"2026-01-02T03:04:05.678Z"`, `"x"`}, "found_time": {`"1970-01-01T00:00:01Z"`}, "age": {`"1.5s"`, `"-0.5s"`, `1`},
	"updateMask": {`"a,bC"`, `""`}, "boolValue": {`false`, `null`}, "int64Value": {`"5"`}, "stringValue": {`""`}, "bytesValue": {`"aGk="`},
	"struct": {`{"a":[1,null,{"b":true}]}`}, "value": {`null`, `"s"`, `[{}]`}, "listValue": {`[1,"a"]`}, "empty": {`{}`},
	"any": {`{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}`}, "otherName": {`"r"`}, "renamed": {`"r"`}, "nope": {`{}`},
}

func (g generator) request() request {
	shape := pick(g, shapes)
	var b strings.Builder
	for i, part := range strings.Split(shape, "V") {
		if i > 0 {
			b.WriteString(pick(g, words))
		}
		b.WriteString(part)
	}
	fields := bodyFields(shape)
	params := g.IntN(4)
	if fields != nil {
		params = g.IntN(4) / 3 // a body usually leaves none
	}
	separator := "?"
	for range params {
		name := pickKey(g, queryValues)
		fmt.Fprintf(&b, "%s%s=%s", separator, name, url.QueryEscape(g.value(queryValues[name])))
		separator = "&"
	}
	if fields != nil && g.IntN(10) > 0 {
		b.WriteString(" " + g.object(fields))
	}
	return request(b.String())
}

// object returns a JSON object with up to five of the fields, or in rare cases something else.
func (g generator) object(fields map[string][]string) string {
	if g.IntN(30) == 0 {
		return pick(g, []string{"null", "[]", "{", `{"name":"n"}x`, `"s"`, "{}"})
	}
	var members []string
	for range g.IntN(6) {
		name := pickKey(g, fields)
		quoted, _ := json.Marshal(name)
		members = append(members, string(quoted)+":"+g.value(fields[name]))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// value picks one of the values, the first half of the time.
func (g generator) value(values []string) string {
	if g.IntN(2) == 0 {
		return values[0]
	}
	return pick(g, values)
}

func pick(g generator, from []string) string { return from[g.IntN(len(from))] }

func pickKey(g generator, from map[string][]string) string {
	return pick(g, slices.Sorted(maps.Keys(from))) // the order of a map is not the seed's
}
