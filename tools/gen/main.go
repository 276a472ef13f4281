// Command gen compiles the protos of the folder proto into one image: our files and, marked as imports, the files that
// they import. The imported ones come from the descriptors that their Go modules link in, so nothing third-party is
// copied into the tree. buf lints the image, compares it with the committed baseline and generates from it.
//
//	go run . -proto ../../proto -out image.binpb
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	root := flag.String("proto", "proto", "folder that holds the protos; imports are relative to it")
	out := flag.String("out", "image.binpb", "file to write the image to")
	also := flag.String("also", "", "linked-in files that nothing imports and that the image has too, separated by commas")
	flag.Parse()
	var imports []string
	if *also != "" {
		imports = strings.Split(*also, ",")
	}
	if err := run(*root, *out, imports); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root, out string, also []string) error {
	names, err := protoFiles(root)
	if err != nil {
		return err
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: []string{root}},
			protocompile.ResolverFunc(linked),
		},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), slices.Concat(names, also)...)
	if err != nil {
		return err
	}
	image := &descriptorpb.FileDescriptorSet{}
	done := map[string]bool{}
	for _, file := range files {
		add(image, file, names, done)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(image)
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	return os.WriteFile(out, data, 0o644)
}

// protoFiles returns the paths of the protos below root, relative to it, sorted.
func protoFiles(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".proto") {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err == nil && len(names) == 0 {
		err = errors.New("no .proto file below " + root)
	}
	return names, err
}

// linked resolves an import to the descriptor that is linked into this program.
func linked(path string) (protocompile.SearchResult, error) {
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return protocompile.SearchResult{}, fmt.Errorf("%s: neither below the proto folder nor linked into tools/gen: import its Go package there", path)
	}
	return protocompile.SearchResult{Desc: file}, nil
}

// add appends file to image, after the files that it imports. Files outside names are marked as imports.
func add(image *descriptorpb.FileDescriptorSet, file protoreflect.FileDescriptor, names []string, done map[string]bool) {
	if done[file.Path()] {
		return
	}
	done[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		add(image, imports.Get(i).FileDescriptor, names, done)
	}
	message := protodesc.ToFileDescriptorProto(file)
	if result, ok := file.(interface {
		FileDescriptorProto() *descriptorpb.FileDescriptorProto
	}); ok {
		message = result.FileDescriptorProto()
	}
	if !slices.Contains(names, file.Path()) {
		markImport(message)
	}
	image.File = append(image.File, message)
}

// markImport sets buf.alpha.image.v1.ImageFileExtension{is_import: true}, field 8042 of buf's ImageFile, on message.
func markImport(message *descriptorpb.FileDescriptorProto) {
	const imageFileExtension, isImport = 8042, 1
	extension := protowire.AppendVarint(protowire.AppendTag(nil, isImport, protowire.VarintType), 1)
	raw := protowire.AppendBytes(protowire.AppendTag(nil, imageFileExtension, protowire.BytesType), extension)
	message.ProtoReflect().SetUnknown(append(message.ProtoReflect().GetUnknown(), raw...))
}
