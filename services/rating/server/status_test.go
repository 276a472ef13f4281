package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/services/rating/store"
)

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		err     error
		code    codes.Code
		message string
		logged  string
	}{
		{&store.ResourceError{Name: "users/1", Err: store.ErrNotFound}, codes.NotFound, "users/1: not found", ""},
		{fmt.Errorf("requests[2]: %w", fmt.Errorf("users/1 %w", errNotOwner)), codes.PermissionDenied, "requests[2]: users/1 is not the caller's", ""},
		{fmt.Errorf("get users/1: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "get users/1: context deadline exceeded", ""},
		{fmt.Errorf("get users/1: %w", context.Canceled), codes.Canceled, "get users/1: context canceled", ""},
		{fmt.Errorf("begin: %w: secret", store.ErrBusy), codes.Unavailable, "the database is busy", `error="begin: the database is busy: secret"`},
		{fmt.Errorf("begin: %w: secret", store.ErrUnavailable), codes.Unavailable, "the database is unavailable", `error="begin: the database is unavailable: secret"`},
		{errors.New("secret"), codes.Internal, "internal error", "error=secret"},
		{invalidError{fieldViolation("user", "is bad")}, codes.InvalidArgument, "user: is bad", ""},
	} {
		var log strings.Builder
		s := &Server{logger: slog.New(slog.NewTextHandler(&log, nil))}
		st := status.Convert(s.status(t.Context(), test.err))
		require.Equal(t, test.code, st.Code())
		require.Equal(t, test.message, st.Message())
		if test.logged == "" {
			require.Empty(t, log.String())
		}
		require.Contains(t, log.String(), test.logged)
	}
}
