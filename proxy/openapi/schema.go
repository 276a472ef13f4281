package openapi

// schema is a schema of JSON Schema 2020-12, with the keywords that are used here.
type schema struct {
	Ref                  string           `json:"$ref,omitempty"`
	Type                 any              `json:"type,omitempty"` // a name, or several
	Description          string           `json:"description,omitempty"`
	Format               string           `json:"format,omitempty"`
	Pattern              string           `json:"pattern,omitempty"`
	ContentEncoding      string           `json:"contentEncoding,omitempty"`
	ContentMediaType     string           `json:"contentMediaType,omitempty"`
	Const                any              `json:"const,omitempty"`
	Enum                 []any            `json:"enum,omitempty"`
	Minimum              any              `json:"minimum,omitempty"`
	Maximum              any              `json:"maximum,omitempty"`
	ExclusiveMinimum     any              `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     any              `json:"exclusiveMaximum,omitempty"`
	MinLength            *uint64          `json:"minLength,omitempty"`
	MaxLength            *uint64          `json:"maxLength,omitempty"`
	MinItems             *uint64          `json:"minItems,omitempty"`
	MaxItems             *uint64          `json:"maxItems,omitempty"`
	UniqueItems          bool             `json:"uniqueItems,omitempty"`
	MinProperties        *uint64          `json:"minProperties,omitempty"`
	MaxProperties        *uint64          `json:"maxProperties,omitempty"`
	Properties           ordered[*schema] `json:"properties,omitzero"`
	Required             []string         `json:"required,omitempty"`
	PropertyNames        *schema          `json:"propertyNames,omitempty"`
	AdditionalProperties *schema          `json:"additionalProperties,omitempty"`
	Items                *schema          `json:"items,omitempty"`
	AllOf                []*schema        `json:"allOf,omitempty"`
	AnyOf                []*schema        `json:"anyOf,omitempty"`
	OneOf                []*schema        `json:"oneOf,omitempty"`
	Not                  *schema          `json:"not,omitempty"`
	Examples             []any            `json:"examples,omitempty"`
	ReadOnly             bool             `json:"readOnly,omitempty"`
	WriteOnly            bool             `json:"writeOnly,omitempty"`
	Deprecated           bool             `json:"deprecated,omitempty"`
}

const (
	schemaPrefix    = "#/components/schemas/"
	responsePrefix  = "#/components/responses/"
	parameterPrefix = "#/components/parameters/"
)

func arrayOf(items *schema) *schema { return &schema{Type: "array", Items: items} }

// describe appends a paragraph to the description.
func (s *schema) describe(text string) { s.Description = paragraphs(s.Description, text) }
