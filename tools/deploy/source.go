package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/codingflow/rating/tools/deploy/manifest"
	"github.com/codingflow/rating/tools/deploy/push"
)

// build is the images, as Bazel built them, and where they go.
type build struct {
	Image           map[string]string `mapsep:"none" placeholder:"NAME=LAYOUT" help:"Folder with the OCI layout of an image, by the name that it has in manifests. Repeatable."`
	Registry        string            `env:"REGISTRY" placeholder:"HOST[/PATH]" help:"Registry that the cluster pulls from."`
	DefaultRegistry string            `placeholder:"HOST[/PATH]" help:"Registry, where neither --registry nor REGISTRY is given."`
}

// source is what is deployed.
type source struct {
	Overlay string `required:"" placeholder:"DIR" help:"Folder of the kustomize overlay, such as k8s/dev."`
	build
}

// images opens the layouts, by name.
func (b *build) images() (map[string]*push.Image, error) {
	images := make(map[string]*push.Image)
	registry := b.Registry
	if registry == "" {
		registry = b.DefaultRegistry
	}
	if registry == "" && len(b.Image) > 0 {
		return nil, errors.New("--registry is missing: HOST[/PATH] of the registry that the cluster pulls from; or set REGISTRY")
	}
	for name, layout := range b.Image {
		image, err := push.Open(layout, registry, name)
		if err != nil {
			return nil, err
		}
		images[name] = image
	}
	return images, nil
}

// render returns the manifests with the images, and these.
func (s *source) render() (manifest.Objects, map[string]*push.Image, error) {
	images, err := s.images()
	if err != nil {
		return nil, nil, err
	}
	references := make(map[string]string)
	for name, image := range images {
		references[name] = image.Reference()
	}
	objects, err := manifest.Render(s.Overlay, references)
	return objects, images, err
}

// keepUsed forgets the images that no object runs.
func keepUsed(images map[string]*push.Image, objects manifest.Objects) error {
	used, err := objects.Images()
	if err != nil {
		return err
	}
	maps.DeleteFunc(images, func(_ string, image *push.Image) bool { return !slices.Contains(used, image.Reference()) })
	return nil
}

// pushAll pushes images, one after the other, each within timeout.
func pushAll(ctx context.Context, images map[string]*push.Image, timeout time.Duration) error {
	for _, name := range slices.Sorted(maps.Keys(images)) {
		fmt.Fprintf(os.Stderr, "push %s (tag %s)\n", images[name].Reference(), images[name].Tag())
		ctx, cancel := context.WithTimeout(ctx, timeout)
		err := images[name].Push(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

type renderCommand struct {
	source
}

// Run prints the manifests.
func (c *renderCommand) Run() error {
	objects, _, err := c.render()
	if err != nil {
		return err
	}
	text, err := objects.YAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

type pushCommand struct {
	build
	Timeout time.Duration `default:"5m" help:"Longest time for each image."`
}

// Run pushes the images and prints their references.
func (c *pushCommand) Run(ctx context.Context) error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout: %s is not more than 0", c.Timeout)
	}
	images, err := c.images()
	if err != nil {
		return err
	}
	if err := pushAll(ctx, images, c.Timeout); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		fmt.Println(images[name].Reference())
	}
	return nil
}
