// Package generate makes the committed code from the protos, and what a cluster has to know of them: it formats, lints and
// compares them with the baseline, then runs the generators. All of it is Go, the generators of others from tools/gen's
// go.mod, and nothing else need be installed, but for the TypeScript: that is made of the OpenAPI document by a tool from
// npm, and left as it is where there is no npm.
package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/tools/dev/cluster"
	"github.com/codingflow/rating/tools/dev/workspace"
)

const (
	modfile = "tools/gen/go.mod"
	// baseline is the image that the contracts may not break.
	baseline = "proto/baseline.binpb"
)

// Run generates into the checkout. With newBaseline the protos become the baseline, whatever they break.
//
// Errors: a proto does not compile, is not formatted, breaks a lint rule, or breaks the baseline.
func Run(ctx context.Context, root workspace.Root, newBaseline bool) error {
	return withImage(ctx, root, func(image string) error {
		if newBaseline {
			data, err := os.ReadFile(image)
			if err != nil {
				return err
			}
			if err := os.WriteFile(root.Path(baseline), data, 0o644); err != nil {
				return err
			}
		}
		if err := generate(ctx, root, image, string(root)); err != nil {
			return err
		}
		return unlessNoNode(writeTypeScript(ctx, root, string(root)))
	})
}

// unlessNoNode tells of errNoNode, and passes other errors on.
func unlessNoNode(err error) error {
	if errors.Is(err, errNoNode) {
		fmt.Fprintln(os.Stderr, err)
		return nil
	}
	return err
}

// Check generates into a temporary folder and reports the committed files that differ.
//
// Errors: as Run's, and one that names the stale, missing and orphaned files.
func Check(ctx context.Context, root workspace.Root) error {
	return withImage(ctx, root, func(image string) error {
		fresh, err := os.MkdirTemp("", "generate")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(fresh) }()
		if err := generate(ctx, root, image, fresh); err != nil {
			return err
		}
		names := []string{"proto", cluster.Queues, cluster.Users}
		switch err := writeTypeScript(ctx, root, fresh); {
		case err == nil:
			names = append(names, typeScript)
		case unlessNoNode(err) != nil:
			return err
		}
		stale, err := differences(string(root), fresh, names...)
		if err == nil && len(stale) > 0 {
			err = fmt.Errorf("run `go run ./tools/dev generate`: not up to date: %s", strings.Join(stale, ", "))
		}
		return err
	})
}

// withImage compiles the protos into an image and calls use with its file.
func withImage(ctx context.Context, root workspace.Root, use func(string) error) error {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	image := filepath.Join(dir, "image.binpb")
	compile := []string{"go", "-C", "tools/gen", "run", ".", "-proto", root.Path("proto"), "-out", image}
	if err := root.Run(ctx, workspace.Command{Args: compile}); err != nil {
		return err
	}
	return use(image)
}

// generate checks the protos and writes the generated files below out.
func generate(ctx context.Context, root workspace.Root, image, out string) error {
	for _, args := range [][]string{
		{"format", "proto", "--diff", "--exit-code"},
		{"lint", image, "--config", "buf.yaml"},
		{"breaking", image, "--against", baseline, "--config", "buf.yaml"},
		{"generate", image, "--output", out},
	} {
		if args[0] == "breaking" {
			if _, err := os.Stat(root.Path(baseline)); err != nil {
				return fmt.Errorf("the baseline is missing: %w", err)
			}
		}
		buf := append([]string{"go", "tool", "-modfile=" + modfile, "buf"}, args...)
		if err := root.Run(ctx, workspace.Command{Args: buf}); err != nil {
			return err
		}
	}
	files, err := readImage(image)
	if err != nil {
		return err
	}
	if err := writeComments(files, out); err != nil {
		return err
	}
	return cluster.Write(files, out)
}

// readImage reads an image.
func readImage(image string) (*descriptorpb.FileDescriptorSet, error) {
	data, err := os.ReadFile(image)
	if err != nil {
		return nil, err
	}
	files := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, files); err != nil {
		return nil, fmt.Errorf("decode %s: %w", image, err)
	}
	return files, nil
}

// differences returns the generated files that are not the same below both folders, by their paths there, sorted. It looks
// at those files and folders in them that are named.
func differences(committed, fresh string, parts ...string) ([]string, error) {
	var names []string
	for _, top := range []string{committed, fresh} {
		for _, part := range parts {
			err := filepath.WalkDir(filepath.Join(top, filepath.FromSlash(part)), func(path string, entry fs.DirEntry, err error) error {
				switch {
				case errors.Is(err, fs.ErrNotExist):
					return nil // so the other folder has it, and differs
				case err != nil || entry.IsDir() || !isGenerated(path):
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
	}
	return compare(committed, fresh, names)
}

// compare returns those of the named files that are not the same below both folders, sorted.
func compare(committed, fresh string, names []string) ([]string, error) {
	slices.Sort(names)
	var stale []string
	for _, name := range slices.Compact(names) {
		a, errA := os.ReadFile(filepath.Join(committed, name))
		b, errB := os.ReadFile(filepath.Join(fresh, name))
		if err := errors.Join(errA, errB); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			stale = append(stale, filepath.ToSlash(name))
		}
	}
	return stale, nil
}

// isGenerated reports whether a file is a generator's: of protoc-gen-go and -go-grpc, of protoc-gen-grpc-gateway, the
// comments, what the cluster has to know, or the TypeScript.
func isGenerated(path string) bool {
	return slices.ContainsFunc([]string{".pb.go", ".pb.gw.go", comments, cluster.Queues, cluster.Users, typeScript}, func(end string) bool {
		return strings.HasSuffix(path, filepath.FromSlash(end))
	})
}
