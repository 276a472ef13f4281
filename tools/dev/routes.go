package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proxy/live"
	"github.com/codingflow/rating/proxy/server"
)

type routesCommand struct {
	NATS natsdial.Config `embed:"" group:"NATS"`

	List   routesListCommand   `cmd:"" help:"List what services have published: the versions, who publishes them, and what a proxy makes of them."`
	Remove routesRemoveCommand `cmd:"" help:"Remove the routes of a service that no instance serves any more."`
}

// with connects and calls use.
func (c *routesCommand) with(ctx context.Context, use func(context.Context, *nats.Conn) error) error {
	return withNATS(ctx, c.NATS, "dev routes", use)
}

type routesListCommand struct{}

// Run lists what is published.
func (*routesListCommand) Run(ctx context.Context, c *routesCommand) error {
	return c.with(ctx, func(ctx context.Context, nc *nats.Conn) error {
		snapshot, err := registry.Read(ctx, nc, registry.WithJetStreamDomain(c.NATS.Domain))
		if err != nil {
			return err
		}
		return listRoutes(snapshot, os.Stdout)
	})
}

// listRoutes writes a line for each version, and what a proxy with the built-in services and these refuses.
func listRoutes(snapshot registry.Snapshot, w io.Writer) error {
	served, refused := server.Resolve(server.BuiltIn(), live.Published(snapshot))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SERVICE\tVERSION\tMETHODS\tINSTANCES\tSTATUS")
	for _, service := range snapshot.Services {
		for _, version := range service.Versions {
			methods, status := 0, "not served"
			if version.Descriptor != nil {
				methods = version.Descriptor.Methods().Len()
			}
			why := slices.IndexFunc(refused, func(r server.Refusal) bool { return r.Service == service.Name && r.Version == version.ID })
			switch {
			case slices.Contains(served, version.Descriptor):
				status = "served"
			case why >= 0:
				status = "refused: " + strings.ReplaceAll(refused[why].Reason, "\n", "; ")
			}
			_, _ = fmt.Fprintf(table, "%s\t%.8s\t%d\t%s\t%s\n", service.Name, version.ID, methods, instancesText(version.Instances), status)
		}
	}
	return table.Flush()
}

// instancesText returns who publishes a version, such as "rating@host:123, rating@host:124".
func instancesText(instances []registry.Instance) string {
	texts := make([]string, len(instances))
	for i, instance := range instances {
		if texts[i] = fmt.Sprintf("%s@%s:%d", instance.Name, instance.Host, instance.PID); instance.PID == 0 {
			texts[i] = instance.ID
		}
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

type routesRemoveCommand struct {
	Service string `arg:"" help:"Full name of the service, such as rating.v1.UserService."`
}

// Run removes the routes of a service.
func (r *routesRemoveCommand) Run(ctx context.Context, c *routesCommand) error {
	return c.with(ctx, func(ctx context.Context, nc *nats.Conn) error {
		err := registry.Remove(ctx, nc, protoreflect.FullName(r.Service), registry.WithJetStreamDomain(c.NATS.Domain))
		switch {
		case errors.Is(err, registry.ErrServed):
			return fmt.Errorf("%s is served, and would publish its routes again: stop its instances first (`dev routes list` shows them)", r.Service)
		case errors.Is(err, registry.ErrNotPublished):
			return fmt.Errorf("nothing is published of %s; `dev routes list` shows what is", r.Service)
		}
		return err
	})
}
