package jsonwire_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/stretchr/testify/require"
)

const prefix = "what was there before"

// prefixed returns buffers that begin with the prefix: full, with some room, and with much.
func prefixed() [][]byte {
	full := []byte(prefix)
	return [][]byte{full[:len(full):len(full)], slices.Grow(slices.Clone(full), 3), slices.Grow(slices.Clone(full), 1<<16)}
}

// requireAppends fails the test unless an append function keeps the prefix, adds the same to each buffer, leaves its input
// alone, and returns something that does not change with the input.
func requireAppends(tb testing.TB, appendTo func(dst, input []byte) ([]byte, error), input []byte) {
	tb.Helper()
	want, wantErr := appendTo(nil, slices.Clone(input))
	if wantErr != nil {
		require.Empty(tb, want)
	}
	for _, dst := range prefixed() {
		in := slices.Clone(input)
		got, err := appendTo(dst, in)
		require.Equal(tb, wantErr, err)
		require.Equal(tb, input, in, "the input has changed")
		require.Equal(tb, prefix, string(dst), "the prefix has changed")
		for i := range in {
			in[i] = '!'
		}
		require.Equal(tb, prefix+string(want), string(got))
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	for _, w := range worlds {
		for _, c := range jsonSamples {
			requireAppends(t, w.codec(t, settings{}, c.message).AppendWire, c.data)
		}
		for _, c := range wireSamples(t) {
			requireAppends(t, w.codec(t, settings{}, c.message).AppendJSON, c.data)
		}
	}
}

// A codec that has failed in the middle of a message works as before.
func TestFailuresLeaveNothingBehind(t *testing.T) {
	good := []byte(`{"children":[{"name":"a"},{"byName":{"k":{"struct":{"b":[1]}}}}]}`)
	codec := worlds[1].codec(t, settings{}, test("Tree"))
	want, err := codec.AppendWire(nil, good)
	require.NoError(t, err)
	wantJSON, err := codec.AppendJSON(nil, want)
	require.NoError(t, err)
	for i := range good {
		_, err = codec.AppendWire(nil, good[:i])
		require.Error(t, err)
		got, err := codec.AppendWire(nil, good)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for i := range want {
		_, _ = codec.AppendJSON(nil, want[:i])
		got, err := codec.AppendJSON(nil, want)
		require.NoError(t, err)
		require.Equal(t, string(wantJSON), string(got))
	}
}

// Many goroutines share new codecs, so that they compile the same messages at the same time.
func TestCodecsAreShared(t *testing.T) {
	samples := wireSamples(t)
	for _, w := range worlds {
		codecs, err := jsonwire.New(settings{}.options(w.types)...)
		require.NoError(t, err)
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := range samples {
					c := samples[(i+worker*len(samples)/8)%len(samples)]
					codec, err := codecs.Message(w.messageType(t, c.message).Descriptor())
					if err != nil {
						t.Error(err)
						return
					}
					text, err := codec.AppendJSON([]byte(prefix), c.data)
					if err != nil {
						continue
					}
					if _, err := codec.AppendWire(nil, bytes.TrimPrefix(text, []byte(prefix))); err == nil {
						continue
					}
					// What AppendWire refuses the other tests look into; here it must be refused always.
					if _, err := codec.AppendWire(nil, text[len(prefix):]); err == nil {
						t.Errorf("%s: refused once, accepted once", text)
					}
				}
			})
		}
		group.Wait()
	}
}

// What makes protobuf-go panic must not reach the caller as a panic; see errPanicked.
func TestPanicsOfProtobufGoStayInside(t *testing.T) {
	entry := sub(3, text(1, "a"), varint(1, 7), varint(2, 1))
	for _, c := range []sample{
		{test("MapValues"), entry},
		{test("MapValues"), wire(entry, sub(3, text(1, "b"), text(1, "c")))},
		{test("MapValues"), wire(entry, varint(9000, 1), entry)},
		{known("Any"), anyOf("a/jsonwiretest.v1.MapValues", entry)},
		{test("Tree"), wire(sub(10, anyOf("a/jsonwiretest.v1.MapValues", entry)), text(1, "a"), text(1, "b"))},
	} {
		for _, w := range worlds {
			codec := w.codec(t, settings{}, c.message)
			require.NotPanics(t, func() { _, _ = codec.AppendJSON(nil, c.data) }, "%x", c.data)
		}
	}
}
