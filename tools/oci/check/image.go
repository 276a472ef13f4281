package main

import (
	"errors"
	"fmt"
	"reflect"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// user is whom programs run as: nobody whom a host knows.
const user = 65532

// checkIndex asserts that an index has an image for each platform, and those are as wanted.
func checkIndex(index v1.ImageIndex, want *expectation) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	var platforms []string
	var problems []error
	for _, described := range manifest.Manifests {
		platform := described.Platform.String()
		platforms = append(platforms, platform)
		image, err := index.Image(described.Digest)
		if err == nil {
			err = checkImage(image, described.Platform.Architecture, want)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", platform, err))
		}
	}
	problems = append(problems, equal("platforms", platforms, []string{"linux/amd64", "linux/arm64"}))
	return errors.Join(problems...)
}

func checkImage(image v1.Image, architecture string, want *expectation) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	files, err := readFiles(image)
	if err != nil {
		return err
	}
	return errors.Join(
		checkSize(manifest, want.MaxSize),
		checkConfig(config, want),
		equal("annotations", manifest.Annotations, config.Config.Labels),
		checkFiles(files, want),
		checkProgram(files["/"+want.Program].content, architecture),
		checkBill(files["/sbom.cdx.json"].content, files["/"+want.Program].content, want),
	)
}

// checkSize asserts what a node downloads: the layers, compressed, and the configuration.
func checkSize(manifest *v1.Manifest, limit int64) error {
	size := manifest.Config.Size
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	if size > limit {
		return fmt.Errorf("it has %d bytes, may have %d", size, limit)
	}
	return nil
}

func checkConfig(file *v1.ConfigFile, want *expectation) error {
	config := v1.Config{
		User:         fmt.Sprintf("%d:%d", user, user),
		Entrypoint:   []string{"/" + want.Program},
		Env:          want.Env,
		ExposedPorts: map[string]struct{}{want.Port + "/tcp": {}},
		WorkingDir:   "/",
		Labels:       file.Config.Labels,
	}
	if want.Directory != "" {
		config.WorkingDir = want.Directory
		config.Volumes = map[string]struct{}{want.Directory: {}}
	}
	return errors.Join(
		equal("configuration", file.Config, config),
		checkLabels(file.Config.Labels, want.Program),
	)
}

// checkLabels asserts what is always said, and that of a release all or nothing is.
func checkLabels(labels map[string]string, title string) error {
	const prefix = "org.opencontainers.image."
	problems := []error{equal("title", labels[prefix+"title"], title)}
	names := []string{"title", "description", "source"}
	if labels[prefix+"version"] != "" {
		names = append(names, "version", "revision", "created")
	}
	for _, name := range names {
		if labels[prefix+name] == "" {
			problems = append(problems, fmt.Errorf("label %s is missing", prefix+name))
		}
	}
	problems = append(problems, equal("number of labels", len(labels), len(names)))
	return errors.Join(problems...)
}

func equal(what string, got, want any) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: it is %+v, must be %+v", what, got, want)
}
