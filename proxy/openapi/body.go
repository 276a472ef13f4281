package openapi

import (
	"net/http"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
)

const (
	contentTypeJSON    = "application/json"
	contentTypeProblem = "application/problem+json"
	contentTypeNDJSON  = "application/x-ndjson"
	contentTypeEvents  = "text/event-stream"
	// anyContentType is that of a google.api.HttpBody, which names its own.
	anyContentType = "*/*"
)

// request returns the body of a binding's requests, nil if they have none.
func (s *schemas) request(b *transcode.Binding) *requestBody {
	var (
		body     *schema
		required bool
		text     string
	)
	request := b.Method.Input()
	switch {
	case b.BodyField != nil:
		if isHTTPBody(b.BodyField) {
			return &requestBody{Description: commentOf(b.BodyField), Content: anyBody(), Required: isRequired(b.BodyField, optionsOf(b.BodyField))}
		}
		use := input
		if b.Mask != nil {
			use = patch
		}
		body, required = s.field(b.BodyField, use)
		text, body.Description = body.Description, ""
		body.ReadOnly, body.WriteOnly = false, false
	case b.BodyAll:
		if isHTTPBodyMessage(request) {
			return &requestBody{Content: anyBody()}
		}
		if bound := boundFields(b); len(bound) > 0 {
			body = s.object(request, input, bound)
			text, body.Description = body.Description, ""
		} else {
			body = s.message(request, input)
		}
		required = demands(request)
	default:
		return nil
	}
	content := one(contentTypeJSON, &mediaType{Schema: body})
	if b.Method.IsStreamingClient() {
		content = one(contentTypeNDJSON, &mediaType{Schema: body})
		text = paragraphs(text, "A line for each message, which the schema describes.")
	}
	return &requestBody{Description: text, Content: content, Required: required}
}

// boundFields returns the fields of the request that the path binds as they are, so that bodies need not have them.
func boundFields(b *transcode.Binding) []protoreflect.FieldDescriptor {
	var bound []protoreflect.FieldDescriptor
	for _, v := range b.Variables {
		if len(v) == 1 {
			bound = append(bound, v[0])
		}
	}
	return bound
}

// response returns the answer of a binding to a call that went well.
func (s *schemas) response(b *transcode.Binding) *response {
	message := b.Method.Output()
	var one *schema
	switch {
	case b.ResponseField != nil && isHTTPBody(b.ResponseField), b.ResponseField == nil && isHTTPBodyMessage(message):
		text := "The content, of the type that the Content-Type header names."
		if b.Method.IsStreamingServer() {
			text = "The content, as it comes, of the type that the Content-Type header names."
		}
		return &response{Description: text, Content: anyBody()}
	case b.ResponseField != nil:
		one, _ = s.field(b.ResponseField, output)
		one.ReadOnly, one.WriteOnly = false, false
	default:
		one = s.message(message, output)
	}
	answer := &response{Description: http.StatusText(http.StatusOK)}
	if !b.Method.IsStreamingServer() {
		answer.Content.set(contentTypeJSON, &mediaType{Schema: one})
		return answer
	}
	answer.Description = "The messages as they come, by the Accept header: a JSON array, a line for each (the schema is a line's), " +
		"or Server-Sent Events, each with a message as data and an event of the type `end` behind them. " +
		"An error is the last element, the last line, or an event of the type `error`."
	answer.Content.set(contentTypeJSON, &mediaType{Schema: arrayOf(one)})
	answer.Content.set(contentTypeNDJSON, &mediaType{Schema: one})
	answer.Content.set(contentTypeEvents, &mediaType{Schema: &schema{Type: "string"}})
	return answer
}

func anyBody() ordered[*mediaType] {
	return one(anyContentType, &mediaType{Schema: &schema{ContentMediaType: "application/octet-stream"}})
}

func isHTTPBody(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && !field.IsMap() && field.Message() != nil && isHTTPBodyMessage(field.Message())
}

func isHTTPBodyMessage(message protoreflect.MessageDescriptor) bool {
	return message.FullName() == "google.api.HttpBody"
}
