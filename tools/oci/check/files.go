package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A file is an entry of a layer.
type file struct {
	mode    fs.FileMode
	owner   string // numeric: user:group
	changed int64  // Unix time in seconds
	content []byte
}

// readFiles returns the entries of all layers by their absolute paths.
func readFiles(image v1.Image) (map[string]file, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	files := map[string]file{}
	for _, layer := range layers {
		if err := readLayer(layer, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func readLayer(layer v1.Layer, files map[string]file) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	for entries := tar.NewReader(content); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Join("/", header.Name) //nolint:gosec // nothing is written there
		if _, twice := files[name]; twice {
			return fmt.Errorf("%s is there twice", name)
		}
		content, err := io.ReadAll(entries)
		if err != nil {
			return err
		}
		files[name] = file{
			mode:    header.FileInfo().Mode(),
			owner:   fmt.Sprintf("%d:%d", header.Uid, header.Gid),
			changed: header.ModTime.Unix(),
			content: content,
		}
	}
}

// checkFiles asserts that there is the program, its bill of materials and the directory that it may write in; no shell and no
// library. The program cannot change what is root's.
func checkFiles(files map[string]file, want *expectation) error {
	wanted := map[string]file{
		"/" + want.Program: {mode: 0o555, owner: "0:0"},
		"/sbom.cdx.json":   {mode: 0o444, owner: "0:0"},
	}
	if want.Directory != "" {
		wanted[want.Directory] = file{mode: fs.ModeDir | 0o750, owner: fmt.Sprintf("%d:%d", user, user)}
	}
	problems := []error{equal("files", slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(wanted)))}
	for name, wanted := range wanted {
		got, ok := files[name]
		if !ok {
			continue
		}
		problems = append(problems,
			equal("mode of "+name, got.mode, wanted.mode),
			equal("owner of "+name, got.owner, wanted.owner),
			equal("time of "+name, got.changed, wanted.changed))
	}
	return errors.Join(problems...)
}
