//go:build integration

package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
)

// The statements of a call are spans below the one of its context, a batch of them is one, and none has a value.
func TestStatementsAreSpans(t *testing.T) {
	url := postgrestest.NewDatabase(t)
	exporter := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	st := open(t, url, postgres.WithTracerProvider(tracers))
	ctx, request := tracers.Tracer("test").Start(t.Context(), "a request")
	var user *ratingv1.User
	service := createServices(t, st, 1)[0]
	require.Empty(t, exporter.GetSpans(), "no request waits for what opens the store")
	_, err := st.Do(ctx, once.Request{ID: "a key"}, func(ctx context.Context, tx store.Tx) (_ []byte, err error) {
		if user, err = tx.CreateUser(ctx, newUser("Ada"), ""); err != nil {
			return nil, err
		}
		_, err = tx.CreateRating(ctx, newRating(user.GetName(), service))
		return nil, err
	})
	require.NoError(t, err)
	_, err = st.GetUser(ctx, user.GetName())
	require.NoError(t, err)
	_, err = st.GetUser(ctx, "users/00000000-0000-7000-8000-000000000000")
	require.ErrorIs(t, err, store.ErrNotFound)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "ALTER TABLE users RENAME TO people")
	require.NoError(t, err)
	_, err = st.GetUser(ctx, user.GetName())
	require.Error(t, err)

	var names []string
	var failed tracetest.SpanStub
	for _, span := range exporter.GetSpans() {
		if span.SpanKind != trace.SpanKindClient { // a long wait for a connection
			continue
		}
		names = append(names, span.Name)
		require.Equal(t, request.SpanContext().SpanID(), span.Parent.SpanID(), span.Name)
		text := fmt.Sprint(span.Attributes, span.Status, span.Events)
		for _, value := range []string{user.GetDisplayName(), "a key", strings.TrimPrefix(user.GetName(), "users/")} {
			require.NotContains(t, text, value, span.Name)
		}
		failed = span
	}
	require.Equal(t, []string{
		"BEGIN", "INSERT requests", "INSERT users", "BATCH SELECT users; SELECT services; INSERT ratings", "UPDATE requests", "COMMIT",
		"SELECT users", "SELECT users", "SELECT users",
	}, names)
	attributes := map[string]any{}
	for _, a := range failed.Attributes {
		attributes[string(a.Key)] = a.Value.AsInterface()
	}
	config, err := postgres.ConnConfig(url)
	require.NoError(t, err)
	require.Equal(t, "postgresql", attributes["db.system.name"])
	require.Equal(t, config.Database, attributes["db.namespace"])
	require.Equal(t, config.Host, attributes["server.address"])
	require.Equal(t, "42P01", attributes["db.response.status_code"])
	require.Equal(t, otelcodes.Error, failed.Status.Code)
}

// noise is by how many allocations two pools differ while they warm. A sampled statement has a dozen more.
const noise = 4

// Calls that are not sampled allocate as much as without traces.
func TestACallThatIsNotSampledPaysNothingForTraces(t *testing.T) {
	url := postgrestest.NewDatabase(t)
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, _ := tracers.Tracer("test").Start(t.Context(), "a request")
	service := createServices(t, open(t, url), 1)[0]
	allocations := func(opts ...postgres.Option) float64 {
		st := open(t, url, opts...)
		return testing.AllocsPerRun(500, func() {
			_, err := st.GetService(ctx, service)
			require.NoError(t, err)
		})
	}
	require.InDelta(t, allocations(), allocations(postgres.WithTracerProvider(tracers)), noise)
}
