package jsonwire

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

var (
	errMalformed = errors.New("malformed wire format")
	errDepth     = errors.New("messages are nested too deeply")
	// errUnusual sends a message on the way by protojson, see [Codecs.referenceJSON].
	errUnusual = errors.New("unusual message")
)

// consumeVarint is protowire.ConsumeVarint with a short way for one byte; n is negative if the varint is malformed.
func consumeVarint(b []byte) (value uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

// wireValue is where a value stands in the wire form of its message: for a length-delimited one the bytes after the
// length, for a repeated field all of its elements with their tags. The end is 0 where there is none.
type wireValue struct{ start, end uint32 }

// skipValue returns the bounds of the value of wire type typ at pos, and where it is over; next is negative if it is
// malformed. A group is skipped, its bounds are those of all of it.
func skipValue(wire []byte, pos int, number protowire.Number, typ protowire.Type) (start, next int) {
	switch typ {
	case protowire.VarintType:
		if pos < len(wire) && wire[pos] < 0x80 {
			return pos, pos + 1
		}
		if _, n := protowire.ConsumeVarint(wire[pos:]); n > 0 {
			return pos, pos + n
		}
	case protowire.BytesType:
		if size, n := consumeVarint(wire[pos:]); n > 0 && size <= uint64(len(wire)-pos-n) {
			return pos + n, pos + n + int(size) //nolint:gosec // it is within wire
		}
	case protowire.Fixed32Type:
		if len(wire)-pos >= 4 {
			return pos, pos + 4
		}
	case protowire.Fixed64Type:
		if len(wire)-pos >= 8 {
			return pos, pos + 8
		}
	default:
		if n := protowire.ConsumeFieldValue(number, typ, wire[pos:]); n >= 0 {
			return pos, pos + n
		}
	}
	return pos, -1
}

// consumeTag returns the number and the type of the tag at pos, and where it is over; next is negative if it is malformed.
func consumeTag(wire []byte, pos int) (number protowire.Number, typ protowire.Type, next int) {
	tag, n := consumeVarint(wire[pos:])
	if n < 0 {
		return 0, 0, -1
	}
	if tag>>3 < uint64(protowire.MinValidNumber) || tag>>3 > uint64(protowire.MaxValidNumber) {
		return 0, 0, -1
	}
	return protowire.Number(tag >> 3), protowire.Type(tag & 7), pos + n //nolint:gosec // checked above
}

// scalarBits returns the value of a scalar that is not length-delimited.
func scalarBits(typ protowire.Type, value []byte) uint64 {
	switch typ {
	case protowire.Fixed32Type:
		return uint64(binary.LittleEndian.Uint32(value))
	case protowire.Fixed64Type:
		return binary.LittleEndian.Uint64(value)
	default:
		bits, _ := consumeVarint(value) // it was skipped before, so it is one
		return bits
	}
}
