// Package dbtrace makes the spans of a database's statements, after OpenTelemetry's semantic conventions for database clients
// (1.43.0):
//
//	tracer := dbtrace.New(traces.Provider(), sqlState, semconv.DBSystemNamePostgreSQL)
//	ctx, span := tracer.Start(ctx, "SELECT name FROM users WHERE id = $1")
//	…
//	span.End(err)
//
// A statement is a span of kind CLIENT below the one that its context has, named by its operation and table: "SELECT users".
// Statements that are sent together are one: "BATCH SELECT users; INSERT ratings". Its attributes, beside those of New:
//
//	db.query.text              the statement as it was sent, with placeholders; those of a batch with "; " between
//	db.query.summary           the span's name
//	db.operation.name          SELECT, INSERT, …; absent from a batch
//	db.operation.batch.size    how many statements a batch has
//	db.response.status_code    the database's code of an error
//	error.type                 the same, or the error's type where the database has not told
//
// No values of parameters are in there, nor texts of errors, which quote them; so statements must not have values written into
// them. What waited for a connection for a millisecond or longer is a span of kind INTERNAL, "wait for a connection".
//
// There are spans only where the context has one that is recorded: work that no request waits for has none, and what is not
// sampled costs one look at the context and no allocation. That, and that the stores of one service look alike in a trace
// whichever their driver, is why this is no instrumentation library of a driver: such measure each statement, sampled or not,
// and put errors into spans.
package dbtrace

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	instrumentationName = "github.com/codingflow/rating/telemetry/dbtrace"
	// minWait is from when on a wait is worth a span: others are lost between two statements.
	minWait = time.Millisecond
	// maxText bounds db.query.text, in bytes: a batch may have any number of statements.
	maxText = 4096
)

// Tracer makes the spans of a database. A nil one makes none.
type Tracer struct {
	tracer     trace.Tracer
	code       func(error) string
	attributes []attribute.KeyValue
}

// New returns a tracer, nil where provider is nil. The function code returns the database's code of an error, "" for errors
// of others. The attributes, such as db.system.name, db.namespace and server.address, are those of all spans.
func New(provider trace.TracerProvider, code func(error) string, attributes ...attribute.KeyValue) *Tracer {
	if provider == nil {
		return nil
	}
	return &Tracer{
		tracer:     provider.Tracer(instrumentationName, trace.WithSchemaURL(semconv.SchemaURL)),
		code:       code,
		attributes: attributes,
	}
}

// Recording reports whether a statement with a context has a span.
func (t *Tracer) Recording(ctx context.Context) bool {
	return t != nil && trace.SpanFromContext(ctx).IsRecording()
}

// Start begins the span of a statement. The context is the span's, or ctx where there is none.
func (t *Tracer) Start(ctx context.Context, statement string) (context.Context, Span) {
	if !t.Recording(ctx) {
		return ctx, Span{}
	}
	operation, name := summary(statement)
	return t.start(ctx, name, statement, semconv.DBOperationName(operation))
}

// StartBatch begins the span of statements that are sent together.
func (t *Tracer) StartBatch(ctx context.Context, statements ...string) (context.Context, Span) {
	if !t.Recording(ctx) {
		return ctx, Span{}
	}
	names := make([]string, 0, len(statements))
	for _, statement := range statements {
		_, name := summary(statement)
		names = append(names, name)
	}
	return t.start(ctx, "BATCH "+bounded(strings.Join(names, "; ")), strings.Join(statements, "; "),
		semconv.DBOperationBatchSize(len(statements)))
}

func (t *Tracer) start(ctx context.Context, name, text string, more attribute.KeyValue) (context.Context, Span) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(t.attributes...),
		trace.WithAttributes(semconv.DBQuerySummary(name), semconv.DBQueryText(bounded(strings.TrimSpace(text))), more))
	return ctx, Span{tracer: t, span: span}
}

// bounded cuts a text that is too long.
func bounded(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// Span is that of a statement, or of none: the zero value.
type Span struct {
	tracer *Tracer
	span   trace.Span
}

// End ends the span: err is why the statement failed, nil if it did not. That a query found nothing is no failure.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		if code := s.tracer.code(err); code != "" {
			s.span.SetAttributes(semconv.DBResponseStatusCode(code), semconv.ErrorTypeKey.String(code))
		} else {
			s.span.SetAttributes(semconv.ErrorType(err))
		}
		s.span.SetStatus(otelcodes.Error, "")
	}
	s.span.End()
}

// Wait begins a wait for a connection.
func (t *Tracer) Wait(ctx context.Context) Wait {
	if !t.Recording(ctx) {
		return Wait{}
	}
	return Wait{tracer: t, ctx: ctx, start: time.Now()}
}

// Wait is a wait for a connection that is a span if it is long, or none: the zero value.
type Wait struct {
	tracer *Tracer
	ctx    context.Context
	start  time.Time
}

// Start returns when the wait began; zero for none.
func (w Wait) Start() time.Time { return w.start }

// End ends the wait: err is why there is no connection.
func (w Wait) End(err error) {
	if w.tracer == nil || err == nil && time.Since(w.start) < minWait {
		return
	}
	_, span := w.tracer.tracer.Start(w.ctx, "wait for a connection", trace.WithTimestamp(w.start), trace.WithAttributes(w.tracer.attributes...))
	Span{tracer: w.tracer, span: span}.End(err)
}
