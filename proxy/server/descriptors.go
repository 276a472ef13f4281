package server

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proto/comments"
	"github.com/codingflow/rating/proto/descriptors"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// BuiltIn returns the descriptors of rating.v1 and of all that it imports, as linked into the binary, with the comments of
// the protos.
func BuiltIn() *protoregistry.Files {
	files := descriptors.Files(
		ratingv1.File_rating_v1_user_proto, ratingv1.File_rating_v1_service_proto, ratingv1.File_rating_v1_rating_proto)
	commented, err := comments.Files(files)
	if err != nil {
		return files // it cannot be, of files that are linked in; and all but the texts is there
	}
	return commented
}

// LoadDescriptors reads a binary google.protobuf.FileDescriptorSet, as `buf build -o FILE` and
// `protoc --include_imports -o FILE` write it, and returns its files together with those of base.
//
// The set goes first: where base has a file of the same path, the set's replaces it, also for the rest of base that
// imports it. So a set adds services and updates built-in ones, and removes none. Imports that neither has are taken from
// the linked-in descriptors, so a set without google/api/annotations.proto and the like will do.
func LoadDescriptors(path string, base *protoregistry.Files) (*protoregistry.Files, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil || len(set.GetFile()) == 0 {
		return nil, fmt.Errorf("descriptors %s: not a binary FileDescriptorSet with files in it, as `buf build -o FILE` writes it", path)
	}
	files, err := mergeFiles(set, base)
	if err != nil {
		return nil, fmt.Errorf("descriptors %s: %w", path, err)
	}
	return files, nil
}

func mergeFiles(set *descriptorpb.FileDescriptorSet, base *protoregistry.Files) (*protoregistry.Files, error) {
	seen := map[string]bool{}
	for _, file := range set.GetFile() {
		if seen[file.GetName()] {
			return nil, fmt.Errorf("%q is in it twice", file.GetName())
		}
		seen[file.GetName()] = true
	}
	base.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !seen[file.Path()] {
			seen[file.Path()] = true
			set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		}
		return true
	})
	// Imports of imports are pending too.
	for pending := slices.Clone(set.GetFile()); len(pending) > 0; pending = pending[1:] {
		for _, dependency := range pending[0].GetDependency() {
			if seen[dependency] {
				continue
			}
			seen[dependency] = true
			linked, err := protoregistry.GlobalFiles.FindFileByPath(dependency)
			if err != nil {
				return nil, fmt.Errorf("%q imports %q, which is not in it and not built in", pending[0].GetName(), dependency)
			}
			added := protodesc.ToFileDescriptorProto(linked)
			set.File, pending = append(set.File, added), append(pending, added)
		}
	}
	return protodesc.NewFiles(set)
}

// Services returns the services of all files, sorted by their names.
func Services(files *protoregistry.Files) []protoreflect.ServiceDescriptor {
	var services []protoreflect.ServiceDescriptor
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			services = append(services, file.Services().Get(i))
		}
		return true
	})
	slices.SortFunc(services, func(a, b protoreflect.ServiceDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return services
}
