//go:build integration

package webapp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/telemetry"
	"github.com/codingflow/rating/telemetry/otlptest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
	"github.com/codingflow/rating/tools/dev/webapp"
)

// A person's act is one trace: from the browser, which begins it, through the proxy, the queue and the service to PostgreSQL. The
// log and the metrics have its id.
func TestOneTraceFromTheBrowserToPostgreSQL(t *testing.T) {
	root := built(t)
	collector, log := otlptest.New(t), &otlptest.Log{}
	s, _ := stacktest.Start(t, stack.Config{
		Data: t.TempDir(), Database: postgrestest.NewServer(t).URL("postgres"), Logger: log.Logger(), AdminListen: "127.0.0.1:0",
		Traces: telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 1},
		UI:     webapp.UI(webapp.UIConfig{Assets: os.DirFS(webapp.Output(root))}),
	})
	var act struct{ Trace, Span string }
	told := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&act); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer told.Close()
	browse(t, root, "trace", "WEB_ORIGIN=http://"+s.Addr().String(), "WEB_TRACE="+told.URL)

	// The page reads anew what the rating changes, which is of the same act.
	others := regexp.MustCompile(`(?m)^proxy SERVER GET /api/.*\n(  .*\n)*`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, `proxy SERVER POST /api/ratings
  proxy CLIENT rating.v1.RatingService/CreateRating
    rating SERVER rating.v1.RatingService/CreateRating
      rating CLIENT BEGIN
      rating CLIENT INSERT requests
      rating CLIENT BATCH SELECT users; SELECT services; INSERT ratings
      rating CLIENT UPDATE requests
      rating CLIENT COMMIT
`, others.ReplaceAllString(collector.Tree(act.Trace, act.Span), ""))
	}, startTimeout, 10*time.Millisecond)
	for _, span := range collector.Trace(act.Trace) {
		attributes := span.Attributes()
		if span.Service == "rating" && attributes["db.query.summary"] != "" {
			require.Equal(t, "postgresql", attributes["db.system.name"])
			require.Equal(t, "127.0.0.1", attributes["server.address"])
		}
		for key, value := range attributes {
			require.NotContains(t, value, "Between us", "%s of %s", key, span)
		}
	}
	require.True(t, slices.Contains(log.Messages(act.Trace), "request rating.v1.RatingService.CreateRating"), log.Messages(act.Trace))

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.AdminAddr().String()+"/metrics", nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "application/openmetrics-text")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Regexp(t, `http_server_request_duration_seconds_bucket{[^}]*http_request_method="POST"[^}]*http_route="/api/ratings"[^}]*} \d+ # {[^}]*trace_id="`+act.Trace+`"`, string(metrics))
}
