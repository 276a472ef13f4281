package jsonwire

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The tags of Timestamp and Duration, of Any, and of Value.
const (
	secondsTag = 1<<3 | byte(protowire.VarintType)
	nanosTag   = 2<<3 | byte(protowire.VarintType)

	typeURLTag  = 1<<3 | byte(protowire.BytesType)
	anyValueTag = 2<<3 | byte(protowire.BytesType)
)

// quoted reads the string that a message has for its JSON.
func (d *decoder) quoted() ([]byte, bool) {
	if d.peek() != '"' {
		return nil, d.unexpected(d.pos)
	}
	return d.string(d.scratch)
}

// invalidMessage fails at the JSON of a message of google.protobuf.
func (d *decoder) invalidMessage(name string, at int, what string) bool {
	return d.fail(at, what+" google.protobuf."+name+" value "+d.token(at))
}

// appendTime writes the fields of a Timestamp or a Duration.
func (d *decoder) appendTime(seconds int64, nanos int32) {
	if seconds != 0 {
		d.out = protowire.AppendVarint(append(d.out, secondsTag), uint64(seconds))
	}
	if nanos != 0 {
		d.out = protowire.AppendVarint(append(d.out, nanosTag), uint64(int64(nanos)))
	}
}

func (d *decoder) timestamp() bool {
	d.space()
	at := d.pos
	text, ok := d.quoted()
	if !ok {
		return false
	}
	seconds, nanos, ok := parseTimestamp(text)
	switch {
	case !ok:
		return d.invalidMessage("Timestamp", at, "invalid")
	case seconds < minTimestampSeconds || seconds > maxTimestampSeconds:
		return d.invalidMessage("Timestamp", at, "out of range:")
	}
	d.appendTime(seconds, nanos)
	return true
}

// parseTimestamp reads the time of RFC 3339 with at most nine digits of a second's fraction.
func parseTimestamp(text []byte) (seconds int64, nanos int32, ok bool) {
	if seconds, nanos, ok = parseUTC(text); ok {
		return seconds, nanos, true
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return 0, 0, false
	}
	point, zone := bytes.LastIndexByte(text, '.'), bytes.LastIndexAny(text, "Z-+")
	if point >= 0 && zone >= point && zone-point > len(".999999999") {
		return 0, 0, false
	}
	return t.Unix(), int32(t.Nanosecond()), true
}

// parseUTC is parseTimestamp for the usual form, 2006-01-02T15:04:05Z with or without a fraction.
func parseUTC(text []byte) (seconds int64, nanos int32, ok bool) {
	const layout = "dddd-dd-ddTdd:dd:dd"
	n := len(text)
	if n < len(layout)+1 || n > len(layout)+len(".999999999Z") || text[n-1] != 'Z' {
		return 0, 0, false
	}
	for i := range len(layout) {
		if c := text[i]; layout[i] == 'd' && (c < '0' || c > '9') || layout[i] != 'd' && c != layout[i] {
			return 0, 0, false
		}
	}
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false
	}
	if fraction := text[len(layout) : n-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) == 1 {
			return 0, 0, false
		}
		if nanos, ok = parseFraction(fraction[1:]); !ok {
			return 0, 0, false
		}
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).Unix(), nanos, true
}

// daysIn returns how many days a month has.
func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// parseFraction reads the up to nine digits of a second's fraction.
func parseFraction(digits []byte) (nanos int32, ok bool) {
	if len(digits) > 9 {
		return 0, false
	}
	for i := range 9 {
		nanos *= 10
		if i < len(digits) {
			c := digits[i] - '0'
			if c > 9 {
				return 0, false
			}
			nanos += int32(c)
		}
	}
	return nanos, true
}

func (d *decoder) duration() bool {
	d.space()
	at := d.pos
	text, ok := d.quoted()
	if !ok {
		return false
	}
	seconds, nanos, ok := parseDuration(text)
	switch {
	case !ok:
		return d.invalidMessage("Duration", at, "invalid")
	case seconds < -maxDurationSeconds || seconds > maxDurationSeconds:
		return d.invalidMessage("Duration", at, "out of range:")
	}
	d.appendTime(seconds, nanos)
	return true
}

// parseDuration reads seconds as a decimal number with the suffix s. As in protojson it may have a plus sign, and lack
// the digits on one side of the point.
func parseDuration(text []byte) (seconds int64, nanos int32, ok bool) {
	text, ok = bytes.CutSuffix(text, []byte{'s'})
	if !ok || len(text) == 0 {
		return 0, 0, false
	}
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	if len(text) == 0 || len(whole) > 1 && whole[0] == '0' || len(whole) > len("315576000000") {
		return 0, 0, false
	}
	for _, c := range whole {
		if c -= '0'; c > 9 {
			return 0, 0, false
		}
		seconds = seconds*10 + int64(c)
	}
	if nanos, ok = parseFraction(fraction); !ok {
		return 0, 0, false
	}
	if negative {
		return -seconds, -nanos, true
	}
	return seconds, nanos, true
}

// mask reads a google.protobuf.FieldMask, given its field.
func (d *decoder) mask(paths *fieldPlan) bool {
	d.space()
	at := d.pos
	text, ok := d.quoted()
	if !ok {
		return false
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return true
	}
	for more := true; more; {
		var path []byte
		path, text, more = bytes.Cut(text, []byte{','})
		d.out = append(d.out, paths.tag...)
		mark := d.begin()
		start := len(d.out)
		d.out = appendSnakeCase(d.out, path)
		if bytes.IndexByte(path, '_') >= 0 || !isFullName(d.out[start:]) {
			return d.fail(at, "google.protobuf.FieldMask.paths contains invalid path: "+strconv.Quote(shorten(path)))
		}
		d.end(mark)
	}
	return true
}

// appendSnakeCase appends a path in lowerCamelCase by proto names.
func appendSnakeCase(dst, path []byte) []byte {
	for _, c := range path {
		if 'A' <= c && c <= 'Z' {
			dst = append(dst, '_')
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// dynamicValue reads a google.protobuf.Value, whose messages may have depth levels.
func (d *decoder) dynamicValue(m *messagePlan, depth int) bool {
	var number int
	c := d.peek()
	switch {
	case c == 'n':
		number = 1
	case c == '-' || '0' <= c && c <= '9':
		number = 2
	case c == '"':
		number = 3
	case c == 't' || c == 'f':
		number = 4
	case c == '{':
		number = 5
	case c == '[':
		number = 6
	default:
		return d.unexpected(d.pos)
	}
	f := &m.fields[number-1]
	if f.message == nil {
		return d.scalar(f, f.tag)
	}
	// Struct and ListValue count for no level here: each Value in them does.
	d.out = append(d.out, f.tag...)
	mark := d.begin()
	if !d.content(f.message, depth) {
		return false
	}
	d.end(mark)
	return true
}

// anyMessage reads a google.protobuf.Any, whose message may have depth levels.
func (d *decoder) anyMessage(depth int) bool {
	if d.peek() != '{' {
		return d.unexpected(d.pos)
	}
	start := d.pos
	url, at, members, ok := d.typeURL(depth)
	if !ok {
		return false
	}
	switch {
	case url != "":
	case members == 0:
		return true // an empty one
	case d.plans.options.discardUnknown:
		d.pos = start
		return d.skip(depth)
	default:
		return d.fail(start, `missing "@type" field`)
	}
	m, err := d.plans.byURL([]byte(url))
	if err != nil {
		return d.fail(at, "unable to resolve "+d.token(at))
	}
	d.pos = start
	d.out = append(d.out, typeURLTag)
	d.out = protowire.AppendString(d.out, url)
	d.out = append(d.out, anyValueTag)
	mark := d.begin()
	defer func(partial bool) { d.partial = partial }(d.partial)
	d.partial = true // nothing is required inside
	switch {
	case m.form != ordinaryForm || m.descriptor.FullName() == "google.protobuf.Empty":
		ok = d.anyValue(m, depth)
	case depth <= 0:
		ok = d.fail(d.pos, "exceeded max recursion depth")
	default:
		ok = d.object(m, depth-1, true)
	}
	if ok {
		d.end(mark)
	}
	return ok
}

// typeURL reads an Any to its end for the type of the message in it, which may stand anywhere, and where that stands. It
// is empty if there is none; members is how many there are.
func (d *decoder) typeURL(depth int) (url string, at, members int, ok bool) {
	d.pos++ // {
	for ; d.more('}', members == 0); members++ {
		d.space()
		nameAt := d.pos
		name, ok := d.string(d.scratch)
		if !ok || !d.colon() {
			return "", 0, 0, false
		}
		if string(name) != "@type" {
			if !d.skip(depth) {
				return "", 0, 0, false
			}
			continue
		}
		if url != "" {
			return "", 0, 0, d.fail(nameAt, `duplicate "@type" field`)
		}
		d.peek()
		at = d.pos
		if d.peek() != '"' {
			return "", 0, 0, d.fail(at, "@type field value is not a string: "+d.token(at))
		}
		value, ok := d.string(d.scratch)
		if !ok {
			return "", 0, 0, false
		}
		if url = string(value); url == "" {
			return "", 0, 0, d.fail(at, "@type field contains empty value")
		}
	}
	return url, at, members, d.err == nil
}

// anyValue reads an Any with a message that has a JSON form of its own, which is the member "value".
func (d *decoder) anyValue(m *messagePlan, depth int) bool {
	d.pos++ // {
	found := false
	for first := true; d.more('}', first); first = false {
		d.space()
		at := d.pos
		name, ok := d.string(d.scratch)
		if !ok || !d.colon() {
			return false
		}
		switch {
		case string(name) == "@type":
			ok = d.skip(depth)
		case string(name) != "value" && d.plans.options.discardUnknown:
			ok = d.skip(depth)
		case string(name) != "value":
			ok = d.fail(at, "unknown field "+d.token(at))
		case found:
			ok = d.fail(at, `duplicate "value" field`)
		case m.form == anyForm:
			found, ok = true, d.anyMessage(depth)
		default:
			found, ok = true, d.content(m, depth)
		}
		if !ok {
			return false
		}
	}
	if d.err == nil && !found && m.form != ordinaryForm {
		return d.fail(d.pos-1, `missing "value" field`)
	}
	return d.err == nil
}

// shapes are the fields of the well-known types, numbers and kinds, but for those of wrappers.proto.
var shapes = map[form]string{
	anyForm:       "1 string,2 bytes",
	timestampForm: "1 int64,2 int32",
	durationForm:  "1 int64,2 int32",
	structForm:    "1 message",
	listForm:      "1 message",
	valueForm:     "1 enum,2 double,3 string,4 bool,5 message,6 message",
	maskForm:      "1 string",
}

// hasStandardShape reports whether a message that has the name of a well-known type also has its fields, which the code
// above counts on.
func (m *messagePlan) hasStandardShape() bool {
	var fields []string
	switch m.form {
	case ordinaryForm:
		return true
	case wrapperForm:
		return len(m.fields) == 1 && m.fields[0].descriptor.Number() == 1 && m.fields[0].message == nil
	default:
		for i := range m.fields {
			f := m.fields[i].descriptor
			fields = append(fields, strconv.Itoa(int(f.Number()))+" "+f.Kind().String())
		}
	}
	if strings.Join(fields, ",") != shapes[m.form] {
		return false
	}
	switch first := &m.fields[0]; m.form {
	case structForm:
		return first.cardinality == mapped && first.key.kind == protoreflect.StringKind &&
			first.value.message != nil && first.value.message.form == valueForm
	case listForm, maskForm:
		return first.cardinality == list
	default:
		return true
	}
}
