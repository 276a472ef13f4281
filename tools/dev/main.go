// Command dev is the developer's command line: it runs the whole system, tests it, and generates its code.
//
//	go run ./tools/dev --help
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/codingflow/rating/tools/dev/generate"
	"github.com/codingflow/rating/tools/dev/verify"
	"github.com/codingflow/rating/tools/dev/workspace"
	kongcompletion "github.com/jotaen/kong-completion"
)

type cli struct {
	Up       upCommand       `cmd:"" help:"Run everything in one process: NATS, the rating service, the proxy, the web app."`
	Test     testCommand     `cmd:"" help:"Run all tests; install what they need beside Go."`
	Lint     lintCommand     `cmd:"" help:"Run the linters."`
	Generate generateCommand `cmd:"" help:"Check the protos and generate the code from them."`
	Web      webCommand      `cmd:"" help:"Build and check the web app."`

	NewService  newServiceCommand  `cmd:"" name:"new-service" help:"Make a service: its proto, code, test, image and manifests."`
	Seed        seedCommand        `cmd:"" help:"Fill a running system with plausible data, through its API."`
	Perf        perfCommand        `cmd:"" help:"Put load on a running system with k6, and say whether it keeps up."`
	OpenAPI     openapiCommand     `cmd:"" name:"openapi" help:"Print the API's OpenAPI document, as the proxy serves it."`
	Dead        deadCommand        `cmd:"" help:"Look at, replay and drop dead letters: commands whose every attempt failed."`
	Queues      queuesCommand      `cmd:"" help:"Make and compare the queues of services."`
	Routes      routesCommand      `cmd:"" help:"Look at and remove the routes that services have published."`
	Permissions permissionsCommand `cmd:"" help:"Print the least permissions of a NATS user that serves or calls services."`

	kubernetesCommands

	Completion kongcompletion.Completion `cmd:"" help:"Print how a shell completes these commands."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	var c cli
	app := kong.Must(&c,
		kong.Name("dev"),
		kong.Description("The developer's commands."),
		kong.Vars{"version": version()},
		kong.UsageOnError(),
	)
	kongcompletion.Register(app) // ends the process where a shell asks for completions
	parser, err := app.Parse(os.Args[1:])
	app.FatalIfErrorf(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	defer stop()
	parser.BindTo(ctx, (*context.Context)(nil))
	if err := parser.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

type testCommand struct {
	Race bool     `help:"With the race detector."`
	Full bool     `help:"Run long scenarios at their full size."`
	Yes  bool     `help:"Install what is missing without asking; so it is where the variable CI is set."`
	Args []string `arg:"" optional:"" passthrough:"" help:"Further arguments of go test, packages included."`
}

// Run runs all tests.
func (c *testCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	return verify.Run(ctx, root, verify.Options{Race: c.Race, Full: c.Full, Yes: c.Yes || os.Getenv("CI") != "", Args: c.Args})
}

type lintCommand struct{}

// Run runs the linters that tools/lint pins: golangci-lint, and actionlint on GitHub's workflows.
func (*lintCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	for _, module := range workspace.Modules {
		args := []string{"go", "-C", module, "tool", "-modfile=" + root.Path("tools", "lint", "go.mod"), "golangci-lint", "run", "./..."}
		if err := root.Run(ctx, workspace.Command{Args: args}); err != nil {
			return err
		}
	}
	// It has a go.mod to itself: the two linters want different versions of one module.
	actionlint := []string{"go", "tool", "-modfile=" + root.Path("tools", "lint", "workflows", "go.mod"), "actionlint"}
	return root.Run(ctx, workspace.Command{Args: actionlint})
}

type generateCommand struct {
	Check       bool `help:"Change nothing; fail when something is not up to date." xor:"mode"`
	TypeScript  bool `name:"typescript" help:"Generate the TypeScript instead, by the generator that npm ci installs."`
	NewBaseline bool `help:"Accept the protos as they are, breaking changes included, as what later changes may not break." xor:"mode"`
}

// Run generates.
func (c *generateCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	if c.TypeScript {
		return generate.TypeScript(ctx, root, root.Path(generate.ProtocGenES), c.Check)
	}
	if c.Check {
		return generate.Check(ctx, root)
	}
	return generate.Run(ctx, root, c.NewBaseline)
}
