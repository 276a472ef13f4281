package openapi

import "cloud.google.com/go/longrunning/autogen/longrunningpb"

// acceptedResponse is the name of the response of calls whose answers are fetched later.
const acceptedResponse = "Accepted"

const acceptedText = "The call goes on by itself, since the client prefers `respond-async`. The operation is done when it has a `response`, which is what " +
	"the status 200 would have had, or an `error`."

// accepted returns the response of a call that goes on as an operation.
func (b *builder) accepted() *response {
	if b.document.Components.Responses[acceptedResponse] == nil {
		answer := &response{Description: acceptedText, Content: one(contentTypeJSON, &mediaType{
			Schema: b.schemas.message((&longrunningpb.Operation{}).ProtoReflect().Descriptor(), output),
		})}
		answer.Headers.set("Location", &header{
			Description: "The path at which to ask for the operation.", Schema: &schema{Type: "string", Format: "uri-reference"},
		})
		answer.Headers.set("Preference-Applied", &header{Description: "Which preferences were heeded.", Schema: text()})
		answer.Headers.set("Retry-After", &header{
			Description: "How many seconds to wait before asking there first.", Schema: &schema{Type: "integer", Minimum: 1},
		})
		b.document.Components.Responses[acceptedResponse] = answer
	}
	return &response{Ref: responsePrefix + acceptedResponse}
}
