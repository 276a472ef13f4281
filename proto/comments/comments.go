// Package comments has the comments of the protos of this module, for those who show an API to people. protoc-gen-go leaves
// them out of the descriptors that it links into a binary.
package comments

import (
	_ "embed"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// encoded is a FileDescriptorSet in which files have nothing but their name and their comments, without spans.
// `go run ./tools/dev generate` writes it.
//
//go:embed comments.binpb
var encoded []byte

// Add gives the files of this module in a set their comments, as source_code_info; files that have some keep it. The set
// must be of the descriptors that are linked into this binary: comments find their place in a file by position, which
// another version of the file does not share.
func Add(set *descriptorpb.FileDescriptorSet) error {
	comments := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(encoded, comments); err != nil {
		return fmt.Errorf("comments: decode: %w", err)
	}
	byName := map[string]*descriptorpb.SourceCodeInfo{}
	for _, file := range comments.GetFile() {
		byName[file.GetName()] = file.GetSourceCodeInfo()
	}
	for _, file := range set.GetFile() {
		if len(file.GetSourceCodeInfo().GetLocation()) == 0 {
			file.SourceCodeInfo = byName[file.GetName()]
		}
	}
	return nil
}

// Files returns a copy of files with comments, see [Add]. Everything that they import must be among them.
func Files(files *protoregistry.Files) (*protoregistry.Files, error) {
	set := &descriptorpb.FileDescriptorSet{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	if err := Add(set); err != nil {
		return nil, err
	}
	commented, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("comments: %w", err)
	}
	return commented, nil
}
