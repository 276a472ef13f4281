// Command check asserts that an image, as an OCI layout, is what go_image in tools/oci/image.bzl says. Bazel runs it as the
// test of each image.
//
//	check --program proxy --port 8080 --env PROXY_LISTEN=:8080 proxy/image
package main

import (
	"fmt"
	"path/filepath"

	"github.com/alecthomas/kong"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// An expectation is what an image must be.
type expectation struct {
	Program   string   `required:"" help:"Name of the program."`
	Port      string   `required:"" help:"TCP port that it listens on."`
	Env       []string `sep:"none" placeholder:"NAME=VALUE" help:"Its environment, in order."`
	Directory string   `placeholder:"PATH" help:"The one directory that it may write in."`
	NPM       bool     `name:"npm" help:"Its bill of materials has packages of npm."`
	MaxSize   int64    `default:"25000000" help:"What a node downloads for it at most, in bytes."`
	Layout    string   `arg:"" help:"Folder with the OCI layout."`
}

func main() {
	var want expectation
	cli := kong.Parse(&want, kong.Name("check"), kong.Description("Asserts that an image is as tools/oci/image.bzl says."))
	index, err := open(want.Layout)
	cli.FatalIfErrorf(err)
	cli.FatalIfErrorf(checkIndex(index, &want))
}

// open returns the one index of a layout, whose blobs are what their digests say.
func open(path string) (v1.ImageIndex, error) {
	// Bazel shows a test links to its files, which layout does not follow.
	index, err := filepath.EvalSymlinks(filepath.Join(path, "index.json"))
	if err != nil {
		return nil, err
	}
	all, err := layout.ImageIndexFromPath(filepath.Dir(index))
	if err != nil {
		return nil, err
	}
	manifest, err := all.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("the layout has %d manifests, must have 1: the index", len(manifest.Manifests))
	}
	platforms, err := all.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	if err := validate.Index(platforms); err != nil {
		return nil, err
	}
	return platforms, nil
}
