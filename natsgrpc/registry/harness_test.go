package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/emptypb" // what the services import

	"github.com/codingflow/rating/natsgrpc/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 10 * time.Second

// service returns the descriptor of a service "<name>.v1.Service" with methods.
func service(t testing.TB, name string, methods ...string) protoreflect.ServiceDescriptor {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `name: "%[1]s/v1/%[1]s.proto" package: "%[1]s.v1" syntax: "proto3" dependency: "google/protobuf/empty.proto" service { name: "Service"`, name)
	for _, method := range methods {
		fmt.Fprintf(&text, ` method { name: %q input_type: ".google.protobuf.Empty" output_type: ".google.protobuf.Empty" }`, method)
	}
	text.WriteString("}")
	source := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(text.String()), source))
	file, err := protodesc.NewFile(source, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return file.Services().Get(0)
}

// createBucket makes the bucket.
func createBucket(t testing.TB, nc *nats.Conn) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), registry.Stream())
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), "DESCRIPTORS")
	require.NoError(t, err)
	return kv
}

// publish runs a publisher of services until the returned function is called, or the test ends.
func publish(t testing.TB, nc *nats.Conn, services []protoreflect.ServiceDescriptor, options ...registry.Option) (stop func()) {
	t.Helper()
	publisher, err := registry.NewPublisher(nc, services, options...)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		publisher.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// watched is what a watcher has told last.
type watched struct {
	*registry.Watcher
	told chan registry.Snapshot
	last registry.Snapshot
}

// watch watches until the test ends.
func watch(t testing.TB, nc *nats.Conn, options ...registry.Option) *watched {
	t.Helper()
	w := &watched{told: make(chan registry.Snapshot, 1000)}
	var err error
	w.Watcher, err = registry.Watch(nc, func(s registry.Snapshot) { w.told <- s }, options...)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// text is what a snapshot says, a line for each version: the methods, whether it is served, and the number of instances.
func text(s registry.Snapshot) string {
	var lines []string
	for _, service := range s.Services {
		for _, version := range service.Versions {
			line := service.Name
			if version.Err != nil {
				line += " error: " + version.Err.Error()
			} else {
				for i := range version.Descriptor.Methods().Len() {
					line += " " + string(version.Descriptor.Methods().Get(i).Name())
				}
			}
			if version.Served {
				line += ", served"
			}
			lines = append(lines, fmt.Sprintf("%s, %d", line, len(version.Instances)))
		}
	}
	return strings.Join(lines, "\n")
}

// until waits for a snapshot, and returns what was told before it.
func (w *watched) until(t testing.TB, want ...string) (before []string) {
	t.Helper()
	deadline := time.After(soon)
	for {
		select {
		case w.last = <-w.told:
			if text(w.last) == strings.Join(want, "\n") {
				return before
			}
			before = append(before, text(w.last))
		case <-deadline:
			require.Equal(t, strings.Join(want, "\n"), text(w.last))
			require.Fail(t, "it was told before")
		}
	}
}
