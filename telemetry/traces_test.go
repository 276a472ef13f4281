package telemetry

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Spans that have not been sent yet are when the traces end.
func TestTracesAreSent(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
	received := make(chan *collectorpb.ExportTraceServiceRequest, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := &collectorpb.ExportTraceServiceRequest{}
		if err != nil || proto.Unmarshal(body, request) != nil || r.URL.Path != "/otlp/v1/traces" || r.Header.Get("Authorization") != "secret" {
			t.Errorf("%s %v: %v", r.URL, r.Header, err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		received <- request
	}))
	defer collector.Close()
	traces, err := TracesConfig{Endpoint: collector.URL + "/otlp", Ratio: 1}.Start(t.Context(), "proxy", DistrustCallers, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, span := traces.Provider().Tracer("x").Start(t.Context(), "a span")
	span.End()
	traces.Close()
	got := <-received
	require.Equal(t, "a span", got.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName())
	attributes := map[string]string{}
	for _, a := range got.GetResourceSpans()[0].GetResource().GetAttributes() {
		attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	require.Equal(t, "proxy", attributes["service.name"])
	require.Equal(t, ThisBuild().Version, attributes["service.version"])
}

// A collector that refuses costs the spans, and a line in the log.
func TestTracesThatAreLostAreLogged(t *testing.T) {
	collector := httptest.NewServer(http.NotFoundHandler())
	defer collector.Close()
	var log bytes.Buffer
	traces, err := TracesConfig{Endpoint: collector.URL, Ratio: 1}.Start(t.Context(), "proxy", DistrustCallers, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	_, span := traces.Provider().Tracer("x").Start(t.Context(), "a span")
	span.End()
	traces.Close()
	require.Contains(t, log.String(), "lost")
	require.Contains(t, log.String(), "404 Not Found")
}

func TestTracesConfig(t *testing.T) {
	tests := []struct {
		config TracesConfig
		want   string
	}{
		{TracesConfig{Endpoint: "127.0.0.1:4318"}, "--otlp-endpoint is not a URL such as http://127.0.0.1:4318"},
		{TracesConfig{Endpoint: "grpc://127.0.0.1:4317"}, "--otlp-endpoint is not a URL such as http://127.0.0.1:4318"},
		{TracesConfig{Endpoint: "http://127.0.0.1:4318", Ratio: 1.1}, "--trace-ratio 1.1 is not between 0 and 1"},
		{TracesConfig{Endpoint: "http://127.0.0.1:4318", Ratio: -0.1}, "--trace-ratio -0.1 is not between 0 and 1"},
	}
	for _, test := range tests {
		_, err := test.config.Start(t.Context(), "proxy", TrustCallers, slog.New(slog.DiscardHandler))
		require.EqualError(t, err, test.want)
	}
	traces, err := TracesConfig{Ratio: 7}.Start(t.Context(), "proxy", TrustCallers, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Nil(t, traces.Provider(), "there is no endpoint")
}

// Whoever can call cannot have more than the ratio traced, whatever ids it chooses. Whom a service trusts can.
func TestSamplers(t *testing.T) {
	remote := func(flags trace.TraceFlags) sdktrace.SamplingParameters {
		state, err := trace.ParseTraceState("a=b")
		require.NoError(t, err)
		parent := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{1}, TraceFlags: flags, TraceState: state, Remote: true,
		})
		return sdktrace.SamplingParameters{ParentContext: trace.ContextWithSpanContext(t.Context(), parent), TraceID: parent.TraceID()}
	}
	sampled := func(sampler sdktrace.Sampler, p sdktrace.SamplingParameters) bool {
		result := sampler.ShouldSample(p)
		require.Equal(t, "a=b", result.Tracestate.String())
		return result.Decision == sdktrace.RecordAndSample
	}
	for _, test := range []struct {
		trust Trust
		ratio float64
		flags trace.TraceFlags
		want  bool
	}{
		{DistrustCallers, 0, trace.FlagsSampled, false},
		{DistrustCallers, 1, trace.FlagsSampled, true},
		{DistrustCallers, 1, 0, false},
		{TrustCallers, 0, trace.FlagsSampled, true},
		{TrustCallers, 1, 0, false},
	} {
		require.Equal(t, test.want, sampled(newSampler(test.trust, test.ratio), remote(test.flags)), test)
	}
	// The id that TraceIDRatioBased always takes is drawn like any other.
	require.Equal(t, sdktrace.RecordAndSample, sdktrace.TraceIDRatioBased(0.1).ShouldSample(remote(trace.FlagsSampled)).Decision)
	require.False(t, sampled(drawn{ratio: 0.1, random: func() float64 { return 0.1 }}, remote(trace.FlagsSampled)))
	require.True(t, sampled(drawn{ratio: 0.1, random: func() float64 { return 0.09 }}, remote(trace.FlagsSampled)))
	require.Equal(t, "Drawn{0.1}", drawn{ratio: 0.1}.Description())
}
