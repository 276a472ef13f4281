package transcode

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// maskInference derives an update mask from a JSON body, see [Binding.Mask].
type maskInference struct {
	message protoreflect.MessageDescriptor
	// skip holds the paths that the path template binds, relative to message.
	skip map[string]bool
	// outputs holds the fields below message that are OUTPUT_ONLY or IDENTIFIER.
	outputs map[protoreflect.FullName]bool
}

func newMaskInference(b *Binding) *maskInference {
	m := &maskInference{
		message: b.BodyField.Message(),
		skip:    map[string]bool{},
		outputs: map[protoreflect.FullName]bool{},
	}
	for _, v := range b.Variables {
		if v[0] == b.BodyField {
			m.skip[v[1:].String()] = true
		}
	}
	m.addOutputs(m.message, map[protoreflect.FullName]bool{})
	return m
}

func (m *maskInference) addOutputs(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
	if seen[message.FullName()] {
		return
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if isOutput(field) {
			m.outputs[field.FullName()] = true
		} else if descends(field) {
			m.addOutputs(field.Message(), seen)
		}
	}
}

// paths returns the mask of a body that the codec has accepted.
func (m *maskInference) paths(body []byte) []string {
	w := maskWalk{inference: m, decoder: json.NewDecoder(bytes.NewReader(body))}
	if token, err := w.decoder.Token(); err == nil && token == json.Delim('{') {
		w.object(m.message, "", 1)
	}
	return w.paths
}

// maskWalk reads a body once, token by token.
type maskWalk struct {
	inference *maskInference
	decoder   *json.Decoder
	paths     []string
}

// object walks an object after its opening brace. At maxPathDepth messages become leaves, so that the mask of a deep
// body stays in proportion to it.
func (w *maskWalk) object(message protoreflect.MessageDescriptor, prefix string, depth int) {
	for w.decoder.More() {
		token, err := w.decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return
		}
		field := byJSONName(message.Fields(), name)
		value, err := w.decoder.Token()
		if err != nil {
			return
		}
		if field == nil || w.inference.outputs[field.FullName()] || w.inference.skip[prefix+string(field.Name())] {
			w.skip(value)
			continue
		}
		path := prefix + string(field.Name())
		if value == json.Delim('{') && w.decoder.More() && descends(field) && depth < maxPathDepth {
			w.object(field.Message(), path+".", depth+1)
			continue
		}
		w.paths = append(w.paths, path)
		w.skip(value)
	}
	_, _ = w.decoder.Token() // the closing brace
}

// skip reads the rest of a value that starts with token.
func (w *maskWalk) skip(token json.Token) {
	for depth := 0; ; {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
		var err error
		if token, err = w.decoder.Token(); err != nil {
			return
		}
	}
}

// descends reports whether masks name the fields below a field, rather than the field.
func descends(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && !field.IsMap() && field.Message() != nil && !isWellKnown(field.Message())
}
