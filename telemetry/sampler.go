package telemetry

import (
	"fmt"
	"math/rand/v2"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Trust says whether callers are believed when they say that a trace is wanted.
type Trust bool

const (
	// TrustCallers does as they say. It is for a service, whose callers have decided already.
	TrustCallers Trust = true
	// DistrustCallers keeps to the ratio where they want a trace. It is for a program that anybody can call.
	DistrustCallers Trust = false
)

// newSampler returns the sampler of a program. Roots of traces are sampled by the ratio, and what a caller does not want
// sampled never is.
func newSampler(trust Trust, ratio float64) sdktrace.Sampler {
	root := sdktrace.TraceIDRatioBased(ratio)
	if trust == TrustCallers {
		return sdktrace.ParentBased(root)
	}
	return sdktrace.ParentBased(root, sdktrace.WithRemoteParentSampled(drawn{ratio: ratio, random: rand.Float64}))
}

// drawn samples by chance alone. TraceIDRatioBased goes by the trace's id, which a caller chooses: with enough zeros in it
// every request would be sampled.
type drawn struct {
	ratio  float64
	random func() float64 // from 0 to below 1
}

// ShouldSample draws. The state of the caller's trace is kept.
func (d drawn) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if d.random() < d.ratio {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// Description names the sampler.
func (d drawn) Description() string { return fmt.Sprintf("Drawn{%g}", d.ratio) }
