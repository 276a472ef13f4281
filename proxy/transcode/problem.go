package transcode

import (
	"encoding/json"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// contentTypeProblem is the media type of errors in the shape of RFC 9457.
const contentTypeProblem = "application/problem+json"

// problem is an error in the shape of RFC 9457. Its type says that there is nothing to read about it but its HTTP status:
// what tells errors apart is the reason in its domain, of which no URI is made, since nobody would answer there. There is
// no instance: the request's id is in a header, and is no URI either.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is the name of the gRPC code.
	Code string `json:"code"`
	// Those of the google.rpc.ErrorInfo.
	Reason   string            `json:"reason,omitempty"`
	Domain   string            `json:"domain,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	// Errors are the violations of a google.rpc.BadRequest, Links those of a google.rpc.Help.
	Errors []problemError `json:"errors,omitempty"`
	Links  []problemLink  `json:"links,omitempty"`
	// Details are all other details, as in the shape of AIP-193.
	Details []json.RawMessage `json:"details,omitempty"`
}

type problemError struct {
	Field     string            `json:"field,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Localized *problemLocalized `json:"localizedMessage,omitempty"`
}

type problemLocalized struct {
	Locale  string `json:"locale"`
	Message string `json:"message"`
}

type problemLink struct {
	Description string `json:"description,omitempty"`
	URL         string `json:"url"`
}

func newProblem(httpStatus int, st *status.Status, types Types) problem {
	p := problem{
		Type:   "about:blank",
		Title:  statusTitle(httpStatus),
		Status: httpStatus,
		Detail: st.Message(),
		Code:   code.Code(st.Code()).String(),
	}
	for _, detail := range st.Proto().GetDetails() {
		if p.take(detail) {
			continue
		}
		if data, ok := detailJSON(detail, types); ok {
			p.Details = append(p.Details, data)
		}
	}
	return p
}

// take makes members of a detail and reports whether it has any. By AIP-193 a type is there once; of another ErrorInfo
// nothing is made.
func (p *problem) take(detail *anypb.Any) bool {
	known, _ := detail.UnmarshalNew() // nil for a type that is not linked in
	switch known := known.(type) {
	case *errdetails.ErrorInfo:
		if p.Reason != "" {
			return false
		}
		p.Reason, p.Domain, p.Metadata = known.GetReason(), known.GetDomain(), known.GetMetadata()
	case *errdetails.BadRequest:
		for _, violation := range known.GetFieldViolations() {
			p.Errors = append(p.Errors, newProblemError(violation))
		}
	case *errdetails.Help:
		for _, link := range known.GetLinks() {
			p.Links = append(p.Links, problemLink{Description: link.GetDescription(), URL: link.GetUrl()})
		}
	default:
		return false
	}
	return true
}

func newProblemError(violation *errdetails.BadRequest_FieldViolation) problemError {
	e := problemError{Field: violation.GetField(), Detail: violation.GetDescription(), Reason: violation.GetReason()}
	if localized := violation.GetLocalizedMessage(); localized != nil {
		e.Localized = &problemLocalized{Locale: localized.GetLocale(), Message: localized.GetMessage()}
	}
	return e
}
