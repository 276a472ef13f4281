package k8s

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

// TestRendering compares what is deployed with testdata, where its review and its validation look at it: infra/NAME is
// testdata/infra-NAME.yaml. After a change of manifests: go test ./k8s -update
func TestRendering(t *testing.T) {
	images := make(map[string]string)
	for _, name := range []string{"proxy", "rating", "web"} {
		images[name] = "registry.example/rating/" + name + "@sha256:" + strings.Repeat("0", 64)
	}
	overlays := []string{"dev", "aks"}
	infra, err := filepath.Glob("infra/*/kustomization.yaml")
	require.NoError(t, err)
	for _, file := range infra {
		overlays = append(overlays, filepath.Dir(file))
	}
	for _, overlay := range overlays {
		t.Run(overlay, func(t *testing.T) {
			objects, err := manifest.Render(overlay, images)
			require.NoError(t, err)
			got, err := objects.YAML()
			require.NoError(t, err)
			path := filepath.Join("testdata", strings.ReplaceAll(overlay, "/", "-")+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got), "if it is meant so: go test ./k8s -update")
		})
	}
}
