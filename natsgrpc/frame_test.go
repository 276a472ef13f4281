package natsgrpc

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestFramesOnTheWire(t *testing.T) {
	for _, c := range []struct {
		frame frame
		wire  string
	}{
		{frame{kind: frameHeader, number: 1}, "H\x00\x00\x00\x00\x00\x00\x00\x01"},
		{frame{kind: frameMessage, number: 258, length: 5, data: []byte("hel")}, "M\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x05hel"},
		{frame{kind: frameMessage, number: 3, data: []byte{}}, "M\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00"},
		{frame{kind: frameMore, number: 4, data: []byte("lo")}, "C\x00\x00\x00\x00\x00\x00\x00\x04lo"},
		{frame{kind: frameEnd, number: 5}, "E\x00\x00\x00\x00\x00\x00\x00\x05"},
		{frame{kind: framePing, number: 5, credit: 262144}, "P\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x04\x00\x00"},
		{frame{kind: frameReset}, "R\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		require.Equal(t, c.wire, string(c.frame.append(nil)))
		got, err := parseFrame([]byte(c.wire))
		require.NoError(t, err)
		require.Equal(t, c.frame, got)
	}
}

func TestMalformedFramesAreErrors(t *testing.T) {
	for wire, want := range map[string]string{
		"":             "frame of 0 bytes",
		"M1234567":     "frame of 8 bytes",
		"M12345678123": "message frame of 12 bytes",
		"P12345678123": "ping of 12 bytes",
		"X12345678":    "frame of unknown kind 'X'",
	} {
		_, err := parseFrame([]byte(wire))
		require.EqualError(t, err, want)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("M\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x05hel"))
	f.Add([]byte("P\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x04\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		parsed, err := parseFrame(raw)
		if err != nil {
			return
		}
		again, err := parseFrame(parsed.append(nil))
		require.NoError(t, err)
		require.Equal(t, parsed, again)
	})
}

// message is a whole message in one frame.
func message(number uint64, data string) frame {
	return frame{kind: frameMessage, number: number, length: len(data), data: []byte(data)}
}

func TestWhatBreaksAStream(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []frame
		want   string
	}{
		{"a gap", []frame{message(1, "a"), message(3, "c")}, "frame 3 came after frame 1"},
		{"a repetition", []frame{message(1, "a"), message(1, "a")}, "frame 1 came after frame 1"},
		{"a lost tail that the end tells", []frame{message(1, "a"), {kind: frameEnd, number: 3}}, "frame 3 came after frame 1"},
		{"a lost tail that a ping tells", []frame{message(1, "a"), {kind: framePing, number: 2}}, "the other end has sent 2 frames, of which 1 came"},
		{"an end within a message", []frame{{kind: frameMessage, number: 1, length: 2, data: []byte("a")}, {kind: frameEnd, number: 2}}, "the stream ended within a message"},
		{"a message within a message", []frame{{kind: frameMessage, number: 1, length: 2, data: []byte("a")}, message(2, "b")}, "a message began within another"},
		{"a continuation of nothing", []frame{{kind: frameMore, number: 1, data: []byte("a")}}, "a message is longer than announced"},
		{"more than the credit", []frame{message(1, string(make([]byte, window)))}, "the other end has sent more than its credit"},
	} {
		var r receiver
		r.init(func(uint64) {})
		for i, f := range c.frames {
			err := r.take(f)
			if i < len(c.frames)-1 {
				require.NoError(t, err, c.name)
				continue
			}
			require.Equal(t, codes.Unavailable, status.Code(err), c.name)
			require.Equal(t, "natsgrpc: the stream is broken: "+c.want, status.Convert(err).Message(), c.name)
		}
	}
}

func TestAReceiverGivesCreditAsItIsRead(t *testing.T) {
	var credit uint64
	var r receiver
	r.init(func(total uint64) { credit = total })
	data := string(make([]byte, 1000))
	number, spent := uint64(0), uint64(0)
	for spent+1000+frameCost <= window {
		number++
		spent += 1000 + frameCost
		require.NoError(t, r.take(message(number, data)))
	}
	require.Zero(t, credit, "nothing was read")
	for range number {
		_, err := r.message(1000)
		require.NoError(t, err)
	}
	require.Greater(t, credit, uint64(window+window/2))
	require.LessOrEqual(t, credit, spent+window)
	r.finish(io.EOF)
	_, err := r.message(1000)
	require.Equal(t, io.EOF, err)
}
