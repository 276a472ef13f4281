package registry

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/emptypb" // what the files import

	"github.com/codingflow/rating/proto/descriptors"
)

// setFrom returns a set, given in the text format.
func setFrom(t testing.TB, text string) *descriptorpb.FileDescriptorSet {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	require.NoError(t, prototext.Unmarshal([]byte(text), set))
	return set
}

func compressed(t testing.TB, data []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, err := writer.Write(data)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return buffer.Bytes()
}

func TestASetIsReadAsItWasWritten(t *testing.T) {
	set := setFrom(t, `file { name: "a.proto" package: "a" } file { name: "b.proto" }`)
	value, version, err := encodeSet(set)
	require.NoError(t, err)
	require.Regexp(t, "^[0-9a-f]{32}$", version)
	read, err := decodeSet(value)
	require.NoError(t, err)
	require.True(t, proto.Equal(set, read))

	raw, err := proto.Marshal(set) // another publisher may do without compression
	require.NoError(t, err)
	read, err = decodeSet(raw)
	require.NoError(t, err)
	require.True(t, proto.Equal(set, read))

	again, same, err := encodeSet(set)
	require.NoError(t, err)
	require.Equal(t, value, again)
	require.Equal(t, version, same)
	set.File[0].Package = proto.String("c")
	_, other, err := encodeSet(set)
	require.NoError(t, err)
	require.NotEqual(t, version, other)
}

func TestSetsBeyondTheLimitsAreRefused(t *testing.T) {
	named := func(name string) *descriptorpb.FileDescriptorSet {
		return &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{{Name: proto.String(name)}}}
	}
	_, _, err := encodeSet(named(strings.Repeat("x", MaxSet-10)))
	require.NoError(t, err)
	_, _, err = encodeSet(named(strings.Repeat("x", MaxSet)))
	require.EqualError(t, err, "descriptors of 8388618 bytes: too large; at most 8388608 are published")
	require.ErrorIs(t, err, ErrTooLarge)

	noise := make([]byte, 2*MaxValue) // of which gzip makes little less
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(' ' + random.IntN(95))
	}
	_, _, err = encodeSet(named(string(noise)))
	require.ErrorIs(t, err, ErrTooLarge)
	require.Regexp(t, `^descriptors of \d+ bytes, compressed: too large; at most 983040 are published$`, err.Error())
}

func TestWhatIsNoSetIsRefused(t *testing.T) {
	const kind = "not a FileDescriptorSet with files in it"
	nested, err := proto.Marshal(setFrom(t, "file { "+strings.Repeat("message_type { ", 1)+strings.Repeat("nested_type { ", 200)+strings.Repeat("} ", 201)+"}"))
	require.NoError(t, err)
	tests := []struct {
		name  string
		value []byte
		want  string
	}{
		{"nothing", nil, kind},
		{"text", []byte(`{"file": []}`), kind},
		{"an empty set", compressed(t, nil), kind},
		{"half a file", compressed(t, []byte("x"))[:12], "decompress descriptors: unexpected EOF"},
		{"no gzip", []byte{0x1f, 0x8b, 0}, "decompress descriptors: unexpected EOF"},
		{"a bomb", compressed(t, make([]byte, 64<<20)), "descriptors: too large; at most 8388608 bytes are taken"},
		{"messages in messages", nested, kind},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := decodeSet(test.value)
			require.EqualError(t, err, test.want)
		})
	}
}

// What comes from outside is an error at worst.
func FuzzValue(f *testing.F) {
	value, _, err := encodeSet(setFrom(f, `file { name: "a.proto" package: "a" service { name: "S" } }`))
	require.NoError(f, err)
	f.Add(value)
	raw, err := proto.Marshal(setFrom(f, `file { name: "a.proto" package: "a" dependency: "google/protobuf/empty.proto" message_type { name: "M" }
		service { name: "S" method { name: "Get" input_type: ".a.M" output_type: ".google.protobuf.Empty" } } }`))
	require.NoError(f, err)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, value []byte) {
		set, err := decodeSet(value)
		if err != nil {
			return
		}
		service, _, err := newPool().build(set, "a_S")
		if err == nil {
			require.Equal(t, "a_S", descriptors.Token(service.FullName()))
		}
	})
}
