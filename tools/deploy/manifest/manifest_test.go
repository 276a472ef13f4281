package manifest

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// images are what the fixtures want.
func images() map[string]string {
	return map[string]string{
		"proxy":  "registry.example:5000/rating/proxy@sha256:" + strings.Repeat("1", 64),
		"rating": "registry.example:5000/rating/rating@sha256:" + strings.Repeat("2", 64),
	}
}

func render(t *testing.T, overlay string, images map[string]string) string {
	t.Helper()
	objects, err := Render(overlay, images)
	require.NoError(t, err)
	text, err := objects.YAML()
	require.NoError(t, err)
	return text
}

func TestRender(t *testing.T) {
	got := render(t, "testdata/dev", images())
	if *update {
		require.NoError(t, os.WriteFile("testdata/dev.yaml", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/dev.yaml")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))
}

// TestRenderFollowsTheLinksThatBazelMakes has each file linked from another folder, as in Bazel's runfiles.
func TestRenderFollowsTheLinksThatBazelMakes(t *testing.T) {
	source, err := filepath.Abs("testdata")
	require.NoError(t, err)
	links := t.TempDir()
	require.NoError(t, filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(links, relative), 0o700)
		}
		return os.Symlink(path, filepath.Join(links, relative))
	}))
	require.Equal(t, render(t, "testdata/dev", images()), render(t, filepath.Join(links, "dev"), images()))
}

func TestNameOfAJobFollowsItsSpec(t *testing.T) {
	job := func(images map[string]string) string {
		objects, err := Render("testdata/dev", images)
		require.NoError(t, err)
		jobs := objects.Where(Is("batch", "Job"))
		require.Len(t, jobs, 1)
		return jobs[0].GetName()
	}
	first := job(images())
	require.Regexp(t, "^rating-migrate"+JobHash+"$", first)
	other := images()
	other["proxy"] = "registry.example/proxy@sha256:" + strings.Repeat("3", 64)
	require.Equal(t, first, job(other), "the proxy is no part of it")
	other["rating"] = "registry.example/rating@sha256:" + strings.Repeat("3", 64)
	require.NotEqual(t, first, job(other))
}

func TestRenderRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		overlay string
		images  map[string]string
		want    string
	}{
		"an image that is not deployed": {
			"testdata/dev", map[string]string{"proxy": images()["proxy"]},
			`overlay testdata/dev: Deployment rating/proxy: image "rating" is not among those that are deployed: --image rating=LAYOUT is missing`,
		},
		"an image with a tag that names no registry": {
			"testdata/bare", nil,
			`overlay testdata/bare: CronJob rating/sweep: image "sweeper:1" is not among those that are deployed: --image sweeper=LAYOUT is missing`,
		},
		"a reference without a digest": {
			"testdata/dev", map[string]string{"proxy": "registry.example/proxy:1"},
			`overlay testdata/dev: Namespace rating: image proxy: "registry.example/proxy:1" is not REPOSITORY@DIGEST`,
		},
		"an unknown kind of value": {
			"testdata/wrong-secret", nil,
			`overlay testdata/wrong-secret: Secret rating/keys: annotation deploy.codingflow.com/generate: keys has the kind "uuid", must have nkey-seed, nkey-public, random or key`,
		},
		"a Job whose name has no room for the hash": {
			"testdata/long-job", nil,
			"overlay testdata/long-job: Job rating/a-name-of-fifty-three-characters-is-too-long-for-a-job: name a-name-of-fifty-three-characters-is-too-long-for-a-job-7eae8bffff: it has 65 characters, may have 63",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Render(test.overlay, test.images)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestBuildRefusesWhatKustomizeDoes(t *testing.T) {
	for name, test := range map[string]struct{ overlay, want string }{
		"no overlay":                   {"testdata/none", "no such file or directory"},
		"no kustomization":             {"testdata", "unable to find one of 'kustomization.yaml'"},
		"a file outside of its folder": {"testdata/outside", "is not in or below"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(test.overlay)
			require.ErrorContains(t, err, "overlay "+test.overlay+": ")
			require.ErrorContains(t, err, test.want)
		})
	}
}
