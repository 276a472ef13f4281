package webapp

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// write writes a file of a checkout, changed at a time.
func write(t *testing.T, root workspace.Root, name, text string, changed time.Time) {
	t.Helper()
	path := root.Path(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chtimes(path, changed, changed))
}

func TestAnAppIsStaleWhenItsSourcesHaveChanged(t *testing.T) {
	root := workspace.Root(t.TempDir())
	stale := func() bool {
		t.Helper()
		stale, err := Stale(root)
		require.NoError(t, err)
		return stale
	}
	now := time.Now()
	write(t, root, "src/main.tsx", "", now)
	require.True(t, stale(), "not built")
	write(t, root, "server/dist/index.html", "", now.Add(time.Second))
	require.False(t, stale())
	write(t, root, "node_modules/x/index.js", "", now.Add(time.Minute))
	write(t, root, "server/handler.go", "", now.Add(time.Minute))
	require.False(t, stale(), "no sources of the app")
	write(t, root, "src/style.css", "", now.Add(time.Minute))
	require.True(t, stale())
}

func TestThePackageManagerIsPinned(t *testing.T) {
	root := workspace.Root(t.TempDir())
	for text, want := range map[string]string{
		`{"packageManager": "pnpm@10.34.8"}`: "",
		`{}`:                                 "services/web/package.json has no packageManager",
		`{`:                                  "services/web/package.json: unexpected end of JSON input",
	} {
		write(t, root, "package.json", text, time.Now())
		got, err := packageManager(root)
		if want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "pnpm@10.34.8", got)
	}
}

func TestWithoutNodeOneIsToldWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	require.ErrorIs(t, Build(t.Context(), workspace.Root(t.TempDir())), ErrNoNode)
}
