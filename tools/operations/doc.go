// Package operations tests what operators use: the alerts and the dashboard in k8s/monitoring, with Prometheus's promtool and
// Grafana's schema, the runbook, and the backup of NATS with NATS's own tool.
//
// It has a go.mod of its own, since these tools bring many modules.
package operations
