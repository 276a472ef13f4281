package generate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/workspace"
)

func TestDifferencesNamesStaleMissingAndOrphanedFiles(t *testing.T) {
	committed, fresh := t.TempDir(), t.TempDir()
	write := func(top, name, content string) {
		path := filepath.Join(top, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	write(committed, "proto/a/same.pb.go", "1")
	write(fresh, "proto/a/same.pb.go", "1")
	write(committed, "proto/a/a.proto", "only here, and not generated")
	stale, err := differences(committed, fresh, "proto", typeScript)
	require.NoError(t, err)
	require.Empty(t, stale)

	write(committed, "proto/a/stale.pb.go", "1")
	write(fresh, "proto/a/stale.pb.go", "2")
	write(committed, "proto/a/orphaned.pb.go", "1")
	write(fresh, "proto/b/missing.pb.go", "1")
	write(fresh, "proto/b/missing.pb.gw.go", "1")
	write(fresh, typeScript, "1")
	write(fresh, "services/web/api/client.ts", "not asked for")
	stale, err = differences(committed, fresh, "proto", typeScript)
	require.NoError(t, err)
	require.Equal(t, []string{"proto/a/orphaned.pb.go", "proto/a/stale.pb.go", "proto/b/missing.pb.go", "proto/b/missing.pb.gw.go", typeScript}, stale)
}

func TestWithoutNodeTheTypeScriptStaysAsItIs(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := writeTypeScript(t.Context(), workspace.Root(t.TempDir()), t.TempDir())
	require.EqualError(t, err, "npm is not installed, so services/web/api/schema.ts stays as it is: install Node 20 or newer, then generate again")
	require.NoError(t, unlessNoNode(err))
}
