package main

import (
	"context"
	"strings"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/stretchr/testify/require"
)

// broken is a user service with a bug.
type broken struct {
	ratingv1.UnimplementedUserServiceServer
}

// CreateUser panics.
func (broken) CreateUser(context.Context, *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	panic("a bug")
}

func TestDeadLettersAreShownToAPerson(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	srv, err := natsgrpc.NewServer(nc)
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(srv, broken{})
	natsgrpctest.Serve(t, srv)
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = ratingv1.NewUserServiceClient(conn).CreateUser(t.Context(), &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
	require.Error(t, err)

	c := &deadCommand{NATS: natsdial.Config{URL: nc.ConnectedUrl()}}
	var id string
	require.NoError(t, c.with(t.Context(), func(ctx context.Context, letters *natsgrpc.DeadLetters) error {
		var list, one strings.Builder
		require.NoError(t, listDead(ctx, letters, &list))
		require.Regexp(t, `^ID +METHOD +ATTEMPTS +GIVEN UP\n(\S+)  rating\.v1\.UserService/CreateUser  5         \d{4}-\S+Z\n$`, list.String())
		id = strings.Fields(list.String())[5]
		letter, err := letters.Get(ctx, id)
		require.NoError(t, err)
		require.NoError(t, showDead(letter, &one))
		require.Regexp(t, `(?s)^id        \S+\nmethod    rating\.v1\.UserService/CreateUser\nattempts  5\ngiven up  .*\nrequest   .*"displayName": ?"Ada"`, one.String())
		return nil
	}))
	require.NoError(t, (&deadDropCommand{ID: id}).Run(t.Context(), c))
	require.ErrorIs(t, (&deadReplayCommand{ID: id}).Run(t.Context(), c), natsgrpc.ErrNoDeadLetter)
	require.ErrorContains(t, (&deadListCommand{}).Run(t.Context(), &deadCommand{NATS: natsdial.Config{URL: "nats://u:secret@127.0.0.1:1"}}), "cannot reach NATS at nats://u:xxxxx@127.0.0.1:1")
}
