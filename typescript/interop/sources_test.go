//go:build integration

package interop

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

func TestTheCommittedTypeScriptIsWhatTheProtosGenerate(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	// What the generators read in processes of their own is looked at here, so that go test does not answer from its cache
	// when it has changed.
	for _, input := range []string{"proto", "tools/gen"} {
		require.NoError(t, filepath.WalkDir(root.Path(filepath.FromSlash(input)), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		}))
	}
	require.NoError(t, generate.TypeScript(t.Context(), root, filepath.Join(build(t), filepath.FromSlash(generate.ProtocGenES)), true))
}

func TestTheUnitTestsInTypeScriptPass(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "npm", "test")
	cmd.Dir = build(t)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require.NoError(t, cmd.Run())
}
