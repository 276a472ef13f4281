package jsonwire_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fuzzed is what the first bytes of a fuzzing input choose: the world, the message and the settings.
type fuzzed struct {
	world    world
	message  protoreflect.FullName
	settings settings
}

// messageNames are the messages of the table, each once. Inputs name them by index, so that new ones belong at the end.
var messageNames = func() []protoreflect.FullName {
	seen := map[protoreflect.FullName]bool{}
	var all []protoreflect.FullName
	for _, c := range jsonCases {
		if !seen[c.message] {
			seen[c.message] = true
			all = append(all, c.message)
		}
	}
	return all
}()

// choose reads a choice: a bit of options is the world, the others are settings.
func choose(message byte, options uint16) fuzzed {
	bit := func(i int) bool { return options>>i&1 > 0 }
	limits := []int{0, 1, 2, 3, 5, 10, 100, 1000}
	return fuzzed{
		world:   worlds[options&1],
		message: messageNames[int(message)%len(messageNames)],
		settings: settings{
			allowPartial: bit(1), discardUnknown: bit(2), protoNames: bit(3), enumNumbers: bit(4), unpopulated: bit(5), defaultValues: bit(6),
			recursionLimit: limits[options>>7%uint16(len(limits))],
		},
	}
}

// index is what choose takes for a message.
func index(tb testing.TB, message protoreflect.FullName) byte {
	tb.Helper()
	for i, name := range messageNames {
		if name == message {
			return byte(i)
		}
	}
	tb.Fatalf("%s is not among the messages of the table", message)
	return 0
}

// FuzzJSON goes from JSON to the wire form and, if that is possible, back.
//
//	go test ./proxy/jsonwire -run - -fuzz FuzzJSON -fuzztime 10m -fuzzminimizetime 1s
func FuzzJSON(f *testing.F) {
	for i, c := range jsonCases {
		for j, s := range c.accept {
			f.Add(index(f, c.message), uint16(i+j)&0x7f, []byte(s))
			if packed := inAny(c.message, s); len(packed) > 0 {
				f.Add(index(f, test("Tree")), uint16(i+j)&0x7f, []byte(packed[j%len(packed)]))
			}
		}
		for j, s := range c.refuse {
			f.Add(index(f, c.message), uint16(i+j)&0x7f, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, message byte, options uint16, data []byte) {
		c := choose(message, options)
		wire, err := c.world.requireWire(t, c.settings, c.message, data)
		if err != nil {
			return
		}
		_, _ = c.world.requireJSON(t, c.settings, c.message, wire)
		got, err := c.world.codec(t, c.settings, c.message).AppendWire(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.world.requireJSON(t, c.settings, c.message, got)
	})
}

// FuzzWire goes from the wire form to JSON and, if that is possible, back and forth.
//
//	go test ./proxy/jsonwire -run - -fuzz FuzzWire -fuzztime 10m -fuzzminimizetime 1s
func FuzzWire(f *testing.F) {
	for i, c := range wireCases {
		f.Add(index(f, c.message), uint16(i)&0x7f, c.wire)
		f.Add(index(f, test("Tree")), uint16(i)&0x7f, sub(10, anyOf("a/"+string(c.message), c.wire)))
	}
	f.Fuzz(func(t *testing.T, message byte, options uint16, data []byte) {
		c := choose(message, options)
		text, err := c.world.requireJSON(t, c.settings, c.message, data)
		if err != nil {
			return
		}
		_, _ = c.world.requireWire(t, c.settings, c.message, text)
		if !c.settings.protoNames {
			c.world.requireRoundTrip(t, c.settings, c.message, data)
		}
	})
}
