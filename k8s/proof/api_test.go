//go:build cluster

package proof_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// A user, a service and a rating are created through the proxy's Service, read, listed, changed and deleted.
func TestTheAPIAnswers(t *testing.T) {
	for name, overHTTP2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, name, api(t), overHTTP2)
			call := func(method, path, body string, into proto.Message) {
				t.Helper()
				status, answer, err := c.send(t.Context(), method, c.base+path, "", body)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, status, "%s %s: %s", method, path, answer)
				require.NoError(t, protojson.Unmarshal([]byte(answer), into))
			}
			user, service, rating := new(ratingv1.User), new(ratingv1.Service), new(ratingv1.Rating)
			call(http.MethodPost, "/users", `{"displayName": "Ada"}`, user)
			require.Equal(t, "Ada", user.GetDisplayName())
			call(http.MethodPost, "/services", `{"displayName": "Café"}`, service)
			call(http.MethodPost, "/ratings", `{"user": "`+user.GetName()+`", "service": "`+service.GetName()+`", "score": 4}`, rating)

			got := new(ratingv1.Service)
			call(http.MethodGet, "/"+service.GetName(), "", got)
			require.InDelta(t, 4, got.GetAverageScore(), 0)
			require.EqualValues(t, 1, got.GetRatingCount())
			list := new(ratingv1.ListRatingsResponse)
			call(http.MethodGet, "/ratings?service="+service.GetName(), "", list)
			require.Len(t, list.GetRatings(), 1)
			require.Equal(t, rating.GetName(), list.GetRatings()[0].GetName())
			call(http.MethodPatch, "/"+rating.GetName(), `{"score": 2}`, rating)
			summary := new(ratingv1.RatingSummary)
			call(http.MethodGet, "/"+service.GetName()+"/ratingSummary", "", summary)
			require.InDelta(t, 2, summary.GetAverageScore(), 0)

			for _, resource := range []string{rating.GetName(), service.GetName(), user.GetName()} {
				status, answer, err := c.send(t.Context(), http.MethodDelete, c.base+"/"+resource, "", "")
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, status, answer)
			}
			status, answer, err := c.send(t.Context(), http.MethodGet, c.base+"/"+rating.GetName(), "", "")
			require.NoError(t, err)
			require.Equal(t, http.StatusNotFound, status, answer)
		})
	}
}
