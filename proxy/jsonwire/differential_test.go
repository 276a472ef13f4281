package jsonwire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// sample is input of one message.
type sample struct {
	message protoreflect.FullName
	data    []byte
}

// jsonSamples are the texts of the table, each also as what an Any holds.
var jsonSamples = func() []sample {
	var all []sample
	for _, c := range jsonCases {
		for _, s := range slices.Concat(c.accept, c.refuse) {
			all = append(all, sample{c.message, []byte(s)})
			for _, packed := range inAny(c.message, s) {
				all = append(all, sample{test("Tree"), []byte(packed)})
			}
		}
	}
	return all
}()

// inAny puts the JSON of a message in an Any, with its type first and last.
func inAny(message protoreflect.FullName, s string) []string {
	url := fmt.Sprintf(`"@type":"a/%s"`, message)
	if message.Parent() == "google.protobuf" {
		return []string{fmt.Sprintf(`{"any":{%s,"value":%s}}`, url, s), fmt.Sprintf(`{"any":{"value":%s,%s}}`, s, url)}
	}
	inner := strings.TrimSpace(s)
	if len(inner) < 2 || inner[0] != '{' || inner[len(inner)-1] != '}' {
		return nil
	}
	inner = inner[1 : len(inner)-1]
	if strings.TrimSpace(inner) == "" {
		return []string{fmt.Sprintf(`{"any":{%s}}`, url)}
	}
	return []string{fmt.Sprintf(`{"any":{%s,%s}}`, url, inner), fmt.Sprintf(`{"any":{%s,%s}}`, inner, url)}
}

// wireSamples are the wire forms of the table and those of the texts that are accepted, each also as what an Any holds.
func wireSamples(tb testing.TB) []sample {
	tb.Helper()
	var all []sample
	add := func(s sample) {
		url := "a/" + string(s.message)
		all = append(all, s, sample{test("Tree"), sub(10, anyOf(url, s.data))})
	}
	for _, c := range wireCases {
		add(sample{c.message, c.wire})
	}
	for _, c := range jsonCases {
		for _, s := range c.accept {
			wire, err := worlds[0].oracleWire(tb, settings{}, c.message, []byte(s))
			require.NoError(tb, err, "%s: %s", c.name, s)
			add(sample{c.message, wire})
		}
	}
	return all
}

func TestAppendWireAcceptsWhatTheTableDoes(t *testing.T) {
	for _, w := range worlds {
		for _, c := range jsonCases {
			t.Run(w.name+"/"+c.name, func(t *testing.T) {
				for _, s := range c.accept {
					_, err := w.requireWire(t, settings{}, c.message, []byte(s))
					require.NoError(t, err, "%s", s)
				}
				for _, s := range c.refuse {
					_, err := w.requireWire(t, settings{}, c.message, []byte(s))
					require.Error(t, err, "%s", s)
				}
			})
		}
	}
}

func TestAppendJSONWritesWhatTheTableDoes(t *testing.T) {
	for _, w := range worlds {
		for _, c := range wireCases {
			t.Run(w.name+"/"+c.name, func(t *testing.T) {
				got, err := w.requireJSON(t, settings{}, c.message, c.wire)
				require.Equal(t, c.json, string(got))
				require.Equal(t, c.json == "", err != nil, "%v", err)
			})
		}
	}
}

// Every other setting has the other world.
func TestAppendWireAgreesWithProtojson(t *testing.T) {
	t.Parallel()
	for i, s := range readings {
		for j, c := range jsonSamples {
			_, _ = worlds[(i+j)%len(worlds)].requireWire(t, s, c.message, c.data)
		}
	}
}

func TestAppendJSONAgreesWithProtojson(t *testing.T) {
	t.Parallel()
	samples := wireSamples(t)
	for i, s := range writings {
		for j, c := range samples {
			_, _ = worlds[(i+j)%len(worlds)].requireJSON(t, s, c.message, c.data)
		}
	}
}

func TestAppendWireAgreesOnTruncatedJSON(t *testing.T) {
	t.Parallel()
	for i, c := range jsonSamples {
		s := settings{discardUnknown: i%2 == 0, allowPartial: i%4 < 2}
		for j := range c.data {
			_, _ = worlds[1].requireWire(t, s, c.message, c.data[:j])
		}
	}
}

func TestAppendJSONAgreesOnTruncatedWire(t *testing.T) {
	t.Parallel()
	for _, c := range wireSamples(t) {
		for i := range c.data {
			_, _ = worlds[1].requireJSON(t, settings{allowPartial: true}, c.message, c.data[:i])
		}
	}
}

// What one direction writes the other has to read, as the same. Not with proto names: a field's may be the JSON name of
// another.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range []settings{{}, {enumNumbers: true}, {unpopulated: true}, {defaultValues: true}} {
		for _, c := range wireSamples(t) {
			worlds[1].requireRoundTrip(t, s, c.message, c.data)
		}
	}
}

// requireRoundTrip goes from the wire form to JSON and back, again and again, until protojson refuses: not all that it
// writes does it read, such as a member "@type" in an Any. It fails the test if a trip after the first changes the JSON. (The
// first may: a NullValue that is not zero is null, and null is zero, which is unset.)
func (w world) requireRoundTrip(tb testing.TB, s settings, name protoreflect.FullName, data []byte) {
	tb.Helper()
	codec := w.codec(tb, s, name)
	var last []byte
	for trip := range 3 {
		written, err := w.requireJSON(tb, s, name, data)
		if err != nil {
			return
		}
		if trip > 1 {
			require.Equal(tb, string(last), string(written))
		}
		if _, err = w.requireWire(tb, s, name, written); err != nil {
			return
		}
		data, err = codec.AppendWire(nil, written)
		require.NoError(tb, err)
		last = written
	}
}

func TestNothingIsReadBeyondTheEnd(t *testing.T) {
	for _, c := range wireSamples(t) {
		whole := wire(c.data, raw("\x18\x01rest"))
		_, _ = worlds[1].requireJSON(t, settings{}, c.message, whole[:len(c.data)])
		require.Equal(t, "\x18\x01rest", string(whole[len(c.data):]))
	}
	for _, c := range jsonSamples {
		whole := append(slices.Clone(c.data), `,"rest":1}`...)
		_, _ = worlds[1].requireWire(t, settings{}, c.message, whole[:len(c.data)])
		require.Equal(t, `,"rest":1}`, string(whole[len(c.data):]))
	}
}
