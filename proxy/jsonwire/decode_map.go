package jsonwire

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// mapKey is a key of a map that is being read.
type mapKey struct {
	start, end int // in out
	at         int // in the JSON
}

// mapping reads a map.
func (d *decoder) mapping(f *fieldPlan, depth int) bool {
	if !d.open('{') {
		return false
	}
	base := len(d.keys)
	// While each key is greater than the one before, as in JSON that was written in order, none can come twice.
	ascending := true
	for first := true; d.more('}', first); first = false {
		d.out = append(d.out, f.tag...)
		mark := d.begin()
		key, ok := d.mapKey(f.key)
		if !ok || !d.colon() {
			return false
		}
		if n := len(d.keys); n > base && d.compareKeys(d.keys[n-1], key) >= 0 {
			ascending = false
		}
		d.keys = append(d.keys, key)
		before := len(d.out)
		if f.value.message != nil {
			ok = d.nested(f.value, depth)
		} else {
			ok = d.scalar(f.value, f.value.tag)
		}
		if !ok {
			return d.within("[" + d.token(key.at) + "]")
		}
		if len(d.out) == before {
			d.unusual = true // an unknown enum value, discarded: its key may come again
			return false
		}
		d.end(mark)
	}
	if d.err != nil || !ascending && !d.areUnique(d.keys[base:]) {
		return false
	}
	d.keys = d.keys[:base]
	return true
}

func (d *decoder) compareKeys(a, b mapKey) int {
	return bytes.Compare(d.out[a.start:a.end], d.out[b.start:b.end])
}

// areUnique sorts keys and checks that no two are the same.
func (d *decoder) areUnique(keys []mapKey) bool {
	slices.SortFunc(keys, d.compareKeys)
	for i := 1; i < len(keys); i++ {
		if d.compareKeys(keys[i-1], keys[i]) == 0 {
			at := max(keys[i-1].at, keys[i].at)
			d.fail(at, "duplicate map key "+d.token(at))
			return d.within("[" + d.token(at) + "]")
		}
	}
	return true
}

// mapKey reads a member's name as the key of a map's entry and writes it.
func (d *decoder) mapKey(f *fieldPlan) (mapKey, bool) {
	d.space()
	at := d.pos
	d.out = append(d.out, f.tag...)
	if f.kind == protoreflect.StringKind {
		start, ok := d.text()
		return mapKey{start: start, end: len(d.out), at: at}, ok
	}
	name, ok := d.string(d.scratch)
	if !ok {
		return mapKey{}, false
	}
	bits, ok := keyBits(f.kind, string(name))
	if !ok {
		return mapKey{}, d.fail(at, "invalid value for "+f.kind.String()+" key: "+d.token(at))
	}
	start := len(d.out)
	d.appendBits(f.wireType, bits)
	return mapKey{start: start, end: len(d.out), at: at}, true
}
