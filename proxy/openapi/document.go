package openapi

import (
	"bytes"
	"encoding/json"
)

// document is an OpenAPI document, with what is used of it here.
type document struct {
	OpenAPI    string                        `json:"openapi"`
	Info       info                          `json:"info"`
	Servers    []server                      `json:"servers"`
	Tags       []tag                         `json:"tags,omitempty"`
	Paths      ordered[*ordered[*operation]] `json:"paths"`
	Components components                    `json:"components"`
	Unlisted   []unlisted                    `json:"x-unlisted,omitempty"`
}

type info struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Version     string `json:"version"`
}

type server struct {
	URL string `json:"url"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type operation struct {
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary,omitempty"`
	Description string                `json:"description,omitempty"`
	OperationID string                `json:"operationId"`
	Parameters  []*parameter          `json:"parameters,omitempty"`
	RequestBody *requestBody          `json:"requestBody,omitempty"`
	Responses   ordered[*response]    `json:"responses"`
	Deprecated  bool                  `json:"deprecated,omitempty"`
	Security    []map[string][]string `json:"security,omitempty"`
	RPC         string                `json:"x-rpc"`
}

type parameter struct {
	Ref          string              `json:"$ref,omitempty"`
	Name         string              `json:"name,omitempty"`
	In           string              `json:"in,omitempty"`
	Description  string              `json:"description,omitempty"`
	Required     bool                `json:"required,omitempty"`
	Deprecated   bool                `json:"deprecated,omitempty"`
	Style        string              `json:"style,omitempty"`
	Explode      bool                `json:"explode,omitempty"`
	Schema       *schema             `json:"schema,omitempty"`
	Content      ordered[*mediaType] `json:"content,omitzero"`
	MultiSegment bool                `json:"x-multi-segment,omitempty"`
}

type requestBody struct {
	Description string              `json:"description,omitempty"`
	Content     ordered[*mediaType] `json:"content"`
	Required    bool                `json:"required,omitempty"`
}

type response struct {
	Ref         string              `json:"$ref,omitempty"`
	Description string              `json:"description,omitempty"`
	Headers     ordered[*header]    `json:"headers,omitzero"`
	Content     ordered[*mediaType] `json:"content,omitzero"`
}

type header struct {
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema"`
}

type mediaType struct {
	Schema *schema `json:"schema"`
}

// components have maps where the order is that of the names.
type components struct {
	Schemas         map[string]*schema         `json:"schemas"`
	Responses       map[string]*response       `json:"responses"`
	Parameters      map[string]*parameter      `json:"parameters,omitempty"`
	SecuritySchemes map[string]*securityScheme `json:"securitySchemes,omitempty"`
}

type securityScheme struct {
	Type             string `json:"type"`
	Scheme           string `json:"scheme,omitempty"`
	BearerFormat     string `json:"bearerFormat,omitempty"`
	OpenIDConnectURL string `json:"openIdConnectUrl,omitempty"`
	Description      string `json:"description"`
}

// unlisted is a binding that OpenAPI has no place for.
type unlisted struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	RPC    string `json:"rpc"`
	Reason string `json:"reason"`
}

// ordered is a JSON object whose members keep the order in which they were set.
type ordered[V any] struct {
	keys   []string
	values map[string]V
}

// one returns an object with one member.
func one[V any](key string, value V) ordered[V] {
	var o ordered[V]
	o.set(key, value)
	return o
}

func (o *ordered[V]) set(key string, value V) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	if o.values == nil {
		o.values = map[string]V{}
	}
	o.values[key] = value
}

// IsZero is what omitzero asks.
func (o ordered[V]) IsZero() bool { return len(o.keys) == 0 }

// MarshalJSON returns the object.
func (o ordered[V]) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(key)
		if err != nil {
			return nil, err
		}
		value, err := encode(o.values[key])
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode returns the JSON of a value with <, > and & as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
