package rpc

import (
	"errors"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/codingflow/rating/proxy/jsonwire"
)

func TestMalformedNamesTheField(t *testing.T) {
	err := malformed(&jsonwire.Error{Field: "user.name", Offset: 7, Description: "is no string"})
	require.Equal(t, connect.CodeInvalidArgument, err.Code())
	require.Equal(t, "user.name: is no string at byte 7", err.Message())
	require.Len(t, err.Details(), 1)
	detail, valueErr := err.Details()[0].Value()
	require.NoError(t, valueErr)
	want := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "user.name", Description: "is no string"}}}
	require.Empty(t, cmp.Diff(want, detail, protocmp.Transform()))

	require.Empty(t, malformed(&jsonwire.Error{Description: "ends early"}).Details())
	require.Equal(t, "header X is not base64", malformed(errors.New("header X is not base64")).Message())
}

func TestConnectErrorIsUTF8(t *testing.T) {
	require.Equal(t, "a\uFFFD", connectError(status.New(codes.NotFound, "a\xff")).Message())
}
