// Command deploy brings the system to a Kubernetes cluster: it pushes the images that Bazel built, renders a kustomize
// overlay with their digests, applies it with kubectl, waits, and says what is wrong when something does not become ready.
//
//	bazel run //k8s:deploy_dev
//	bazel run //tools/deploy -- --help
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Render renderCommand `cmd:"" help:"Print the manifests, as they would be applied. Generated Secrets are without what is generated."`
	Push   pushCommand   `cmd:"" help:"Push the images only, and print their references: REGISTRY/NAME@DIGEST."`
	Apply  applyCommand  `cmd:"" help:"Push the images, apply the manifests, and wait until everything is ready."`
	Diff   diffCommand   `cmd:"" help:"Print what applying would change. The exit code is 1 if it would change something."`
	Delete deleteCommand `cmd:"" help:"Delete everything from a cluster on this machine, data included."`
}

// errDiffers ends the program with 1 and no word more.
var errDiffers = errors.New("there are differences")

func main() {
	var c cli
	parser := kong.Parse(&c,
		kong.Name("deploy"),
		kong.Description("Deploys the system to Kubernetes. docs/kubernetes.md says what a cluster needs first."),
		kong.UsageOnError(),
	)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	defer stop()
	parser.BindTo(ctx, (*context.Context)(nil))
	err := parser.Run()
	switch {
	case err == nil:
		return
	case errors.Is(err, errDiffers):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "deploy: interrupted; what was applied stays")
	default:
		fmt.Fprintln(os.Stderr, "deploy:", err)
	}
	os.Exit(1)
}
