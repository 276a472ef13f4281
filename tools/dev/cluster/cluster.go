// Package cluster computes what Kubernetes and NATS have to know of the services that run in a cluster: the streams and
// consumers, as resources of NACK, and what each NATS user may do. Both follow from the protos, and are committed in k8s.
package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The files that Write makes, by their paths in the checkout.
const (
	Queues = "k8s/base/queues/queues.yaml"
	Users  = "k8s/base/nats/users.conf"
)

// deployed is the package whose services the cluster runs.
const deployed = "rating.v1"

// Write writes [Queues] and [Users] below out, for the services of the protos in files. Their options are to be resolved.
func Write(files *descriptorpb.FileDescriptorSet, out string) error {
	services, err := servicesOf(files)
	if err != nil {
		return err
	}
	for name, text := range map[string]func([]protoreflect.ServiceDescriptor) ([]byte, error){Queues: queues, Users: users} {
		data, err := text(services)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		path := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of the checkout
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// servicesOf returns the services that the cluster runs, by their names.
func servicesOf(set *descriptorpb.FileDescriptorSet) ([]protoreflect.ServiceDescriptor, error) {
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	var services []protoreflect.ServiceDescriptor
	files.RangeFilesByPackage(deployed, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			services = append(services, file.Services().Get(i))
		}
		return true
	})
	if len(services) == 0 {
		return nil, fmt.Errorf("no services in package %s", deployed)
	}
	slices.SortFunc(services, func(a, b protoreflect.ServiceDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return services, nil
}
