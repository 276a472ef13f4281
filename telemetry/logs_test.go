package telemetry

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
)

func TestLinesHaveTheTraceOfTheirContext(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(LogHandler(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	logger.InfoContext(ctx, "in a call", "a", 1)
	logger.With("b", 2).InfoContext(ctx, "in a call")
	logger.WithGroup("g").InfoContext(ctx, "in a group")
	logger.InfoContext(t.Context(), "in none")
	const ids = "trace_id=00000000000000000000000000000001 span_id=0000000000000002\n"
	require.Equal(t, `level=INFO msg="in a call" a=1 `+ids+
		`level=INFO msg="in a call" b=2 `+ids+
		`level=INFO msg="in a group" g.trace_id=00000000000000000000000000000001 g.span_id=0000000000000002`+"\n"+
		`level=INFO msg="in none"`+"\n", log.String())
}
