package main

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// readImage returns the descriptors in a file that holds a FileDescriptorSet.
func readImage(name string) (*protoregistry.Files, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	image := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, image); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	for _, file := range image.File {
		for _, message := range file.MessageType {
			withoutMessageSets(message)
		}
	}
	files, err := protodesc.NewFiles(image)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", name, err)
	}
	return files, nil
}

// endOfFields is one beyond the greatest field number of a message that is not a message set.
const endOfFields = 1 << 29

// withoutMessageSets makes ordinary messages of the message sets of proto1, which protodesc refuses. No case for JSON uses
// one.
func withoutMessageSets(message *descriptorpb.DescriptorProto) {
	for _, nested := range message.NestedType {
		withoutMessageSets(nested)
	}
	if !message.GetOptions().GetMessageSetWireFormat() {
		return
	}
	message.Options.MessageSetWireFormat = nil
	for _, extensions := range message.ExtensionRange {
		extensions.End = proto.Int32(min(extensions.GetEnd(), endOfFields))
	}
}
