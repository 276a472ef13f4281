package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/codingflow/rating/tools/dev/workspace"
)

const (
	// typeScriptTool is the folder of what makes TypeScript of an OpenAPI document, with its versions.
	typeScriptTool = "tools/gen/typescript"
	// typeScript is what it makes.
	typeScript = "services/web/api/schema.ts"
)

// errNoNode says that the TypeScript cannot be made.
var errNoNode = errors.New("npm is not installed, so " + typeScript + " stays as it is: install Node 20 or newer, then generate again")

// writeTypeScript writes the TypeScript types of the API below out. The document is that of a new process, which has the
// code that has just been generated from the protos.
//
// Errors: errNoNode.
func writeTypeScript(ctx context.Context, root workspace.Root, out string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return errNoNode
	}
	dir, err := os.MkdirTemp("", "typescript")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(root.Path(typeScriptTool, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	var document bytes.Buffer
	openapi := workspace.Command{Args: []string{"go", "run", "./tools/dev", "openapi"}, Stdout: &document}
	if err := root.Run(ctx, openapi); err != nil {
		return err
	}
	source := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(source, document.Bytes(), 0o600); err != nil {
		return err
	}
	target := filepath.Join(out, filepath.FromSlash(typeScript))
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"npm", "--prefix", dir, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel", "error"},
		{filepath.Join(dir, "node_modules", ".bin", "openapi-typescript"), source, "--output", target},
	} {
		var output bytes.Buffer
		if err := root.Run(ctx, workspace.Command{Args: args, Stdout: &output, Stderr: &output}); err != nil {
			return fmt.Errorf("%w\n%s", err, output.Bytes())
		}
	}
	return nil
}
