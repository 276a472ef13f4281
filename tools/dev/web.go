package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/webapp"
	"github.com/codingflow/rating/tools/dev/workspace"
)

type webCommand struct {
	Build webBuildCommand `cmd:"" help:"Build the web app of services/web, with Node."`
	Check webCheckCommand `cmd:"" help:"Check the web app's types and style and run its unit tests, with Node."`

	Screenshots webScreenshotsCommand `cmd:"" help:"Take the pictures of docs/images anew, with Node and Chromium."`
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

type webScreenshotsCommand struct{}

// Run starts a stack of its own for the pictures.
func (*webScreenshotsCommand) Run(ctx context.Context) (err error) {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	if err := webapp.Build(ctx, root); err != nil {
		return err
	}
	ui := webapp.UI(webapp.UIConfig{Assets: os.DirFS(webapp.Output(root))})
	data, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := stack.Start(ctx, stack.Config{Listen: "127.0.0.1:0", Data: data, UI: ui, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var taking error
	return errors.Join(s.Run(ctx, func() {
		taking = webapp.Screenshots(ctx, root, "http://"+s.Addr().String())
		stop()
	}), taking)
}

// assets returns the web app, built anew if its sources have changed. Without Node it is the one that this program was built
// with, which may be none: it says so itself. Under Bazel that one is up to date.
func (c *upCommand) assets(ctx context.Context) fs.FS {
	root, err := workspace.Find()
	if err != nil || !c.Web || os.Getenv("BUILD_WORKSPACE_DIRECTORY") != "" {
		return nil
	}
	if err := refreshWeb(ctx, root); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "dev: the web app is not built:", err)
		}
		return nil
	}
	return os.DirFS(webapp.Output(root))
}

func refreshWeb(ctx context.Context, root workspace.Root) error {
	stale, err := webapp.Stale(root)
	if err != nil || !stale {
		return err
	}
	fmt.Fprintln(os.Stderr, "Building the web app.")
	return webapp.Build(ctx, root)
}
