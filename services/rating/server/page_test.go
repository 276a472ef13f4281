package server_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

const badToken = "is not a token that this method gave for the same query"

func TestPagesCoverTheList(t *testing.T) {
	a := newAPI(t)
	var want, got []string
	for i := range 7 {
		want = append(want, a.user(t, fmt.Sprint("Same ", i)).GetName())
		a.user(t, "Other")
	}
	req := &ratingv1.ListUsersRequest{PageSize: 3, DisplayNamePrefix: "sAME"}
	for pages := 1; ; pages++ {
		page, err := a.ListUsers(t.Context(), req)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.GetUsers()), int(req.GetPageSize()))
		for _, user := range page.GetUsers() {
			got = append(got, user.GetName())
		}
		if page.GetNextPageToken() == "" {
			require.Equal(t, 4, pages, "3, 2 and 2 of a changed page size, and no empty last page")
			break
		}
		req.PageToken = page.GetNextPageToken()
		req.PageSize = 2
		if len(got) == 5 {
			req.PageSize = 1
		}
	}
	require.Equal(t, want, got)
}

func TestPageOfDefaultSize(t *testing.T) {
	a := newAPI(t)
	service := a.service(t, "Café").GetName()
	batch := &ratingv1.BatchCreateRatingsRequest{}
	for range 51 {
		batch.Requests = append(batch.Requests, &ratingv1.CreateRatingRequest{Rating: newRating(a.user(t, "Ada").GetName(), service, 1)})
	}
	_, err := a.BatchCreateRatings(t.Context(), batch)
	require.NoError(t, err)
	page, err := a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{Service: service})
	require.NoError(t, err)
	require.Len(t, page.GetRatings(), 50)
	page, err = a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{Service: service, PageToken: page.GetNextPageToken()})
	require.NoError(t, err)
	require.Len(t, page.GetRatings(), 1)
	require.Empty(t, page.GetNextPageToken())
}

func TestEmptyListHasNoNextPage(t *testing.T) {
	page, err := newAPI(t).ListServices(t.Context(), &ratingv1.ListServicesRequest{})
	require.NoError(t, err)
	requireEqual(t, &ratingv1.ListServicesResponse{}, page)
}

func TestLargePagesEndEarly(t *testing.T) {
	a := newAPI(t)
	const count = 200
	for range count {
		_, err := a.CreateService(t.Context(), &ratingv1.CreateServiceRequest{
			Service: &ratingv1.Service{DisplayName: "Café", Description: strings.Repeat("漢", 2000)},
		})
		require.NoError(t, err)
	}
	seen := 0
	for req := (&ratingv1.ListServicesRequest{PageSize: 1000}); ; {
		page, err := a.ListServices(t.Context(), req)
		require.NoError(t, err)
		require.LessOrEqual(t, proto.Size(page), 520<<10)
		seen += len(page.GetServices())
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	require.Equal(t, count, seen)
}

func TestPageTokensAreForTheirQuery(t *testing.T) {
	a := newAPI(t)
	for range 3 {
		a.user(t, "Ada")
		a.service(t, "Ada")
	}
	first, err := a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageSize: 1})
	require.NoError(t, err)
	token := first.GetNextPageToken()
	_, err = a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageToken: token})
	require.NoError(t, err)

	_, err = a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageToken: token, DisplayNamePrefix: "A"})
	requireInvalid(t, err, "page_token", badToken)
	_, err = a.ListServices(t.Context(), &ratingv1.ListServicesRequest{PageToken: token})
	requireInvalid(t, err, "page_token", badToken)

	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	for i := range raw {
		damaged := append([]byte(nil), raw...)
		damaged[i] ^= 1
		_, err = a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageToken: base64.RawURLEncoding.EncodeToString(damaged)})
		requireInvalid(t, err, "page_token", badToken)
	}
	for _, damaged := range []string{"x", "!", token[:len(token)-1], token + "A", token + "=", token + "\n", " " + token} {
		_, err = a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageToken: damaged})
		requireInvalid(t, err, "page_token", badToken)
	}
}
