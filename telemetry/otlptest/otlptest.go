// Package otlptest is a collector for tests: it takes the traces that programs send by OTLP over HTTP, and shows them as trees.
//
//	collector := otlptest.New(t)
//	traces, err := telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 1}.Start(…)
//	…
//	collector.Tree("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
package otlptest

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// scheduleDelay is OTEL_BSP_SCHEDULE_DELAY, in milliseconds: how long spans wait for others to be sent with. The SDK's own 5 s
// would be waited for by each test.
const scheduleDelay = "20"

// Collector has the spans that were sent to it.
type Collector struct {
	// URL is the endpoint, such as http://127.0.0.1:4318.
	URL string

	mu    sync.Mutex
	spans []Span
}

// Span is a span and the service.name of who has sent it.
type Span struct {
	Service string
	*tracepb.Span
}

// New returns a collector that listens until the test ends. Programs that the test starts after it send their spans at once.
func New(t testing.TB) *Collector {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", scheduleDelay)
	c := &Collector{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		request := &collectorpb.ExportTraceServiceRequest{}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, request)
		}
		if err != nil {
			t.Errorf("traces that cannot be read: %v", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.add(request)
		w.Header().Set("Content-Type", "application/x-protobuf") // of an empty ExportTraceServiceResponse
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) add(request *collectorpb.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range request.GetResourceSpans() {
		service := ""
		for _, a := range from.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, Span{service, span})
			}
		}
	}
}

// Trace returns the spans of a trace that have come so far, by their start.
func (c *Collector) Trace(id string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Span
	for _, span := range c.spans {
		if hex.EncodeToString(span.GetTraceId()) == id {
			found = append(found, span)
		}
	}
	slices.SortStableFunc(found, func(a, b Span) int { return cmp.Compare(a.GetStartTimeUnixNano(), b.GetStartTimeUnixNano()) })
	return found
}

// Tree shows the spans of a trace below one, a line each, such as "  proxy CLIENT rating.v1.UserService/GetUser": indented by
// two spaces for each span above it, those of one parent by their start. A span that has failed has "!" behind it. Spans of kind
// INTERNAL, which come and go with the load, are left out. What is not below that span is shown as an orphan.
func (c *Collector) Tree(trace, root string) string {
	var tree strings.Builder
	spans := c.Trace(trace)
	shown := 0
	var show func(parent, indent string)
	show = func(parent, indent string) {
		for _, span := range spans {
			if hex.EncodeToString(span.GetParentSpanId()) == parent {
				shown++
				if span.GetKind() != tracepb.Span_SPAN_KIND_INTERNAL {
					fmt.Fprintf(&tree, "%s%s\n", indent, span)
				}
				show(hex.EncodeToString(span.GetSpanId()), indent+"  ")
			}
		}
	}
	show(root, "")
	if shown < len(spans) {
		fmt.Fprintf(&tree, "and %d orphans\n", len(spans)-shown)
	}
	return tree.String()
}

// String is the span's line of a tree.
func (s Span) String() string {
	failed := ""
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		failed = " !"
	}
	return fmt.Sprintf("%s %s %s%s", s.Service, strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_"), s.GetName(), failed)
}

// Attributes returns the attributes as texts; those of lists have their first value.
func (s Span) Attributes() map[string]string {
	texts := map[string]string{}
	for _, a := range s.GetAttributes() {
		value := a.GetValue()
		if list := value.GetArrayValue().GetValues(); len(list) > 0 {
			value = list[0]
		}
		switch {
		case value.GetStringValue() != "":
			texts[a.GetKey()] = value.GetStringValue()
		default:
			_, text, _ := strings.Cut(value.String(), ":")
			texts[a.GetKey()] = text
		}
	}
	return texts
}
