package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// ProtocGenES is the generator for TypeScript, below the folder that `npm ci` was run in: package-lock.json pins it.
const ProtocGenES = "node_modules/.bin/protoc-gen-es"

// typeScriptCode is a folder of generated TypeScript: that of some protos and of all that they import.
type typeScriptCode struct {
	dir    string
	protos []string
	// comments is the file, in dir, for the comments of the protos, if a service publishes them with its descriptors.
	comments string
}

var workerCode = []typeScriptCode{
	{dir: "typescript/natsgrpc/src/gen", protos: []string{"natsgrpc/v1/delivery.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"}},
	{dir: "typescript/natsgrpc/fixture/gen", protos: []string{"natsgrpctest/v1/benchmark.proto", "natsgrpctest/v1/echo.proto", "natsgrpctest/v1/stream.proto"}},
	{dir: "services/moderation/src/gen", protos: []string{"moderation/v1/moderation.proto"}, comments: "comments.binpb"},
}

// TypeScript generates what workers in TypeScript have of the protos, by a generator; with check it changes nothing. It is apart from Run since the
// generator needs Node and `npm ci`.
//
// Errors: a proto does not compile; the generator is not installed; with check, stale, missing and orphaned files.
func TypeScript(ctx context.Context, root workspace.Root, generator string, check bool) error {
	if _, err := os.Stat(generator); err != nil {
		return errors.New("protoc-gen-es is missing: run `npm ci --ignore-scripts` first")
	}
	fresh, err := os.MkdirTemp("", "generate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	image := filepath.Join(fresh, "image.binpb")
	compile := []string{"go", "-C", "tools/gen", "run", ".", "-proto", root.Path("proto"), "-out", image, "-also", "google/rpc/status.proto,google/rpc/error_details.proto"}
	if err := root.Run(ctx, workspace.Command{Args: compile}); err != nil {
		return err
	}
	for _, code := range workerCode {
		if err := code.generate(ctx, root, generator, image, fresh); err != nil {
			return err
		}
	}
	var stale []string
	for _, code := range workerCode {
		names, err := folderDifferences(root.Path(filepath.FromSlash(code.dir)), filepath.Join(fresh, filepath.FromSlash(code.dir)))
		if err != nil {
			return err
		}
		for _, name := range names {
			stale = append(stale, code.dir+"/"+name)
		}
	}
	if check {
		if len(stale) > 0 {
			return fmt.Errorf("run `go run ./tools/dev generate --typescript`: not up to date: %s", strings.Join(stale, ", "))
		}
		return nil
	}
	for _, code := range workerCode {
		dir := root.Path(filepath.FromSlash(code.dir))
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(filepath.Join(fresh, filepath.FromSlash(code.dir))))); err != nil {
			return err
		}
	}
	return nil
}

// generate writes the code below out.
func (c typeScriptCode) generate(ctx context.Context, root workspace.Root, generator, image, out string) error {
	dir := filepath.Join(out, filepath.FromSlash(c.dir))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // to be a folder of the checkout
		return err
	}
	template, err := json.Marshal(map[string]any{
		"version": "v2",
		"plugins": []any{map[string]any{
			"local": generator, "out": dir, "opt": []string{"target=ts", "import_extension=js"}, "include_imports": true,
		}},
	})
	if err != nil {
		return err
	}
	selected, err := c.selectProtos(image, out)
	if err != nil {
		return err
	}
	args := []string{"go", "tool", "-modfile=" + modfile, "buf", "generate", selected, "--template", string(template)}
	return root.Run(ctx, workspace.Command{Args: args})
}

// selectProtos writes an image of the code's protos and what they import, and the file of comments, and returns the
// image's file.
func (c typeScriptCode) selectProtos(image, out string) (string, error) {
	data, err := os.ReadFile(image)
	if err != nil {
		return "", err
	}
	all := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, all); err != nil {
		return "", fmt.Errorf("decode %s: %w", image, err)
	}
	needed := map[string]bool{}
	for _, name := range c.protos {
		needed[name] = true
	}
	selected := &descriptorpb.FileDescriptorSet{}
	for _, file := range slices.Backward(all.GetFile()) { // a file comes after what it imports
		if !needed[file.GetName()] {
			continue
		}
		for _, name := range file.GetDependency() {
			needed[name] = true
		}
		if slices.Contains(c.protos, file.GetName()) {
			file.ProtoReflect().SetUnknown(nil) // it is no import here
		}
		selected.File = append(selected.File, file)
	}
	slices.Reverse(selected.File)
	path := filepath.Join(out, strings.ReplaceAll(c.dir, "/", "_")+".binpb")
	if data, err = proto.Marshal(selected); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil || c.comments == "" {
		return path, err
	}
	return path, c.writeComments(selected, out)
}

// writeComments writes the comments of the code's protos, without those of what they import.
func (c typeScriptCode) writeComments(selected *descriptorpb.FileDescriptorSet, out string) error {
	commented := commentsOf(selected)
	commented.File = slices.DeleteFunc(commented.GetFile(), func(file *descriptorpb.FileDescriptorProto) bool {
		return !slices.Contains(c.protos, file.GetName())
	})
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(commented)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, filepath.FromSlash(c.dir), c.comments), data, 0o644)
}

// folderDifferences returns the files that are not the same in both folders, sorted.
func folderDifferences(committed, fresh string) ([]string, error) {
	var names []string
	for _, top := range []string{committed, fresh} {
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(top, path)
			names = append(names, name)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return compare(committed, fresh, names)
}
