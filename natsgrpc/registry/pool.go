package registry

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proto/descriptors"
)

// A digest names a file by its content and that of all that it imports.
type digest [sha256.Size]byte

// pool builds descriptors, and equal files once: services share most of what they import. Descriptors of equal files are
// the same, so that one can tell by comparing them that nothing has changed.
type pool struct {
	files map[digest]protoreflect.FileDescriptor
}

func newPool() *pool { return &pool{files: map[digest]protoreflect.FileDescriptor{}} }

// build returns the service of a token in a set, and the files that it is made of.
func (p *pool) build(set *descriptorpb.FileDescriptorSet, serviceToken string) (_ protoreflect.ServiceDescriptor, files map[digest]protoreflect.FileDescriptor, err error) {
	defer func() { // descriptors come from outside, and nothing in them may end the process
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("build descriptors: %v", panicked)
		}
	}()
	b := &build{
		pool:     p,
		protos:   map[string]*descriptorpb.FileDescriptorProto{},
		digests:  map[string]digest{},
		registry: &protoregistry.Files{},
		files:    map[digest]protoreflect.FileDescriptor{},
	}
	for _, file := range set.GetFile() {
		if b.protos[file.GetName()] != nil {
			return nil, nil, fmt.Errorf("file %q is there twice", file.GetName())
		}
		b.protos[file.GetName()] = file
	}
	for _, file := range set.GetFile() {
		for _, service := range file.GetService() {
			name := protoreflect.FullName(file.GetPackage()).Append(protoreflect.Name(service.GetName()))
			if descriptors.Token(name) != serviceToken {
				continue
			}
			if _, err := b.file(file.GetName(), nil); err != nil {
				return nil, nil, err
			}
			found, err := b.registry.FindDescriptorByName(name)
			if err != nil {
				return nil, nil, fmt.Errorf("service %s: %w", name, err)
			}
			return found.(protoreflect.ServiceDescriptor), b.files, nil
		}
	}
	return nil, nil, fmt.Errorf("there is no service %s in the descriptors", serviceToken)
}

// build is the building of one set.
type build struct {
	pool     *pool
	protos   map[string]*descriptorpb.FileDescriptorProto
	digests  map[string]digest // of those that are built
	registry *protoregistry.Files
	files    map[digest]protoreflect.FileDescriptor
}

// file builds a file after its imports. importers are the files on the way to it.
func (b *build) file(path string, importers []string) (digest, error) {
	if sum, ok := b.digests[path]; ok {
		return sum, nil
	}
	for _, importer := range importers {
		if importer == path {
			return digest{}, fmt.Errorf("file %q imports itself", path)
		}
	}
	source := b.protos[path]
	if source == nil {
		return b.linked(path, importers)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(source)
	if err != nil {
		return digest{}, fmt.Errorf("file %q: %w", path, err)
	}
	hash := sha256.New()
	hash.Write(data)
	for _, dependency := range source.GetDependency() {
		sum, err := b.file(dependency, append(importers, path))
		if err != nil {
			return digest{}, err
		}
		hash.Write(sum[:])
	}
	sum := digest(hash.Sum(nil))
	file := b.pool.files[sum]
	if file == nil {
		if file, err = protodesc.NewFile(source, b.registry); err != nil {
			return digest{}, fmt.Errorf("file %q: %w", path, err)
		}
		b.pool.files[sum] = file
	}
	return sum, b.register(path, sum, file)
}

// linked takes a file from those that are linked into the program.
func (b *build) linked(path string, importers []string) (digest, error) {
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return digest{}, fmt.Errorf("file %q imports %q, which is neither among the descriptors nor built in", importers[len(importers)-1], path)
	}
	for i := range file.Imports().Len() {
		if _, err := b.file(file.Imports().Get(i).Path(), append(importers, path)); err != nil {
			return digest{}, err
		}
	}
	sum := digest(sha256.Sum256([]byte("linked " + path)))
	return sum, b.register(path, sum, file)
}

func (b *build) register(path string, sum digest, file protoreflect.FileDescriptor) error {
	if err := b.registry.RegisterFile(file); err != nil {
		return fmt.Errorf("file %q: %w", path, err)
	}
	b.digests[path], b.files[sum] = sum, file
	return nil
}
