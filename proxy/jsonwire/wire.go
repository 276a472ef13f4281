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
			return pos + n, pos + n + int(size)
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

// consumeField returns the number and the wire type of the field at pos, and the bounds of its value: those of
// skipValue. The end is negative if the field is malformed.
func consumeField(wire []byte, pos int) (number protowire.Number, typ protowire.Type, start, end int) {
	tag := uint64(wire[pos])
	next := pos + 1
	if tag >= 0x80 {
		var n int
		if tag, n = protowire.ConsumeVarint(wire[pos:]); n < 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
			return 0, 0, pos, -1
		}
		next = pos + n
	}
	number, typ = protowire.Number(tag>>3), protowire.Type(tag&7)
	if number < protowire.MinValidNumber {
		return 0, 0, pos, -1
	}
	// The most frequent ones first: a varint of one byte, and what is shorter than 128.
	if next < len(wire) && wire[next] < 0x80 {
		if typ == protowire.VarintType {
			return number, typ, next, next + 1
		}
		if end = next + 1 + int(wire[next]); typ == protowire.BytesType && end <= len(wire) {
			return number, typ, next + 1, end
		}
	}
	start, end = skipValue(wire, next, number, typ)
	return number, typ, start, end
}

// consumeScalar returns the scalar that data starts with, if it is not length-delimited, and its length, which is
// negative if it is malformed.
func consumeScalar(typ protowire.Type, data []byte) (bits uint64, n int) {
	switch typ {
	case protowire.Fixed32Type:
		if len(data) < 4 {
			return 0, -1
		}
		return uint64(binary.LittleEndian.Uint32(data)), 4
	case protowire.Fixed64Type:
		if len(data) < 8 {
			return 0, -1
		}
		return binary.LittleEndian.Uint64(data), 8
	default:
		return consumeVarint(data)
	}
}

// scalarBits returns a scalar that is known to be well formed.
func scalarBits(typ protowire.Type, value []byte) uint64 {
	bits, _ := consumeScalar(typ, value)
	return bits
}
