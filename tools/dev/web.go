package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	webserver "github.com/codingflow/rating/services/web/server"
	"github.com/codingflow/rating/tools/dev/webapp"
	"github.com/codingflow/rating/tools/dev/workspace"
)

type webCommand struct {
	Build webBuildCommand `cmd:"" help:"Build the web app of services/web, with Node."`
	Check webCheckCommand `cmd:"" help:"Check the web app's types and style and run its unit tests, with Node."`
}

type webBuildCommand struct{}

// Run builds the web app.
func (*webBuildCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	return webapp.Build(ctx, root)
}

type webCheckCommand struct{}

// Run checks the web app.
func (*webCheckCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	return webapp.Check(ctx, root)
}

// web returns the web app's handler, built anew if its sources have changed. Without Node it is the one that this program was
// built with, which may be none: it says so itself. Under Bazel that one is up to date.
func (c *upCommand) web(ctx context.Context) (http.Handler, error) {
	var config webserver.Config
	root, err := workspace.Find()
	if err == nil && c.Web && os.Getenv("BUILD_WORKSPACE_DIRECTORY") == "" {
		if err := refreshWeb(ctx, root); err == nil {
			config.Assets = os.DirFS(webapp.Output(root))
		} else if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "dev: the web app is not built:", err)
		}
	}
	return webserver.New(config)
}

func refreshWeb(ctx context.Context, root workspace.Root) error {
	stale, err := webapp.Stale(root)
	if err != nil || !stale {
		return err
	}
	fmt.Fprintln(os.Stderr, "Building the web app.")
	return webapp.Build(ctx, root)
}
