package operations

import (
	"regexp"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/transcode"
)

// maxPageToken is in the proto, in characters.
const maxPageToken = 64

// isName is the pattern of names in the proto.
var isName = regexp.MustCompile(`^operations/[^/]+$`)

// validate checks the constraints that the proto states of a request. It does so by hand: protovalidate would be most of
// what the proxy links.
func validate(request any) error {
	switch r := request.(type) {
	case *operationsv1.ListOperationsRequest:
		if r.GetPageSize() < 0 {
			return invalid("page_size", "must be greater than or equal to 0")
		}
		if len([]rune(r.GetPageToken())) > maxPageToken {
			return invalid("page_token", "must be at most 64 characters")
		}
	case *operationsv1.GetOperationRequest:
		return validateName(r.GetName())
	case *operationsv1.WaitOperationRequest:
		if err := validateName(r.GetName()); err != nil {
			return err
		}
		if r.GetTimeout().AsDuration() < 0 {
			return invalid("timeout", "must be greater than or equal to 0s")
		}
	}
	return nil
}

func validateName(name string) error {
	if !isName.MatchString(name) {
		return invalid("name", "does not match regex pattern `"+isName.String()+"`")
	}
	return nil
}

// invalid is the INVALID_ARGUMENT of a field.
func invalid(field, description string) error {
	return transcode.InvalidArgument(field+": "+description, field, description).Err()
}
