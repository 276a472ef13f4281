package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	want := &expectation{Program: "rating", Port: "8081", Env: []string{"RATING_LISTEN=:8081"}, Directory: "/data"}
	good := func() v1.Config {
		return v1.Config{
			User:         "65532:65532",
			Entrypoint:   []string{"/rating"},
			Env:          []string{"RATING_LISTEN=:8081"},
			ExposedPorts: map[string]struct{}{"8081/tcp": {}},
			Volumes:      map[string]struct{}{"/data": {}},
			WorkingDir:   "/data",
			Labels: map[string]string{
				"org.opencontainers.image.title":       "rating",
				"org.opencontainers.image.description": "Rates.",
				"org.opencontainers.image.source":      "https://example.com",
			},
		}
	}
	for name, test := range map[string]struct {
		edit func(*v1.Config)
		want string
	}{
		"right": {func(*v1.Config) {}, ""},
		"root":  {func(c *v1.Config) { c.User = "" }, "configuration: it is "},
		"a command of its own": {
			func(c *v1.Config) { c.Cmd = []string{"migrate"} }, "configuration: it is ",
		},
		"another title": {
			func(c *v1.Config) { c.Labels["org.opencontainers.image.title"] = "proxy" }, "title: it is proxy, must be rating",
		},
		"no source": {
			func(c *v1.Config) { delete(c.Labels, "org.opencontainers.image.source") },
			"label org.opencontainers.image.source is missing\nnumber of labels: it is 2, must be 3",
		},
		"half a release": {
			func(c *v1.Config) { c.Labels["org.opencontainers.image.version"] = "v1.2.3" },
			"label org.opencontainers.image.revision is missing\nlabel org.opencontainers.image.created is missing\n" +
				"number of labels: it is 4, must be 6",
		},
		"a label too many": {
			func(c *v1.Config) { c.Labels["maintainer"] = "Ada" }, "number of labels: it is 4, must be 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := good()
			test.edit(&config)
			err := checkConfig(&v1.ConfigFile{Config: config}, want)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestSize(t *testing.T) {
	manifest := &v1.Manifest{Config: v1.Descriptor{Size: 100}, Layers: []v1.Descriptor{{Size: 700}, {Size: 200}}}
	require.NoError(t, checkSize(manifest, 1000))
	require.EqualError(t, checkSize(manifest, 999), "it has 1000 bytes, may have 999")
}

func TestFiles(t *testing.T) {
	want := &expectation{Program: "rating", Directory: "/data"}
	for name, test := range map[string]struct {
		edit func(map[string]file)
		want string
	}{
		"right": {func(map[string]file) {}, ""},
		"a shell": {
			func(files map[string]file) { files["/bin/sh"] = file{} },
			"files: it is [/bin/sh /data /rating /sbom.cdx.json], must be [/data /rating /sbom.cdx.json]",
		},
		"no bill of materials": {
			func(files map[string]file) { delete(files, "/sbom.cdx.json") },
			"files: it is [/data /rating], must be [/data /rating /sbom.cdx.json]",
		},
		"a program that can change itself": {
			func(files map[string]file) { files["/rating"] = file{mode: 0o755, owner: "65532:65532"} },
			"mode of /rating: it is -rwxr-xr-x, must be -r-xr-xr-x\nowner of /rating: it is 65532:65532, must be 0:0",
		},
		"the time of the build": {
			func(files map[string]file) { files["/rating"] = file{mode: 0o555, owner: "0:0", changed: 1} },
			"time of /rating: it is 1, must be 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]file{
				"/rating":        {mode: 0o555, owner: "0:0"},
				"/sbom.cdx.json": {mode: 0o444, owner: "0:0"},
				"/data":          {mode: fs.ModeDir | 0o750, owner: "65532:65532"},
			}
			test.edit(files)
			err := checkFiles(files, want)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.want)
		})
	}
}

func TestFilesAreReadFromTheLayers(t *testing.T) {
	layer := archive(t,
		&tar.Header{Name: "rating", Mode: 0o555, Typeflag: tar.TypeReg, Size: 1},
		&tar.Header{Name: "./data/", Mode: 0o750, Typeflag: tar.TypeDir, Uid: 65532, Gid: 65532})
	image, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(t, err)
	files, err := readFiles(image)
	require.NoError(t, err)
	require.Equal(t, map[string]file{
		"/rating": {mode: 0o555, owner: "0:0", content: []byte("x")},
		"/data":   {mode: fs.ModeDir | 0o750, owner: "65532:65532", content: []byte{}},
	}, files)

	image, err = mutate.AppendLayers(image, layer)
	require.NoError(t, err)
	_, err = readFiles(image)
	require.EqualError(t, err, "/rating is there twice")
}

// archive returns a layer whose files hold as many x as their sizes say.
func archive(t *testing.T, headers ...*tar.Header) v1.Layer {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, header := range headers {
		require.NoError(t, w.WriteHeader(header))
		_, err := w.Write(bytes.Repeat([]byte("x"), int(header.Size)))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return static.NewLayer(content.Bytes(), types.OCIUncompressedLayer)
}

func TestPlatforms(t *testing.T) {
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "riscv64", RootFS: v1.RootFS{Type: "layers"}})
	require.NoError(t, err)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add:        image,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "riscv64"}},
	})
	path := t.TempDir()
	written, err := layout.Write(path, empty.Index)
	require.NoError(t, err)
	require.NoError(t, written.AppendIndex(index))
	read, err := open(path)
	require.NoError(t, err)
	err = checkIndex(read, &expectation{Program: "rating", Port: "8081"})
	require.ErrorContains(t, err, "linux/riscv64: ")
	require.ErrorContains(t, err, "platforms: it is [linux/riscv64], must be [linux/amd64 linux/arm64]")
}

func TestALayoutHasOneIndex(t *testing.T) {
	path := t.TempDir()
	_, err := layout.Write(path, empty.Index)
	require.NoError(t, err)
	_, err = open(path)
	require.EqualError(t, err, "the layout has 0 manifests, must have 1: the index")
}

func TestModulesCoverPackages(t *testing.T) {
	require.Equal(t, []string{"a.example/yy"}, uncovered([]string{"a.example/x", "a.example/x/y", "a.example/yy"}, []string{"a.example/x", "a.example/y"}))
}
