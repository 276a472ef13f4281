package jsonwire_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// What the codec costs, against protojson with generated and with dynamic messages:
//
//	go test ./proxy/jsonwire -run - -bench 'Wire|JSON' -count 6
//
// The ratios alone, each measured in turns, which is what to quote:
//
//	go test ./proxy/jsonwire -run - -bench Ratios -benchtime 50x

// contender is a way from one form to the other. Each has a buffer to write to.
type contender struct {
	name    string
	convert func(dst, input []byte) ([]byte, error)
}

// toWire returns the ways from JSON to the wire form.
func toWire(tb testing.TB, m benchMessage) []contender {
	tb.Helper()
	by := func(newMessage func() proto.Message) func(dst, input []byte) ([]byte, error) {
		return func(dst, input []byte) ([]byte, error) {
			message := newMessage()
			if err := protojson.Unmarshal(input, message); err != nil {
				return nil, err
			}
			return proto.MarshalOptions{}.MarshalAppend(dst, message)
		}
	}
	return []contender{
		{"jsonwire", worlds[0].codec(tb, settings{}, m.descriptor().FullName()).AppendWire},
		{"generated", by(m.newGenerated)},
		{"dynamic", by(m.newDynamic)},
	}
}

// toJSON returns the ways from the wire form to JSON.
func toJSON(tb testing.TB, m benchMessage) []contender {
	tb.Helper()
	by := func(newMessage func() proto.Message) func(dst, input []byte) ([]byte, error) {
		return func(dst, input []byte) ([]byte, error) {
			message := newMessage()
			if err := proto.Unmarshal(input, message); err != nil {
				return nil, err
			}
			return protojson.MarshalOptions{}.MarshalAppend(dst, message)
		}
	}
	return []contender{
		{"jsonwire", worlds[0].codec(tb, settings{}, m.descriptor().FullName()).AppendJSON},
		{"generated", by(m.newGenerated)},
		{"dynamic", by(m.newDynamic)},
	}
}

func (m benchMessage) descriptor() protoreflect.MessageDescriptor {
	return m.message.ProtoReflect().Descriptor()
}

func (m benchMessage) newGenerated() proto.Message { return m.message.ProtoReflect().New().Interface() }

func (m benchMessage) newDynamic() proto.Message { return dynamicpb.NewMessage(m.descriptor()) }

// room is a buffer that takes both forms.
func (m benchMessage) room() []byte { return make([]byte, 0, 2*(len(m.json)+len(m.wire))) }

func BenchmarkWire(b *testing.B) {
	for _, m := range benchMessages(b) {
		benchmarkContenders(b, m, toWire(b, m), m.json)
	}
}

func BenchmarkJSON(b *testing.B) {
	for _, m := range benchMessages(b) {
		benchmarkContenders(b, m, toJSON(b, m), m.wire)
	}
}

func benchmarkContenders(b *testing.B, m benchMessage, contenders []contender, input []byte) {
	b.Helper()
	for _, c := range contenders {
		b.Run(m.name+"/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(m.json)))
			buffer := m.room()
			for b.Loop() {
				if _, err := c.convert(buffer, input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatios reports how many times as long as jsonwire the others take: the median of rounds, in each of which all
// have their turn. An operation is a round.
func BenchmarkRatios(b *testing.B) {
	for _, m := range benchMessages(b) {
		b.Run("Wire/"+m.name, func(b *testing.B) { benchmarkRatios(b, m, toWire(b, m), m.json) })
		b.Run("JSON/"+m.name, func(b *testing.B) { benchmarkRatios(b, m, toJSON(b, m), m.wire) })
	}
}

func benchmarkRatios(b *testing.B, m benchMessage, contenders []contender, input []byte) {
	b.Helper()
	buffer := m.room()
	timeOf := func(c contender, times int) time.Duration {
		start := time.Now()
		for range times {
			if _, err := c.convert(buffer, input); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	times := 1
	for timeOf(contenders[0], times) < time.Millisecond {
		times *= 2
	}
	ratios := make([][]float64, len(contenders))
	for b.Loop() {
		base := timeOf(contenders[0], times)
		for i, c := range contenders[1:] {
			ratios[i] = append(ratios[i], float64(timeOf(c, times))/float64(base))
		}
	}
	for i, c := range contenders[1:] {
		slices.Sort(ratios[i])
		b.ReportMetric(ratios[i][len(ratios[i])/2], c.name+"/jsonwire")
	}
}

// The messages have to be the same in all ways, or the comparison is none.
func TestContendersAgree(t *testing.T) {
	for _, m := range benchMessages(t) {
		for _, c := range toJSON(t, m) {
			got, err := c.convert(nil, m.wire)
			require.NoError(t, err)
			require.Equal(t, string(m.json), string(compact(got)), "%s %s", m.name, c.name)
		}
		for _, c := range toWire(t, m) {
			got, err := c.convert(nil, m.json)
			require.NoError(t, err)
			worlds[0].requireSame(t, m.descriptor().FullName(), m.wire, got, m.json)
		}
	}
}
