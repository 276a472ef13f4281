package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proto/descriptors"
)

type deadCommand struct {
	NATS natsdial.Config `embed:"" group:"NATS"`

	List   deadListCommand   `cmd:"" help:"List the commands that were given up, the oldest first."`
	Show   deadShowCommand   `cmd:"" help:"Show one, with its request."`
	Replay deadReplayCommand `cmd:"" help:"Put one back into its queue, and remove it here."`
	Drop   deadDropCommand   `cmd:"" help:"Remove one for good."`
}

// with connects and calls use.
func (c *deadCommand) with(ctx context.Context, use func(context.Context, *natsgrpc.DeadLetters) error) error {
	return withNATS(ctx, c.NATS, "dev dead", func(ctx context.Context, nc *nats.Conn) error {
		letters, err := natsgrpc.NewDeadLetters(nc, natsgrpc.WithJetStreamDomain(c.NATS.Domain))
		if err != nil {
			return err
		}
		return use(ctx, letters)
	})
}

type deadListCommand struct{}

// Run lists the dead letters.
func (*deadListCommand) Run(ctx context.Context, c *deadCommand) error {
	return c.with(ctx, func(ctx context.Context, letters *natsgrpc.DeadLetters) error {
		return listDead(ctx, letters, os.Stdout)
	})
}

func listDead(ctx context.Context, letters *natsgrpc.DeadLetters, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tMETHOD\tATTEMPTS\tGIVEN UP")
	for letter, err := range letters.All(ctx) {
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(table, "%s\t%s/%s\t%d\t%s\n", letter.ID, serviceOf(letter), letter.Method, letter.Attempts, letter.Time.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

type deadShowCommand struct {
	ID string `arg:"" help:"The call's id."`
}

// Run shows a dead letter.
func (s *deadShowCommand) Run(ctx context.Context, c *deadCommand) error {
	return c.with(ctx, func(ctx context.Context, letters *natsgrpc.DeadLetters) error {
		letter, err := letters.Get(ctx, s.ID)
		if err != nil {
			return err
		}
		return showDead(letter, os.Stdout)
	})
}

func showDead(letter *natsgrpc.DeadLetter, w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "id        %s\nmethod    %s/%s\nattempts  %d\ngiven up  %s\n",
		letter.ID, serviceOf(letter), letter.Method, letter.Attempts, letter.Time.UTC().Format(time.RFC3339))
	keys := make([]string, 0, len(letter.Metadata))
	for key := range letter.Metadata {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprintf(&text, "metadata  %s: %q\n", key, letter.Metadata[key])
	}
	fmt.Fprintf(&text, "request   %s\n", requestText(letter))
	_, err := io.WriteString(w, text.String())
	return err
}

type deadReplayCommand struct {
	ID string `arg:"" help:"The call's id."`
}

// Run replays a dead letter.
func (r *deadReplayCommand) Run(ctx context.Context, c *deadCommand) error {
	return c.with(ctx, func(ctx context.Context, letters *natsgrpc.DeadLetters) error {
		return letters.Replay(ctx, r.ID)
	})
}

type deadDropCommand struct {
	ID string `arg:"" help:"The call's id."`
}

// Run drops a dead letter.
func (d *deadDropCommand) Run(ctx context.Context, c *deadCommand) error {
	return c.with(ctx, func(ctx context.Context, letters *natsgrpc.DeadLetters) error {
		return letters.Drop(ctx, d.ID)
	})
}

// serviceDescriptor finds the linked-in service of a dead letter, nil if there is none.
func serviceDescriptor(letter *natsgrpc.DeadLetter) (found protoreflect.ServiceDescriptor) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			if descriptors.Token(service.FullName()) == letter.Service {
				found = service
				return false
			}
		}
		return true
	})
	return found
}

// serviceOf returns the full name of a dead letter's service, or its name in subjects where it is unknown here.
func serviceOf(letter *natsgrpc.DeadLetter) string {
	if service := serviceDescriptor(letter); service != nil {
		return string(service.FullName())
	}
	return letter.Service
}

// requestText returns a dead letter's request as JSON, or in hexadecimal digits where its type is unknown here.
func requestText(letter *natsgrpc.DeadLetter) string {
	if service := serviceDescriptor(letter); service != nil {
		if method := service.Methods().ByName(protoreflect.Name(letter.Method)); method != nil {
			request := dynamicpb.NewMessage(method.Input())
			if proto.Unmarshal(letter.Request, request) == nil {
				return protojson.MarshalOptions{}.Format(request)
			}
		}
	}
	return fmt.Sprintf("%d bytes of an unknown type: %x", len(letter.Request), letter.Request)
}
