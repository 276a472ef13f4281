//go:build integration

package generate_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/generate"
	"github.com/codingflow/rating/tools/dev/workspace"
)

func TestTheCommittedCodeIsWhatTheProtosGenerate(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	_, err = exec.LookPath("npm")
	require.NoError(t, err, "the TypeScript is made by a tool from the npm registry: install npm, or run `go run ./tools/dev test`, which does")
	// What the generators read in processes of their own is looked at here, so that go test does not answer from its cache
	// when it has changed.
	for _, input := range []string{"buf.yaml", "buf.gen.yaml", "k8s/base", "natsgrpc", "proto", "proxy/operations", "proxy/openapi", "proxy/server", "services/web/api", "tools/dev", "tools/gen"} {
		require.NoError(t, filepath.WalkDir(root.Path(input), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		}))
	}
	require.NoError(t, generate.Check(t.Context(), root))
}
