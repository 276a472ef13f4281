package generate

import (
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// comments is the file of the package proto/comments, which says what is in it.
const comments = "proto/comments/comments.binpb"

// writeComments writes the comments of files below out.
func writeComments(files *descriptorpb.FileDescriptorSet, out string) error {
	data, err := proto.Marshal(commentsOf(files))
	if err != nil {
		return fmt.Errorf("encode comments: %w", err)
	}
	path := filepath.Join(out, filepath.FromSlash(comments))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of the checkout
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// commentsOf returns the files that have comments, with nothing else in them. Spans are zero, so that a comment does not
// change the places of all that follow it.
func commentsOf(files *descriptorpb.FileDescriptorSet) *descriptorpb.FileDescriptorSet {
	all := &descriptorpb.FileDescriptorSet{}
	for _, file := range files.GetFile() {
		info := &descriptorpb.SourceCodeInfo{}
		for _, location := range file.GetSourceCodeInfo().GetLocation() {
			if location.LeadingComments == nil && location.TrailingComments == nil {
				continue
			}
			info.Location = append(info.Location, &descriptorpb.SourceCodeInfo_Location{
				Path:             location.GetPath(),
				Span:             []int32{0, 0, 0},
				LeadingComments:  location.LeadingComments,
				TrailingComments: location.TrailingComments,
			})
		}
		if len(info.GetLocation()) > 0 {
			all.File = append(all.File, &descriptorpb.FileDescriptorProto{Name: file.Name, SourceCodeInfo: info})
		}
	}
	return all
}
