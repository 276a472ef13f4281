// Package webapp builds the web app of services/web with Node: it installs the packages that pnpm-lock.yaml pins and runs
// Vite. And it serves the app in a stack.
package webapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// timeout bounds a build. The packages come over the network the first time.
const timeout = 5 * time.Minute

// ErrNoNode means that there is no Node to build with.
var ErrNoNode = errors.New("the web app is built with Node 20.19 or newer, and npx is not on PATH: install Node and npm with your system's packages, or from nodejs.org")

// folder is where the app is in a checkout, output where its build is in that.
const (
	folder = "services/web"
	output = "server/dist"
)

// Output returns the folder that the build writes.
func Output(root workspace.Root) string { return root.Path(folder, output) }

// Build installs the packages that the app is built from, if need be, and builds it.
//
// Errors: [ErrNoNode]; the packages cannot be had; the app does not build.
func Build(ctx context.Context, root workspace.Root) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, args := range [][]string{{"install", "--frozen-lockfile", "--prefer-offline"}, {"run", "build"}} {
		if err := Run(ctx, root, args...); err != nil {
			return err
		}
	}
	return nil
}

// Check installs the packages as Build does, and checks the app's types and style, and runs its unit tests.
func Check(ctx context.Context, root workspace.Root) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, args := range [][]string{{"install", "--frozen-lockfile", "--prefer-offline"}, {"run", "types"}, {"run", "lint"}, {"run", "test"}} {
		if err := Run(ctx, root, args...); err != nil {
			return err
		}
	}
	return nil
}

// Screenshots takes the pictures of docs/images of the app at an origin, whose data it makes first.
func Screenshots(ctx context.Context, root workspace.Root, origin string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return root.Run(ctx, workspace.Command{
		Args: []string{"node", root.Path(folder, "browser", "screenshots.js"), root.Path("docs", "images")},
		Env:  []string{"WEB_ORIGIN=" + origin},
	})
}

// Run runs pnpm, at the version that package.json pins, in the app's folder.
func Run(ctx context.Context, root workspace.Root, args ...string) error {
	if _, err := exec.LookPath("npx"); err != nil {
		return ErrNoNode
	}
	pnpm, err := packageManager(root)
	if err != nil {
		return err
	}
	// CI keeps pnpm from asking; it writes what it does to stdout.
	return root.Run(ctx, workspace.Command{
		Args:   append([]string{"npx", "--yes", pnpm, "--dir", folder}, args...),
		Env:    []string{"CI=true"},
		Stdout: os.Stderr,
	})
}

// packageManager returns the package manager with its version, as package.json has it.
func packageManager(root workspace.Root) (string, error) {
	data, err := os.ReadFile(root.Path(folder, "package.json"))
	if err != nil {
		return "", err
	}
	var manifest struct{ PackageManager string }
	if err := json.Unmarshal(data, &manifest); err != nil {
		return "", fmt.Errorf("%s/package.json: %w", folder, err)
	}
	if manifest.PackageManager == "" {
		return "", fmt.Errorf("%s/package.json has no packageManager", folder)
	}
	return manifest.PackageManager, nil
}

// Stale reports whether the app has changed since it was built, or has not been built.
func Stale(root workspace.Root) (bool, error) {
	built, err := os.Stat(filepath.Join(Output(root), "index.html"))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	stale := false
	err = filepath.WalkDir(root.Path(folder), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "server") {
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stale = stale || info.ModTime().After(built.ModTime()) && !entry.IsDir()
		return nil
	})
	return stale, err
}
