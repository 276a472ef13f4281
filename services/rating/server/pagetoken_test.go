package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// Whatever a client sends, it is one of the tokens that were given, or it is refused.
func FuzzParsePageToken(f *testing.F) {
	query := &ratingv1.ListUsersRequest{DisplayNamePrefix: "a"}
	token, err := newPageToken(query, "users/1")
	require.NoError(f, err)
	for _, seed := range []string{token, "", "AQ", token[:20], token + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		name, err := parsePageToken(&ratingv1.ListUsersRequest{DisplayNamePrefix: "a", PageToken: sent})
		switch {
		case err != nil:
			require.Equal(t, errPageToken, err)
		case sent != "":
			again, err := newPageToken(query, name)
			require.NoError(t, err)
			require.Equal(t, again, sent)
		}
	})
}
