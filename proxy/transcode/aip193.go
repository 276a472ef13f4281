package transcode

import (
	"encoding/json"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"
)

// contentTypeJSON is the media type of answers, and of errors in the shape of AIP-193.
const contentTypeJSON = "application/json"

// errorBody is an error in the JSON shape of AIP-193.
type errorBody struct {
	Error errorStatus `json:"error"`
}

type errorStatus struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Status  string            `json:"status"`
	Details []json.RawMessage `json:"details,omitempty"`
}

func newErrorBody(httpStatus int, st *status.Status, types Types) errorBody {
	body := errorStatus{Code: httpStatus, Message: st.Message(), Status: code.Code(st.Code()).String()}
	for _, detail := range st.Proto().GetDetails() {
		if data, ok := detailJSON(detail, types); ok {
			body.Details = append(body.Details, data)
		}
	}
	return errorBody{Error: body}
}
