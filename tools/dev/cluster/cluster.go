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

// Write writes [Queues] and [Users] below out, for the services of the protos in files. Their options are to be resolved.
func Write(files *descriptorpb.FileDescriptorSet, out string) error {
	served, err := servicesOf(files)
	if err != nil {
		return err
	}
	for name, text := range map[string]func([]serving) ([]byte, error){Queues: queues, Users: users} {
		data, err := text(served)
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

// serving is a program with the services that it serves, by their names.
type serving struct {
	program
	services []protoreflect.ServiceDescriptor
}

// servicesOf returns what each program serves.
func servicesOf(set *descriptorpb.FileDescriptorSet) ([]serving, error) {
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	var all []serving
	for _, program := range programs {
		var services []protoreflect.ServiceDescriptor
		files.RangeFilesByPackage(protoreflect.FullName(program.protos), func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				services = append(services, file.Services().Get(i))
			}
			return true
		})
		if len(services) == 0 {
			return nil, fmt.Errorf("no services in package %s", program.protos)
		}
		slices.SortFunc(services, func(a, b protoreflect.ServiceDescriptor) int {
			return strings.Compare(string(a.FullName()), string(b.FullName()))
		})
		all = append(all, serving{program, services})
	}
	return all, nil
}
