package natsgrpc

import (
	"encoding/binary"
	"fmt"
)

// frameKind is the first byte of a frame, a letter so that a look at the wire tells what goes over it.
type frameKind byte

const (
	frameHeader  frameKind = 'H' // the server's header metadata
	frameMessage frameKind = 'M' // a message, or its first part
	frameMore    frameKind = 'C' // the continuation of a message
	frameEnd     frameKind = 'E' // half-close of the client; trailer and status of the server
	framePing    frameKind = 'P' // heartbeat and credit; the first one of a server is its claim
	frameReset   frameKind = 'R' // the end, at once and out of order
)

const (
	frameHead   = 1 + 8         // kind and number
	messageHead = frameHead + 4 // and the length of the message
	pingSize    = frameHead + 8 // and the credit

	// maxChunk bounds the bytes of one frame, so that a long message neither needs a larger max_payload nor keeps other
	// streams of the connection waiting.
	maxChunk = 64 << 10
	// frameCost is what a frame costs of the credit beside its bytes: about what it takes in memory beside them. It
	// bounds the number of empty messages too.
	frameCost = 256
	// window is the credit that each end has from the start, and how far a receiver lets the sender run ahead of its
	// application. Four full frames at least, or sender and receiver could wait for each other.
	window = 256 << 10
)

// frame is one parsed frame of a stream.
type frame struct {
	kind   frameKind
	number uint64 // of the frame; of a ping or reset: of the last numbered frame before it
	length int    // of the whole message that a message frame begins
	credit uint64 // in a ping: what the other end may spend in total
	data   []byte // of a message or its continuation
}

// parseFrame reads a frame. Its data is part of raw.
func parseFrame(raw []byte) (frame, error) {
	if len(raw) < frameHead {
		return frame{}, fmt.Errorf("frame of %d bytes", len(raw))
	}
	f := frame{kind: frameKind(raw[0]), number: binary.BigEndian.Uint64(raw[1:])}
	switch f.kind {
	case frameHeader, frameEnd, frameReset:
	case frameMore:
		f.data = raw[frameHead:]
	case frameMessage:
		if len(raw) < messageHead {
			return frame{}, fmt.Errorf("message frame of %d bytes", len(raw))
		}
		f.length = int(binary.BigEndian.Uint32(raw[frameHead:]))
		f.data = raw[messageHead:]
	case framePing:
		if len(raw) < pingSize {
			return frame{}, fmt.Errorf("ping of %d bytes", len(raw))
		}
		f.credit = binary.BigEndian.Uint64(raw[frameHead:])
	default:
		return frame{}, fmt.Errorf("frame of unknown kind %q", raw[0])
	}
	return f, nil
}

// append adds the wire form of f to buf.
func (f frame) append(buf []byte) []byte {
	buf = binary.BigEndian.AppendUint64(append(buf, byte(f.kind)), f.number)
	switch f.kind {
	case frameMessage:
		buf = binary.BigEndian.AppendUint32(buf, uint32(f.length))
	case framePing:
		buf = binary.BigEndian.AppendUint64(buf, f.credit)
	default: // nothing more
	}
	return append(buf, f.data...)
}

// cost is what a frame takes of its sender's credit.
func (f frame) cost() uint64 {
	if f.kind != frameMessage && f.kind != frameMore {
		return 0
	}
	return uint64(len(f.data)) + frameCost
}
