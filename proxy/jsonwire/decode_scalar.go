package jsonwire

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar reads a scalar and writes it after the tag. Nothing is written for zero in a field without presence and for an
// enum name that is unknown and discarded.
func (d *decoder) scalar(f *fieldPlan, tag string) bool {
	if f.kind == protoreflect.StringKind {
		return d.stringField(f, tag)
	}
	if f.kind == protoreflect.BytesKind {
		return d.bytesField(f, tag)
	}
	var (
		bits uint64
		ok   bool
	)
	c := d.peek()
	at := d.pos
	switch f.kind {
	case protoreflect.BoolKind:
		switch {
		case c == 't' && d.literal("true"):
			bits, ok = 1, true
		case c == 'f' && d.literal("false"):
			ok = true
		}
	case protoreflect.EnumKind:
		var discarded bool
		bits, discarded, ok = d.enum(f)
		if discarded && ok {
			return true
		}
	default:
		var number []byte
		if number, ok = d.numeral(); ok {
			bits, ok = numberBits(f.kind, number)
		}
	}
	if !ok {
		return d.invalid(f, at)
	}
	if f.implicit && bits == 0 {
		return true
	}
	d.out = append(d.out, tag...)
	d.appendBits(f.wireType, bits)
	return true
}

// invalid fails at a value that a field cannot have.
func (d *decoder) invalid(f *fieldPlan, at int) bool {
	switch token := d.token(at); token {
	case "", "}", "]", ",", ":":
		return d.unexpected(at)
	default:
		return d.fail(at, "invalid value for "+f.kind.String()+" field "+f.descriptor.JSONName()+": "+token)
	}
}

// appendBits writes a scalar of a wire type that is not length-delimited.
func (d *decoder) appendBits(typ protowire.Type, bits uint64) {
	switch typ {
	case protowire.Fixed32Type:
		d.out = binary.LittleEndian.AppendUint32(d.out, uint32(bits))
	case protowire.Fixed64Type:
		d.out = binary.LittleEndian.AppendUint64(d.out, bits)
	default:
		d.out = protowire.AppendVarint(d.out, bits)
	}
}

// stringField reads a string.
func (d *decoder) stringField(f *fieldPlan, tag string) bool {
	if d.peek() != '"' {
		return d.invalid(f, d.pos)
	}
	before := len(d.out)
	d.out = append(d.out, tag...)
	start, ok := d.text()
	if ok && f.implicit && start == len(d.out) {
		d.out = d.out[:before]
		return true
	}
	return ok
}

// text reads a string and writes it with its length. It returns where the string starts in out.
func (d *decoder) text() (start int, ok bool) {
	at := d.pos
	raw, escaped, ok := d.rawString()
	if !ok {
		return 0, false
	}
	if !escaped {
		d.out = protowire.AppendVarint(d.out, uint64(len(raw)))
		start = len(d.out)
		d.out = append(d.out, raw...)
		return start, true
	}
	mark := d.begin()
	start = len(d.out)
	if d.out, ok = unescape(d.out, raw); !ok {
		return 0, d.fail(at, "invalid escape in string "+d.token(at))
	}
	d.end(mark)
	return start, true
}

// bytesField reads bytes in base64.
func (d *decoder) bytesField(f *fieldPlan, tag string) bool {
	if d.peek() != '"' {
		return d.invalid(f, d.pos)
	}
	at := d.pos
	text, ok := d.string(d.scratch)
	if !ok {
		return false
	}
	if f.implicit && len(text) == 0 {
		return true
	}
	d.out = append(d.out, tag...)
	mark := d.begin()
	encoding := base64Of(text, bytes.ContainsAny(text, "-_"))
	if d.out, ok = appendBase64(d.out, encoding, text); !ok {
		return d.invalid(f, at)
	}
	d.end(mark)
	return true
}

// enum reads an enum value, by name or number. discarded says that the name is unknown and may be.
func (d *decoder) enum(f *fieldPlan) (bits uint64, discarded, ok bool) {
	switch c := d.peek(); {
	case c == '"':
		name, ok := d.string(d.scratch)
		if !ok {
			return 0, false, false
		}
		number, known := f.enum.byName[string(name)]
		return uint64(int64(number)), !known, known || d.plans.options.discardUnknown
	case c == 'n' && f.nullEnum:
		return 0, false, d.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		text, ok := d.number()
		if !ok {
			return 0, false, false
		}
		number, ok := parseInt(text, 32)
		return uint64(number), false, ok
	}
	return 0, false, false
}

// numeral reads a number, or a string that holds one or something else.
func (d *decoder) numeral() ([]byte, bool) {
	switch c := d.peek(); {
	case c == '"':
		return d.string(d.scratch)
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	}
	return nil, false
}

// keyBits returns the value on the wire of a map's key that is not a string.
func keyBits(kind protoreflect.Kind, text string) (uint64, bool) {
	var (
		signed   int64
		unsigned uint64
		err      error
	)
	switch kind {
	case protoreflect.BoolKind:
		if text == "true" {
			return 1, true
		}
		return 0, text == "false"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		signed, err = strconv.ParseInt(text, 10, 32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		signed, err = strconv.ParseInt(text, 10, 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		unsigned, err = strconv.ParseUint(text, 10, 32)
		return unsigned, err == nil
	default:
		unsigned, err = strconv.ParseUint(text, 10, 64)
		return unsigned, err == nil
	}
	return signedBits(kind, signed), err == nil
}

// signedBits returns the value on the wire of a signed integer.
func signedBits(kind protoreflect.Kind, n int64) uint64 {
	switch kind {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.EncodeZigZag(n)
	default:
		return uint64(n)
	}
}

// numberBits returns the value on the wire of a number in JSON, or of what stood there in quotes.
func numberBits(kind protoreflect.Kind, text []byte) (uint64, bool) {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, ok := parseInt(text, 32)
		return signedBits(kind, n), ok
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, ok := parseInt(text, 64)
		return signedBits(kind, n), ok
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return parseUint(text, 32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return parseUint(text, 64)
	case protoreflect.FloatKind:
		n, ok := parseFloat(text, 32)
		return uint64(math.Float32bits(float32(n))), ok
	default:
		n, ok := parseFloat(text, 64)
		return math.Float64bits(n), ok
	}
}

// parseInt reads a JSON number that is an integer of so many bits, in whatever way it is written: 1, 1.0, 10e-1.
func parseInt(text []byte, bitSize int) (int64, bool) {
	digits := text
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	magnitude, ok := parseMagnitude(digits)
	limit := uint64(1) << (bitSize - 1) // of the negative numbers; the positive ones have one less
	switch {
	case !ok:
		return 0, false
	case negative:
		return -int64(magnitude), magnitude <= limit // -1<<63 is its own negative
	default:
		return int64(magnitude), magnitude < limit
	}
}

// parseUint is parseInt for unsigned integers.
func parseUint(text []byte, bitSize int) (uint64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	magnitude, ok := parseMagnitude(text)
	if negative && magnitude != 0 || magnitude > math.MaxUint64>>(64-bitSize) {
		return 0, false
	}
	return magnitude, ok
}

// maxPlainDigits is how many decimal digits always fit in 64 bits.
const maxPlainDigits = 19

// parseMagnitude reads a JSON number without a sign, which must be an integer of 64 bits.
func parseMagnitude(text []byte) (uint64, bool) {
	if len(text) <= maxPlainDigits && len(text) > 0 && (text[0] != '0' || len(text) == 1) {
		var n uint64
		for _, c := range text {
			if c -= '0'; c > 9 {
				return parseUnusualMagnitude(text)
			}
			n = n*10 + uint64(c)
		}
		return n, true
	}
	return parseUnusualMagnitude(text)
}

// parseUnusualMagnitude is parseMagnitude for numbers that are long or have a fraction or an exponent.
func parseUnusualMagnitude(text []byte) (uint64, bool) {
	if n, ok := numberLen(text); !ok || n != len(text) || text[0] == '-' {
		return 0, false
	}
	mantissa, exponent := text, 0
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.ParseInt(string(text[i+1:]), 10, 32)
		mantissa, exponent = text[:i], int(n)
		if err != nil && !isZeroMantissa(mantissa) {
			return 0, false
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	fraction = bytes.TrimRight(fraction, "0")
	whole = bytes.TrimLeft(whole, "0")
	if len(whole) == 0 && len(fraction) == 0 {
		return 0, true
	}
	// The point moves by exponent places to the right; no digit but 0 may be behind it.
	var buffer [maxPlainDigits + 1]byte // of the largest number
	digits := append(buffer[:0], whole[:min(len(whole), len(buffer))]...)
	switch {
	case exponent >= 0:
		if len(fraction) > exponent || len(whole)+exponent > len(buffer) {
			return 0, false
		}
		digits = append(digits, fraction...)
		for range exponent - len(fraction) {
			digits = append(digits, '0')
		}
	default:
		end := len(whole) + exponent
		if len(fraction) > 0 || end < 0 || end > len(buffer) || !isZeroMantissa(whole[end:]) {
			return 0, false
		}
		digits = digits[:end]
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	return n, err == nil
}

// isZeroMantissa reports whether text has no digit but zeros.
func isZeroMantissa(text []byte) bool { return len(bytes.Trim(text, "0.")) == 0 }

// parseFloat reads a JSON number, or one of the texts for what is none.
func parseFloat(text []byte, bitSize int) (float64, bool) {
	switch string(text) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if n, ok := numberLen(text); !ok || n != len(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(text), bitSize)
	return n, err == nil
}
