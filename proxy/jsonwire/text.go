package jsonwire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Each constant has one bit or one character in all eight bytes of a word.
const (
	eachLow  = 0x0101010101010101
	eachHigh = 0x8080808080808080
)

// specials returns a word whose lowest set bit is in the first byte of w that is a control character, a quote or a
// backslash. (Bits above it may be wrong: https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord.)
func specials(w uint64) uint64 {
	// With the bit of value 2 flipped the quote comes right after the control characters, and nothing else does.
	controlOrQuote := (w ^ eachLow*2) - eachLow*('"'^2+1)
	backslash := (w ^ eachLow*'\\') - eachLow
	return (controlOrQuote | backslash) &^ w & eachHigh
}

// plainLen returns the length of the prefix of s that a JSON string holds as it is, and whether that is all ASCII.
func plainLen(s []byte) (n int, ascii bool) {
	high := uint64(0)
	i := 0
	for ; len(s)-i >= 16; i += 16 {
		first, second := binary.LittleEndian.Uint64(s[i:]), binary.LittleEndian.Uint64(s[i+8:])
		if specials(first)|specials(second) != 0 {
			break
		}
		high |= first | second
	}
	for ; len(s)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		if special := specials(w); special != 0 {
			at := bits.TrailingZeros64(special) / 8
			high |= w & (1<<(8*at) - 1)
			return i + at, high&eachHigh == 0
		}
		high |= w
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		high |= uint64(c)
	}
	return i, high&eachHigh == 0
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string with the least of escapes, as protojson does. It returns false if s is not UTF-8.
func appendString(dst, s []byte) ([]byte, bool) {
	dst = append(dst, '"')
	n, ascii := plainLen(s)
	if (!ascii || n < len(s)) && !utf8.Valid(s) {
		return dst, false
	}
	for n < len(s) {
		dst = append(dst, s[:n]...)
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
		n, _ = plainLen(s)
	}
	dst = append(dst, s...)
	return append(dst, '"'), true
}

// appendEscape appends a control character, a quote or a backslash.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// appendFloat appends a float or a double as encoding/json does: in the shortest form that reads back, with an exponent
// below 1e-6 and from 1e21 on.
func appendFloat(dst []byte, n float64, bitSize int) []byte {
	abs := math.Abs(n)
	switch {
	case math.IsNaN(n):
		return append(dst, `"NaN"`...)
	case abs > math.MaxFloat64 && n > 0:
		return append(dst, `"Infinity"`...)
	case abs > math.MaxFloat64:
		return append(dst, `"-Infinity"`...)
	}
	low, high := 1e-6, 1e21
	if bitSize == 32 {
		low, high = float64(float32(low)), float64(float32(high))
	}
	if abs == 0 || abs >= low && abs < high {
		return strconv.AppendFloat(dst, n, 'f', -1, bitSize)
	}
	dst = strconv.AppendFloat(dst, n, 'e', -1, bitSize)
	if end := len(dst); end >= 4 && dst[end-4] == 'e' && dst[end-3] == '-' && dst[end-2] == '0' {
		dst[end-2] = dst[end-1] // e-09 to e-9
		dst = dst[:end-1]
	}
	return dst
}

// appendJSON appends the JSON of an enum value: its name, or its number if it has none.
func (e *enumPlan) appendJSON(dst []byte, number int32) []byte {
	var quoted string
	if number >= 0 && int(number) < len(e.small) {
		quoted = e.small[number]
	} else {
		quoted = e.names[number]
	}
	if quoted == "" {
		return strconv.AppendInt(dst, int64(number), 10)
	}
	return append(dst, quoted...)
}

// Bounds of google.protobuf.Timestamp (the years 1 to 9999) and Duration (10,000 years), as timestamp.proto and
// duration.proto have them.
const (
	minTimestampSeconds = -62135596800
	maxTimestampSeconds = 253402300799
	maxDurationSeconds  = 315576000000
	maxNanos            = 999999999
)

// appendTimestamp appends the JSON of a google.protobuf.Timestamp in range.
func appendTimestamp(dst []byte, seconds int64, nanos int32) []byte {
	t := time.Unix(seconds, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst, '"')
	dst = appendTwoDigits(dst, year/100)
	dst = appendTwoDigits(dst, year%100)
	dst = appendTwoDigits(append(dst, '-'), int(month))
	dst = appendTwoDigits(append(dst, '-'), day)
	dst = appendTwoDigits(append(dst, 'T'), hour)
	dst = appendTwoDigits(append(dst, ':'), minute)
	dst = appendTwoDigits(append(dst, ':'), second)
	dst = appendNanos(dst, nanos)
	return append(dst, 'Z', '"')
}

func appendTwoDigits(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// appendDuration appends the JSON of a google.protobuf.Duration in range.
func appendDuration(dst []byte, seconds int64, nanos int32) []byte {
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
		seconds, nanos = -seconds, -nanos
	}
	dst = strconv.AppendInt(dst, seconds, 10)
	dst = appendNanos(dst, nanos)
	return append(dst, 's', '"')
}

// appendNanos appends a fraction of a second with 0, 3, 6 or 9 digits.
func appendNanos(dst []byte, nanos int32) []byte {
	if nanos == 0 {
		return dst
	}
	digits := 9
	for nanos%1000 == 0 {
		nanos /= 1000
		digits -= 3
	}
	var fraction [9]byte
	for i := digits - 1; i >= 0; i-- {
		fraction[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	dst = append(dst, '.')
	return append(dst, fraction[:digits]...)
}

// appendMaskPath appends a path of a google.protobuf.FieldMask in lowerCamelCase. It returns false if it is no path or
// could not be read back.
func appendMaskPath(dst, path []byte) ([]byte, bool) {
	if !isFullName(path) {
		return dst, false
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case 'A' <= c && c <= 'Z':
			return dst, false
		case c == '_':
			i++
			if i == len(path) || path[i] < 'a' || path[i] > 'z' {
				return dst, false
			}
			c = path[i] - ('a' - 'A')
		}
		dst = append(dst, c)
	}
	return dst, true
}

// isFullName is protoreflect.FullName.IsValid for bytes.
func isFullName(s []byte) bool {
	start := true
	for _, c := range s {
		switch {
		case c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			start = false
		case c == '.' && !start:
			start = true
		case '0' <= c && c <= '9' && !start:
		default:
			return false
		}
	}
	return !start
}

// isZero reports whether bits, the value of a scalar as it is on the wire, is zero for a field without presence.
func isZero(kind protoreflect.Kind, value uint64) bool {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Sint32Kind, protoreflect.EnumKind:
		return uint32(value) == 0 // decoders drop the other half
	default:
		return value == 0
	}
}
