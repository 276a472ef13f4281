package jsonwire

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// lengthWriter writes length-delimited values whose length is known only when they are written. Each gets one byte for
// its length; where that is not enough, room is made at the end, in one pass over the output for all of them.
type lengthWriter struct {
	out []byte
	// long has the values that need more than a byte and those that are not closed, in the order of their positions.
	long []longLength
	// extra is how many bytes the lengths of the closed ones need beyond the first.
	extra int
}

type longLength struct {
	pos  int // of the byte
	size int // of the value with all lengths in it
	// extra is what lengthWriter.extra was when the value began.
	extra int
}

// begin starts a length-delimited value and returns a mark for end.
func (w *lengthWriter) begin() int {
	w.long = append(w.long, longLength{pos: len(w.out), extra: w.extra})
	w.out = append(w.out, 0)
	return len(w.long) - 1
}

// end ends the value that was begun last and has not ended.
func (w *lengthWriter) end(mark int) {
	value := &w.long[mark]
	size := len(w.out) - value.pos - 1 + w.extra - value.extra
	if size < 0x80 {
		w.out[value.pos] = byte(size)
		w.long = w.long[:mark] // none inside is long
		return
	}
	value.size = size
	w.extra += protowire.SizeVarint(uint64(size)) - 1
}

// finish puts the lengths in. All values have ended.
func (w *lengthWriter) finish() {
	if w.extra == 0 {
		return
	}
	from := len(w.out)
	w.out = slices.Grow(w.out, w.extra)[:from+w.extra]
	to := len(w.out)
	for i := len(w.long) - 1; i >= 0; i-- {
		value := w.long[i]
		to -= from - value.pos - 1
		copy(w.out[to:], w.out[value.pos+1:from])
		from = value.pos
		to -= protowire.SizeVarint(uint64(value.size))
		binary.PutUvarint(w.out[to:], uint64(value.size))
	}
}
