package jsonwire

import (
	"fmt"
	"strings"
)

// Error says what is wrong with JSON that is read.
type Error struct {
	// Field is the path of the field from the message by proto names, with list indexes and quoted map keys in brackets,
	// such as `requests[1].labels["a"]`. It is empty where no field is at fault, and cut off where it gets long.
	Field string
	// Offset is the byte in the JSON where it goes wrong, from 0.
	Offset int
	// Description is a phrase for the author of the JSON. It may repeat up to 200 bytes of it.
	Description string
}

// Error returns the description, after the field if there is one.
func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s at byte %d", e.Description, e.Offset)
	}
	return fmt.Sprintf("%s: %s at byte %d", e.Field, e.Description, e.Offset)
}

// within puts a part before the path: the name of a field, or an index or a key in brackets.
func (e *Error) within(part string) {
	switch {
	case e.Field == "":
		e.Field = part
	case len(e.Field) > maxEcho:
		// What a deep message costs has a bound; the head of the path is what counts.
		e.Field = part + "…"
	case strings.HasPrefix(e.Field, "["):
		e.Field = part + e.Field
	default:
		e.Field = part + "." + e.Field
	}
}
