package once_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/codingflow/rating/natsgrpc/once"
)

// The digests are in databases: they stay as they are.
func TestNewRequest(t *testing.T) {
	for _, test := range []struct {
		msg    proto.Message
		digest string
	}{
		{wrapperspb.String("a"), "f7b9c0feaa3c2401716d5f526aea27142d0e0d5529c369e268ae27c398268853"},
		{wrapperspb.String("b"), "f4275d7022c6be176301080bdeaae2b07b832b71d24fcf1a88095afc9aae7c27"},
		{wrapperspb.Bytes([]byte("a")), "ab3f2a8fc4713d284e426ed870ff6ebcb17b712dfb19141d8e509dc520410c9d"}, // the same bytes, another method
		{&wrapperspb.StringValue{}, "84758bcf1122c90fb65f04ddd8718081c96a77e81cfc305cf071c9323f54d26d"},
	} {
		req, err := once.NewRequest("id", test.msg)
		require.NoError(t, err)
		require.Equal(t, "id", req.ID)
		require.Equal(t, test.digest, hex.EncodeToString(req.Digest[:]), "%v", test.msg)
	}
	_, err := once.NewRequest("id", wrapperspb.String("\xff"))
	require.EqualError(t, err, "once: encode request: string field contains invalid UTF-8")
}

func TestHandle(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	handle := func(msg string, answer *wrapperspb.StringValue, err error) (*wrapperspb.StringValue, error) {
		return once.Handle(t.Context(), requests, db, "a", wrapperspb.String(msg),
			func(context.Context, *sql.Tx) (*wrapperspb.StringValue, error) { return answer, err })
	}
	_, err := handle("request", nil, errTest)
	require.Equal(t, errTest, err)
	_, err = handle("request", wrapperspb.String("\xff"), nil)
	require.EqualError(t, err, "once: encode answer: string field contains invalid UTF-8")
	_, err = handle("\xff", nil, nil)
	require.EqualError(t, err, "once: encode request: string field contains invalid UTF-8")
	for _, answer := range []string{"first", "second"} {
		got, err := handle("request", wrapperspb.String(answer), nil)
		require.NoError(t, err)
		require.Equal(t, "first", got.GetValue())
	}
	_, err = handle("another", wrapperspb.String("answer"), nil)
	require.ErrorIs(t, err, once.ErrReused)
}
