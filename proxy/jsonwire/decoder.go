package jsonwire

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// decoder reads JSON and writes wire bytes, in one pass. Its methods return false when the JSON is refused; then err says
// why, or unusual is set.
type decoder struct {
	scanner
	lengthWriter
	plans *plans
	// seen is a stack with a bit for each field and oneof of the messages under way that there was.
	seen []uint64
	// keys is a stack with the keys that there were in the maps under way.
	keys    []mapKey
	scratch []byte
	// partial says that required fields may be missing.
	partial bool
	// unusual sends the JSON on the way by protojson, see [Codecs.referenceWire].
	unusual bool
}

// message reads a message that may have depth levels, itself included.
func (d *decoder) message(m *messagePlan, depth int) bool {
	if depth <= 0 {
		return d.fail(d.pos, "exceeded max recursion depth")
	}
	if m.form == anyForm {
		return d.anyMessage(depth - 1)
	}
	return d.content(m, depth-1)
}

// content reads a message, other than an Any, whose fields may have depth levels.
func (d *decoder) content(m *messagePlan, depth int) bool {
	switch m.form {
	case timestampForm:
		return d.timestamp()
	case durationForm:
		return d.duration()
	case wrapperForm:
		return d.scalar(&m.fields[0], m.fields[0].tag)
	case structForm:
		return d.mapping(&m.fields[0], depth)
	case listForm:
		return d.list(&m.fields[0], depth)
	case valueForm:
		return d.dynamicValue(m, depth)
	case maskForm:
		return d.mask(&m.fields[0])
	default:
		return d.object(m, depth, false)
	}
}

// object reads an ordinary message. inAny says that a member "@type" is none of its fields.
func (d *decoder) object(m *messagePlan, depth int, inAny bool) bool {
	if m.unsupported {
		d.unusual = true
		return false
	}
	if !d.open('{') {
		return false
	}
	base := len(d.seen)
	oneofs := (len(m.fields) + 63) / 64 * 64 // the bit of the first one
	for range (oneofs + m.oneofs + 64) / 64 {
		d.seen = append(d.seen, 0)
	}
	next := 0
	var null *fieldPlan // a required field with the value null, which is none
	for first := true; d.more('}', first); first = false {
		d.space()
		at := d.pos
		i, ok := d.name(m, next, inAny, depth)
		if !ok {
			return false
		}
		if i < 0 {
			continue
		}
		next = i + 1
		f := &m.fields[i]
		if !d.see(base, i) {
			return d.refuse(f, at, "duplicate field "+d.token(at))
		}
		if !f.takesNull && d.peek() == 'n' && d.literal("null") {
			if f.required {
				null = f
			}
			continue
		}
		if f.oneof != 0 && !d.see(base, oneofs+f.oneof) {
			return d.refuse(f, at, "oneof "+string(f.descriptor.ContainingOneof().Name())+" is set already")
		}
		if !d.field(f, depth) {
			return d.within(string(f.descriptor.Name()))
		}
	}
	if d.err != nil || !d.partial && !d.hasRequired(m, base, null) {
		return false
	}
	d.seen = d.seen[:base]
	return true
}

// see notes a bit of the message whose bits are at base, and returns false if it was noted before.
func (d *decoder) see(base, bit int) bool {
	word, mask := &d.seen[base+bit/64], uint64(1)<<(bit%64)
	if *word&mask != 0 {
		return false
	}
	*word |= mask
	return true
}

// hasRequired checks that the message with the bits at base has had all its required fields; null was none.
func (d *decoder) hasRequired(m *messagePlan, base int, null *fieldPlan) bool {
	for _, i := range m.required {
		f := &m.fields[i]
		if f == null || d.seen[base+i/64]&(1<<(i%64)) == 0 {
			return d.fail(d.pos, "required field "+string(f.descriptor.FullName())+" not set")
		}
	}
	return true
}

// refuse fails at a member's name.
func (d *decoder) refuse(f *fieldPlan, at int, description string) bool {
	d.fail(at, description)
	return d.within(string(f.descriptor.Name()))
}

// within puts a part before the path of the field that is at fault. It returns false.
func (d *decoder) within(part string) bool {
	if d.err != nil {
		d.err.within(part)
	}
	return false
}

// name reads a member's name and colon and returns the index of its field. It guesses that this is next: JSON is mostly
// written in the order of declaration. The index is -1 where the member is none of a field's and was skipped.
func (d *decoder) name(m *messagePlan, next int, inAny bool, depth int) (int, bool) {
	if !inAny && d.peek() == '"' && next < len(m.fields) {
		if rest, quoted := d.in[d.pos+1:], m.fields[next].quotedName; len(rest) > len(quoted) && string(rest[:len(quoted)]) == quoted {
			d.pos += 1 + len(quoted)
			return next, d.colon()
		}
	}
	at := d.pos
	name, ok := d.string(d.scratch)
	if !ok || !d.colon() {
		return 0, false
	}
	if inAny && string(name) == "@type" {
		return -1, d.skip(depth)
	}
	if len(name) >= 2 && name[0] == '[' && name[len(name)-1] == ']' {
		d.unusual = true // the name of an extension
		return 0, false
	}
	if i, ok := m.byName[string(name)]; ok {
		return i, true
	}
	if d.plans.options.discardUnknown {
		return -1, d.skip(depth)
	}
	d.fail(at, "unknown field "+d.token(at))
	return 0, d.within(shorten(name))
}

// field reads the value of a field.
func (d *decoder) field(f *fieldPlan, depth int) bool {
	switch {
	case f.cardinality == list:
		return d.list(f, depth)
	case f.cardinality == mapped:
		return d.mapping(f, depth)
	case f.message != nil:
		return d.nested(f, depth)
	default:
		return d.scalar(f, f.tag)
	}
}

// nested reads a message as a field or an element.
func (d *decoder) nested(f *fieldPlan, depth int) bool {
	d.out = append(d.out, f.tag...)
	if f.kind == protoreflect.GroupKind {
		ok := d.message(f.message, depth)
		d.out = append(d.out, f.endTag...)
		return ok
	}
	mark := d.begin()
	if !d.message(f.message, depth) {
		return false
	}
	d.end(mark)
	return true
}

// list reads a repeated field.
func (d *decoder) list(f *fieldPlan, depth int) bool {
	if !d.open('[') {
		return false
	}
	start, tag := len(d.out), f.tag
	var mark int
	if f.packed {
		d.out = append(d.out, tag...)
		mark, tag = d.begin(), ""
	}
	empty := len(d.out)
	i := 0
	for ; d.more(']', i == 0); i++ {
		var ok bool
		if f.message != nil {
			ok = d.nested(f, depth)
		} else {
			ok = d.scalar(f, tag)
		}
		if !ok {
			return d.within("[" + strconv.Itoa(i) + "]")
		}
	}
	if d.err != nil {
		return false
	}
	if f.packed {
		d.end(mark)
		if len(d.out) == empty {
			d.out = d.out[:start]
		}
	}
	return true
}
