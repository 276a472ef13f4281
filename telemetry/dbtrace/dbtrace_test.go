package dbtrace_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/telemetry/dbtrace"
)

// codeError is an error of a database.
type codeError string

func (e codeError) Error() string { return "duplicate key value: ada@example.org" }

func code(err error) string {
	if e, ok := errors.AsType[codeError](err); ok {
		return string(e)
	}
	return ""
}

// traced returns a tracer, what begins a request, and what tells the spans that have ended.
func traced(t testing.TB, sampler sdktrace.Sampler) (*dbtrace.Tracer, trace.Tracer, func() tracetest.SpanStubs) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithSampler(sampler))
	return dbtrace.New(provider, code, semconv.DBSystemNameSQLite), provider.Tracer("test"), exporter.GetSpans
}

func attributes(span tracetest.SpanStub) map[string]any {
	found := map[string]any{}
	for _, a := range span.Attributes {
		found[string(a.Key)] = a.Value.AsInterface()
	}
	return found
}

func TestStatementsAreSpans(t *testing.T) {
	tracer, requests, ended := traced(t, sdktrace.AlwaysSample())
	ctx, request := requests.Start(t.Context(), "a request")
	const selectUser, insertRating = "\nSELECT name FROM users WHERE id = $1", "INSERT INTO ratings VALUES ($1)"
	within, span := tracer.Start(ctx, selectUser)
	span.End(nil)
	require.Equal(t, ended()[0].SpanContext, trace.SpanContextFromContext(within))
	_, span = tracer.StartBatch(ctx, selectUser, insertRating)
	span.End(nil)
	_, span = tracer.Start(ctx, insertRating)
	span.End(fmt.Errorf("insert: %w", codeError("23505")))
	_, span = tracer.Start(ctx, insertRating)
	span.End(errors.New("broken pipe to ada@example.org"))
	_, span = tracer.StartBatch(ctx, strings.Repeat("é", 3000))
	span.End(nil)

	spans := ended()
	for _, span := range spans {
		require.Equal(t, trace.SpanKindClient, span.SpanKind)
		require.Equal(t, request.SpanContext().SpanID(), span.Parent.SpanID())
		require.NotContains(t, fmt.Sprint(span.Attributes, span.Status, span.Events), "ada@example.org")
	}
	require.Equal(t, "SELECT users", spans[0].Name)
	require.Equal(t, map[string]any{
		"db.system.name": "sqlite", "db.operation.name": "SELECT", "db.query.summary": "SELECT users",
		"db.query.text": "SELECT name FROM users WHERE id = $1",
	}, attributes(spans[0]))
	require.Equal(t, otelcodes.Unset, spans[0].Status.Code)
	require.Equal(t, "BATCH SELECT users; INSERT ratings", spans[1].Name)
	require.Equal(t, map[string]any{
		"db.system.name": "sqlite", "db.operation.batch.size": int64(2), "db.query.summary": "BATCH SELECT users; INSERT ratings",
		"db.query.text": "SELECT name FROM users WHERE id = $1; INSERT INTO ratings VALUES ($1)",
	}, attributes(spans[1]))
	require.Equal(t, otelcodes.Error, spans[2].Status.Code)
	require.Equal(t, "23505", attributes(spans[2])["db.response.status_code"])
	require.Equal(t, "23505", attributes(spans[2])["error.type"])
	require.Equal(t, otelcodes.Error, spans[3].Status.Code)
	require.Equal(t, "*errors.errorString", attributes(spans[3])["error.type"])
	require.NotContains(t, attributes(spans[3]), "db.response.status_code")
	require.Len(t, attributes(spans[4])["db.query.text"], 4096)
}

// A long wait is a span, and one that fails.
func TestWaitsAreSpans(t *testing.T) {
	tracer, requests, ended := traced(t, sdktrace.AlwaysSample())
	ctx, _ := requests.Start(t.Context(), "a request")
	require.Eventually(t, func() bool { // a wait may be long on a busy machine
		before := len(ended())
		tracer.Wait(ctx).End(nil)
		return len(ended()) == before
	}, 10*time.Second, time.Millisecond)
	before := len(ended())
	tracer.Wait(ctx).End(codeError("53300"))
	wait := tracer.Wait(ctx)
	require.Eventually(t, func() bool { return time.Since(wait.Start()) > time.Millisecond }, 10*time.Second, time.Millisecond)
	wait.End(nil)
	spans := ended()[before:]
	require.Len(t, spans, 2)
	for _, span := range spans {
		require.Equal(t, "wait for a connection", span.Name)
		require.Equal(t, trace.SpanKindInternal, span.SpanKind)
	}
	require.Equal(t, otelcodes.Error, spans[0].Status.Code)
	require.Equal(t, otelcodes.Unset, spans[1].Status.Code)
	require.Equal(t, wait.Start().UnixNano(), spans[1].StartTime.UnixNano())
	require.Contains(t, spans[1].Attributes, semconv.DBSystemNameSQLite)
}

// Without a provider, below no span, and in a trace that is not sampled a statement has no span, and costs no allocation.
func TestWhatIsNotSampledCostsNothing(t *testing.T) {
	require.Nil(t, dbtrace.New(nil, code))
	sampled, _, ended := traced(t, sdktrace.AlwaysSample())
	unsampled, requests, _ := traced(t, sdktrace.NeverSample())
	below, _ := requests.Start(t.Context(), "a request")
	for name, tracer := range map[string]*dbtrace.Tracer{"no provider": nil, "no span": sampled, "not sampled": unsampled} {
		ctx := t.Context()
		if name == "not sampled" {
			ctx = below
		}
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			tracer.Wait(ctx).End(nil)
			within, span := tracer.Start(ctx, "SELECT 1")
			span.End(nil)
			if within != ctx || span != (dbtrace.Span{}) {
				t.Error("there is a span")
			}
		}), name)
	}
	require.Empty(t, ended())
}

// BenchmarkStatement is what a statement's span costs.
func BenchmarkStatement(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{"sampled": sdktrace.AlwaysSample(), "unsampled": sdktrace.NeverSample()} {
		b.Run(name, func(b *testing.B) {
			provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler))
			tracer := dbtrace.New(provider, code, semconv.DBSystemNameSQLite)
			ctx, _ := provider.Tracer("test").Start(b.Context(), "a request")
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracer.Start(ctx, "SELECT id, display_name, email FROM users WHERE id > ? ORDER BY id LIMIT ?")
				span.End(nil)
			}
		})
	}
}
