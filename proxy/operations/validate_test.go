package operations_test

import (
	"strings"
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/operations"
)

// What is checked by hand are the constraints of the proto.
func TestTheConstraintsOfTheProtoAreChecked(t *testing.T) {
	for _, test := range []struct {
		request proto.Message
		want    string // "" where there is nothing wrong
	}{
		{&operationsv1.ListOperationsRequest{}, ""},
		{&operationsv1.ListOperationsRequest{PageSize: 1000, PageToken: strings.Repeat("é", 64)}, ""},
		{&operationsv1.ListOperationsRequest{PageSize: -1}, "page_size: must be greater than or equal to 0"},
		{&operationsv1.ListOperationsRequest{PageToken: strings.Repeat("1", 65)}, "page_token: must be at most 64 characters"},
		{&operationsv1.GetOperationRequest{Name: "operations/a"}, ""},
		{&operationsv1.GetOperationRequest{Name: "operations/\n"}, ""},
		{&operationsv1.GetOperationRequest{}, "name: does not match regex pattern `^operations/[^/]+$`"},
		{&operationsv1.GetOperationRequest{Name: "operations/a/b"}, "name: does not match regex pattern `^operations/[^/]+$`"},
		{&operationsv1.GetOperationRequest{Name: "users/a"}, "name: does not match regex pattern `^operations/[^/]+$`"},
		{&operationsv1.WaitOperationRequest{Name: "operations/a", Timeout: durationpb.New(time.Hour)}, ""},
		{&operationsv1.WaitOperationRequest{Name: "operations/a", Timeout: &durationpb.Duration{}}, ""},
		{&operationsv1.WaitOperationRequest{Name: "operations"}, "name: does not match regex pattern `^operations/[^/]+$`"},
		{&operationsv1.WaitOperationRequest{Name: "operations/a", Timeout: durationpb.New(-1)}, "timeout: must be greater than or equal to 0s"},
	} {
		stated := protovalidate.Validate(test.request)
		err := operations.Validate(test.request)
		if test.want == "" {
			require.NoError(t, stated)
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, stated, "validation error: "+test.want)
		require.EqualError(t, err, "rpc error: code = InvalidArgument desc = "+test.want)
	}
}
