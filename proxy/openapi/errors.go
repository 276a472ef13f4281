package openapi

import (
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// errorResponse is the name of the response that every operation has for errors, and errorSchema and problemSchema are those
// of its bodies.
const (
	errorResponse = "Error"
	errorSchema   = "Error"
	problemSchema = "Problem"
)

// errorText documents what package transcode answers; see there.
const errorText = `The call has failed. The body is an error in the JSON shape of AIP-193, or a problem (RFC 9457) where the Accept header
likes application/problem+json better.

| Status | Code |
|---|---|
| 400 | ` + "`INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`" + ` |
| 401 | ` + "`UNAUTHENTICATED`" + ` |
| 403 | ` + "`PERMISSION_DENIED`" + ` |
| 404 | ` + "`NOT_FOUND`" + ` |
| 405 | ` + "`UNIMPLEMENTED`" + `: the path has other methods, which Allow names |
| 408 | ` + "`DEADLINE_EXCEEDED`" + `: the body took too long |
| 409 | ` + "`ALREADY_EXISTS`, `ABORTED`" + ` |
| 413 | ` + "`RESOURCE_EXHAUSTED`" + `: the body is too large |
| 415 | ` + "`INVALID_ARGUMENT`" + `: the body has another media type than those that Accept names |
| 429 | ` + "`RESOURCE_EXHAUSTED`" + `: try again after Retry-After |
| 499 | ` + "`CANCELLED`" + ` |
| 500 | ` + "`UNKNOWN`, `INTERNAL`, `DATA_LOSS`" + ` |
| 501 | ` + "`UNIMPLEMENTED`" + ` |
| 503 | ` + "`UNAVAILABLE`" + `: try again after Retry-After |
| 504 | ` + "`DEADLINE_EXCEEDED`" + ` |`

func newErrorResponse() *response {
	answer := &response{
		Description: errorText,
		Headers: one("Retry-After", &header{
			Description: "How many seconds to wait before the next try, with 429 and 503.",
			Schema:      &schema{Type: "integer", Minimum: 0},
		}),
		Content: one(contentTypeJSON, &mediaType{Schema: &schema{Ref: schemaPrefix + errorSchema}}),
	}
	answer.Content.set(contentTypeProblem, &mediaType{Schema: &schema{Ref: schemaPrefix + problemSchema}})
	return answer
}

// property is a member of an object, in the order in which it is written.
type property struct {
	name, text string
	schema     *schema
}

func objectOf(text string, required []string, properties ...property) *schema {
	object := &schema{Type: "object", Description: text, Required: required}
	for _, p := range properties {
		p.schema.Description = p.text
		object.Properties.set(p.name, p.schema)
	}
	return object
}

// codeName returns the schema of the name of a code other than OK.
func codeName() *schema {
	s := text()
	for values, i := code.Code_OK.Descriptor().Values(), 1; i < values.Len(); i++ {
		s.Enum = append(s.Enum, string(values.Get(i).Name()))
	}
	return s
}

func text() *schema { return &schema{Type: "string"} }

// detailTypes are the messages of google.rpc that clients act upon when they find them in an error's details.
var detailTypes = []proto.Message{
	&errdetails.BadRequest{}, &errdetails.ErrorInfo{}, &errdetails.RetryInfo{}, &errdetails.LocalizedMessage{}, &errdetails.Help{},
}

// knownDetails returns the schema of details, with the fields of those of detailTypes. Fields that are not set are not
// written in details.
func (s *schemas) knownDetails() *schema {
	all := details()
	var known []*schema
	for _, message := range detailTypes {
		descriptor := message.ProtoReflect().Descriptor()
		tagged := objectOf("", []string{"@type"}, property{"@type", "", &schema{Const: "type.googleapis.com/" + string(descriptor.FullName())}})
		known = append(known, &schema{AllOf: []*schema{tagged, s.message(descriptor, input)}})
	}
	all.Items = &schema{AnyOf: append(known, all.Items)}
	return all
}

func details() *schema {
	return arrayOf(objectOf("", []string{"@type"}, property{"@type", "The type of the message whose fields the object has.", text()}))
}

// newError returns the schema of an error in the shape of AIP-193.
func (s *schemas) newError() *schema {
	return objectOf("An error in the JSON shape of AIP-193.", []string{"error"}, property{"error", "", objectOf(
		"", []string{"code", "message", "status"},
		property{"code", "The HTTP status.", &schema{Type: "integer", Format: "int32"}},
		property{"message", "What is wrong, for developers.", text()},
		property{"status", "The name of the code, such as `NOT_FOUND`.", codeName()},
		property{"details", "More about the error, such as a `google.rpc.BadRequest` that names the fields at fault.", s.knownDetails()},
	)})
}

// newProblemSchema returns the schema of a problem of RFC 9457.
func newProblemSchema() *schema {
	return objectOf("An error as a problem (RFC 9457).", []string{"type", "title", "status", "code"},
		property{"type", "Always `about:blank`: the problem is what its status says.", text()},
		property{"title", "The phrase of the status.", text()},
		property{"status", "The HTTP status.", &schema{Type: "integer", Format: "int32"}},
		property{"detail", "What is wrong, for developers.", text()},
		property{"code", "The name of the code, such as `NOT_FOUND`.", codeName()},
		property{"reason", "What tells errors with the same code apart, within the domain.", text()},
		property{"domain", "Who gave the reason.", text()},
		property{"metadata", "More about the reason.", &schema{Type: "object", AdditionalProperties: text()}},
		property{"errors", "The fields at fault.", arrayOf(objectOf("", nil,
			property{"field", "The path of the field from the request message, by proto names.", text()},
			property{"detail", "What is wrong with it.", text()},
			property{"reason", "The reason, such as `FIELD_REQUIRED`.", text()},
			property{"localizedMessage", "What is wrong with it, for users.", objectOf("", []string{"locale", "message"},
				property{"locale", "The language, such as `en-US`.", text()},
				property{"message", "The text.", text()},
			)},
		))},
		property{"links", "Where to read about the error.", arrayOf(objectOf("", []string{"url"},
			property{"description", "What is there.", text()},
			property{"url", "The address.", &schema{Type: "string", Format: "uri"}},
		))},
		property{"details", "All else about the error, as in the shape of AIP-193.", details()},
	)
}
