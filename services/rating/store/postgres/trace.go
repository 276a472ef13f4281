package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/telemetry/dbtrace"
)

// newTracer returns what makes the spans of a database's statements, nil for none.
func newTracer(provider trace.TracerProvider, config *pgx.ConnConfig) *dbtrace.Tracer {
	attributes := []attribute.KeyValue{semconv.DBSystemNamePostgreSQL, semconv.DBNamespace(config.Database)}
	if oneHost(config) {
		attributes = append(attributes, semconv.ServerAddress(config.Host))
		if !strings.HasPrefix(config.Host, "/") { // the folder of a socket
			attributes = append(attributes, semconv.ServerPort(int(config.Port)))
		}
	}
	return dbtrace.New(provider, code, attributes...)
}

// oneHost reports whether there is only one server that a connection can be to. (What is tried next may be the same server
// without TLS.)
func oneHost(config *pgx.ConnConfig) bool {
	for _, next := range config.Fallbacks {
		if next.Host != config.Host || next.Port != config.Port {
			return false
		}
	}
	return true
}

// A statementTracer tells a tracer what pgx does.
type statementTracer struct{ tracer *dbtrace.Tracer }

var (
	_ pgx.QueryTracer = statementTracer{}
	_ pgx.BatchTracer = statementTracer{}
)

// spanKey is that of a statement's span in the context that pgx keeps for it.
type spanKey struct{}

// keep returns a context with a span for end, where there is one: without, end finds none, even below a span of others.
func keep(ctx context.Context, span dbtrace.Span) context.Context {
	if span == (dbtrace.Span{}) {
		return ctx
	}
	return context.WithValue(ctx, spanKey{}, span)
}

func end(ctx context.Context, err error) {
	if span, ok := ctx.Value(spanKey{}).(dbtrace.Span); ok {
		span.End(err)
	}
}

// TraceQueryStart implements [pgx.QueryTracer].
func (t statementTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return keep(t.tracer.Start(ctx, data.SQL))
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (t statementTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	end(ctx, data.Err)
}

// TraceBatchStart implements [pgx.BatchTracer].
func (t statementTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	if !t.tracer.Recording(ctx) {
		return ctx
	}
	statements := make([]string, 0, data.Batch.Len())
	for _, queued := range data.Batch.QueuedQueries {
		statements = append(statements, queued.SQL)
	}
	return keep(t.tracer.StartBatch(ctx, statements...))
}

// TraceBatchQuery implements [pgx.BatchTracer]: the batch is one span.
func (t statementTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements [pgx.BatchTracer].
func (t statementTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	end(ctx, data.Err)
}
