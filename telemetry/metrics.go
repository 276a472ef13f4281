package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

const (
	// scrapeTimeout bounds the answering of a scrape: longer than natsgrpc takes to read its queues, and shorter than
	// Prometheus waits by default.
	scrapeTimeout = 8 * time.Second
	// maxScrapes bounds the scrapes at once: two Prometheus servers and a person.
	maxScrapes = 3
)

// Metrics are those of a program. They are kept in memory, and read when somebody asks for them.
type Metrics struct {
	registry *prometheus.Registry
	provider *sdkmetric.MeterProvider
}

// NewMetrics returns the metrics of a program: those of the Go runtime and the process, <program>_build_info, and what is
// reported to the provider. The name of the program is a part of a metric's name, so of letters, digits and _.
func NewMetrics(program string) (*Metrics, error) {
	described, err := newResource(program)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	m := &Metrics{registry: prometheus.NewRegistry()}
	build := ThisBuild()
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        program + "_build_info",
		Help:        "What the program is made of; always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "revision": build.Revision, "goversion": build.Go},
	}, func() float64 { return 1 })
	for _, collector := range []prometheus.Collector{
		info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := m.registry.Register(collector); err != nil {
			return nil, fmt.Errorf("telemetry: %w", err)
		}
	}
	// Without the labels of the scope: no two scopes share a name here.
	exporter, err := otelprom.New(otelprom.WithRegisterer(m.registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	m.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(described))
	return m, nil
}

// Provider returns where libraries report to, nil for nil metrics.
func (m *Metrics) Provider() metric.MeterProvider {
	if m == nil {
		return nil
	}
	return m.provider
}

// Handler serves the metrics in the formats that Prometheus reads. In OpenMetrics there are the ids of traces as exemplars.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Timeout: scrapeTimeout, MaxRequestsInFlight: maxScrapes})
}

// Close ends the metrics. What is reported after it is lost.
func (m *Metrics) Close() error {
	if m == nil {
		return nil
	}
	if err := m.provider.Shutdown(context.Background()); err != nil {
		return fmt.Errorf("telemetry: end the metrics: %w", err)
	}
	return nil
}
