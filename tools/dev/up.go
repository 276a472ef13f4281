package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/telemetry"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/webapp"
	"github.com/codingflow/rating/tools/dev/workspace"
)

type upCommand struct {
	Listen   string     `help:"Address of the HTTP server." default:"127.0.0.1:8080" env:"DEV_LISTEN"`
	Data     string     `help:"Folder for everything that is kept. Default: .data in the checkout." placeholder:"DIR" env:"DEV_DATA"`
	LogLevel slog.Level `help:"Least level to log: debug, info, warn or error." default:"warn" env:"DEV_LOG_LEVEL"`

	Web bool `help:"Build the web app when its sources have changed, where Node is there." default:"true" negatable:"" env:"DEV_WEB"`

	Database string `help:"Path of another SQLite file, or a postgres:// URL, for the rating service. Default: rating.db in the data folder." placeholder:"URL" env:"DEV_DATABASE"`

	OIDC        auth.Config   `embed:"" group:"Tokens"`
	SignIn      signin.Config `embed:"" group:"Tokens"`
	AdminClaims []string      `name:"admin-claim" group:"Tokens" placeholder:"NAME=VALUE" env:"RATING_ADMIN_CLAIMS" help:"Claims that make an administrator of the rating app, who may change what belongs to others; --oidc-claims must pass them on."`

	AdminListen string                 `group:"Observability" placeholder:"HOST:PORT" env:"DEV_ADMIN_LISTEN" help:"Address to serve /metrics on, such as 127.0.0.1:9090. Without it nothing is measured."`
	Traces      telemetry.TracesConfig `embed:"" group:"Observability"`

	NATSListen string `name:"nats-listen" group:"NATS" help:"Address at which services that run beside this one reach the NATS server in this process, which asks them for no credentials, such as 127.0.0.1:4222." placeholder:"HOST:PORT" env:"DEV_NATS_LISTEN" xor:"nats"`

	NATS     string            `name:"nats" group:"NATS" help:"An external NATS server with JetStream, instead of one in this process. The flags that follow are for it." placeholder:"URL" env:"DEV_NATS" xor:"nats"`
	Security natsdial.Security `embed:"" group:"NATS"`
}

// Run runs the stack until ctx ends.
func (c *upCommand) Run(ctx context.Context) (err error) {
	data, err := c.dataFolder()
	if err != nil {
		return err
	}
	logger := slog.New(telemetry.LogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel})))
	s, err := stack.Start(ctx, stack.Config{
		Listen:      c.Listen,
		Data:        data,
		NATS:        natsdial.Config{URL: c.NATS, Security: c.Security},
		NATSListen:  c.NATSListen,
		Database:    c.Database,
		OIDC:        c.OIDC,
		AdminClaims: c.AdminClaims,
		Traces:      c.Traces,
		AdminListen: c.AdminListen,
		Logger:      logger,
		UI:          webapp.UI(webapp.UIConfig{Assets: c.assets(ctx), Issuer: c.OIDC.Issuer, SignIn: c.SignIn, Logger: logger}),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var welcomeErr error
	stopping := context.AfterFunc(ctx, func() { fmt.Println("Draining; Ctrl-C again stops at once.") })
	defer stopping()
	return errors.Join(s.Run(ctx, func() { welcomeErr = s.Welcome(os.Stdout) }), welcomeErr)
}

// dataFolder returns the folder for the data, as an absolute path: under `bazel run` the working directory is not the
// person's.
func (c *upCommand) dataFolder() (string, error) {
	if c.Data == "" {
		root, err := workspace.Find()
		if err != nil {
			return "", err
		}
		return root.Path(".data"), nil
	}
	if started := os.Getenv("BUILD_WORKING_DIRECTORY"); started != "" && !filepath.IsAbs(c.Data) {
		return filepath.Join(started, c.Data), nil
	}
	return filepath.Abs(c.Data)
}

// version returns the version that the Go toolchain stamped into the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
