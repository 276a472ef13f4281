package jsonwire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mapEntry is an entry of a map that is being written. Its parts are places in the bytes of all entries.
type mapEntry struct {
	// order decides between most keys: entries have the order of their orders, then that of their texts. It is the key if
	// that is a number, and the part of it that comes first in which keys differ otherwise.
	order uint64
	// text is the key if it is a string. Its end, like that of value, is 0 where there is none.
	text, value wireValue
}

// mapping writes the entries in data, which is nothing but fields with the map's number, in the order of their keys.
func (e *encoder) mapping(f *fieldPlan, data []byte, depth int) error {
	if depth <= 0 {
		return errDepth
	}
	base := len(e.entries)
	for pos := 0; pos < len(data); {
		_, _, start, end := consumeField(data, pos)
		entry, err := f.entry(data, start, end)
		if err != nil {
			return err
		}
		e.entries = append(e.entries, entry)
		pos = end
	}
	if err := sortEntries(e.entries[base:], data); err != nil {
		return err
	}
	e.out = append(e.out, '{')
	for i, top := base, len(e.entries); i < top; i++ {
		// Not by reference: maps in the values move the stack.
		if err := e.entry(f, data, e.entries[i], depth-1); err != nil {
			return err
		}
		e.out = append(e.out, ',')
	}
	e.out[len(e.out)-1] = '}' // for the last comma
	e.entries = e.entries[:base]
	return nil
}

// sortEntries sorts entries by their keys. Keys that come twice are errUnusual: the last entry counts.
func sortEntries(entries []mapEntry, data []byte) error {
	text := func(entry mapEntry) []byte { return data[entry.text.start:entry.text.end] }
	// Keys often start with the same words: what is behind them tells most apart in one comparison.
	first := text(entries[0])
	common := len(first)
	for _, entry := range entries {
		common = commonPrefix(first[:common], text(entry))
	}
	for i := range entries {
		if rest := text(entries[i]); len(rest) > common {
			entries[i].order = leadingBytes(rest[common:])
		}
	}
	compare := func(a, b mapEntry) int {
		if c := cmp.Compare(a.order, b.order); c != 0 {
			return c
		}
		return bytes.Compare(text(a), text(b))
	}
	slices.SortFunc(entries, compare)
	for i := 1; i < len(entries); i++ {
		if compare(entries[i-1], entries[i]) == 0 {
			return errUnusual
		}
	}
	return nil
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// leadingBytes returns the first eight bytes of a text, or what it has and zeros, as a number in the same order.
func leadingBytes(text []byte) uint64 {
	if len(text) >= 8 {
		return binary.BigEndian.Uint64(text)
	}
	var n uint64
	for i, c := range text {
		n |= uint64(c) << (56 - 8*i)
	}
	return n
}

// entry reads the entry of a map that is between start and end in data.
func (f *fieldPlan) entry(data []byte, start, end int) (mapEntry, error) {
	entry := mapEntry{}
	if f.key.isSigned() {
		entry.order = signedOrder(0)
	}
	hasKey := false
	for pos := start; pos < end; {
		number, typ, from, to := consumeField(data[:end], pos)
		if to < 0 {
			return entry, errMalformed
		}
		pos = to
		value := wireValue{uint32(from), uint32(to)}
		switch {
		case number == 1 && typ == f.key.wireType:
			if hasKey {
				return entry, errUnusual
			}
			hasKey = true
			if f.key.kind == protoreflect.StringKind {
				entry.text = value
			} else {
				entry.order = f.key.keyOrder(data[from:to])
			}
		case number == 2 && typ == f.value.wireType:
			if entry.value.end != 0 || typ == protowire.StartGroupType {
				return entry, errUnusual
			}
			entry.value = value
		}
	}
	if entry.value.end == 0 && f.value.kind == protoreflect.EnumKind {
		return entry, errUnusual // its default may not be zero
	}
	return entry, nil
}

// keyOrder returns the order of a key that is a number, given its value on the wire.
func (f *fieldPlan) keyOrder(value []byte) uint64 {
	bits := scalarBits(f.wireType, value)
	switch f.kind {
	case protoreflect.BoolKind:
		return min(bits, 1)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		return signedOrder(int64(int32(bits))) // decoders drop the other half
	case protoreflect.Sint32Kind:
		return signedOrder(int64(int32(protowire.DecodeZigZag(bits & math.MaxUint32))))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return bits & math.MaxUint32
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		return signedOrder(int64(bits))
	case protoreflect.Sint64Kind:
		return signedOrder(protowire.DecodeZigZag(bits))
	default:
		return bits
	}
}

// signedOrder maps signed numbers to unsigned ones in the same order. It is its own inverse.
func signedOrder(n int64) uint64 { return uint64(n) ^ 1<<63 }

// isSigned reports whether the kind is a signed integer.
func (f *fieldPlan) isSigned() bool {
	switch f.kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return true
	default:
		return false
	}
}

// entry writes an entry of a map.
func (e *encoder) entry(f *fieldPlan, data []byte, entry mapEntry, depth int) error {
	switch {
	case f.key.kind == protoreflect.StringKind:
		var ok bool
		if e.out, ok = appendString(e.out, data[entry.text.start:entry.text.end]); !ok {
			return fmt.Errorf("a key of %s contains invalid UTF-8", f.descriptor.FullName())
		}
		e.out = append(e.out, ':')
	case f.key.kind == protoreflect.BoolKind:
		e.out = append(e.out, '"')
		e.out = strconv.AppendBool(e.out, entry.order != 0)
		e.out = append(e.out, '"', ':')
	case f.key.isSigned():
		e.out = append(e.out, '"')
		e.out = strconv.AppendInt(e.out, int64(entry.order^1<<63), 10) // signedOrder's inverse
		e.out = append(e.out, '"', ':')
	default:
		e.out = append(e.out, '"')
		e.out = strconv.AppendUint(e.out, entry.order, 10)
		e.out = append(e.out, '"', ':')
	}
	value := data[entry.value.start:entry.value.end]
	switch {
	case f.value.wireType == protowire.BytesType:
		return e.delimited(f.value, value, depth)
	case entry.value.end != 0:
		e.scalar(f.value, scalarBits(f.value.wireType, value))
	default:
		e.scalar(f.value, 0)
	}
	return nil
}
