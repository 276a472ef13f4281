package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/deploy/cluster"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// destination is where it is deployed to.
type destination struct {
	Context    string        `placeholder:"NAME" help:"Context of kubectl's configuration; the current one by default."`
	Cluster    cluster.Where `enum:"any,local,remote" default:"any" help:"Refuse a context that is not local (k3d-…, kind-…, minikube, docker-desktop), or is not remote (any other)."`
	AnyContext bool          `help:"Take the context wherever it is."`
	Timeout    time.Duration `default:"5m" help:"Longest time for each image to be pushed, for each request, and for each wait."`
}

// open opens the cluster and says which it is.
func (d *destination) open(ctx context.Context) (*cluster.Cluster, error) {
	if d.Timeout <= 0 {
		return nil, fmt.Errorf("--timeout: %s is not more than 0", d.Timeout)
	}
	where := d.Cluster
	if d.AnyContext {
		where = cluster.Anywhere
	}
	opened, err := cluster.Open(ctx, d.Context, where, os.Stdout)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "context %s: %s\n", opened.Context, opened.Server)
	return opened, nil
}

type applyCommand struct {
	source
	destination
	Only           []string `placeholder:"COMPONENT" help:"Apply the objects of these components alone: by their label app.kubernetes.io/component. Those without it, and generated Secrets, come along."`
	NoPush         bool     `help:"Push no image: the registry, or each node, has them already."`
	DryRun         bool     `help:"Push nothing; have the cluster check everything and keep nothing. It must have the namespace."`
	ForceConflicts bool     `help:"Take over fields that others have set."`
}

// Run deploys.
func (c *applyCommand) Run(ctx context.Context) error {
	objects, images, err := c.render()
	if err != nil {
		return err
	}
	if len(c.Only) > 0 {
		if objects, err = objects.Only(c.Only...); err != nil {
			return fmt.Errorf("--only: %w", err)
		}
		if err := keepUsed(images, objects); err != nil {
			return err
		}
	}
	to, err := c.open(ctx)
	if err != nil {
		return err
	}
	if !c.NoPush && !c.DryRun {
		if err := pushAll(ctx, images, c.Timeout); err != nil {
			return err
		}
	}
	return to.Apply(ctx, objects, cluster.Options{Timeout: c.Timeout, DryRun: c.DryRun, ForceConflicts: c.ForceConflicts})
}

type diffCommand struct {
	source
	destination
	ForceConflicts bool `help:"Compare with fields of others taken over."`
}

// Run prints the differences.
func (c *diffCommand) Run(ctx context.Context) error {
	objects, _, err := c.render()
	if err != nil {
		return err
	}
	to, err := c.open(ctx)
	if err != nil {
		return err
	}
	differs, err := to.Diff(ctx, objects, cluster.Options{Timeout: c.Timeout, ForceConflicts: c.ForceConflicts})
	if err == nil && differs {
		err = errDiffers
	}
	return err
}

type deleteCommand struct {
	Overlay    string        `required:"" placeholder:"DIR" help:"Folder of the kustomize overlay, such as k8s/dev."`
	Context    string        `placeholder:"NAME" help:"Context of kubectl's configuration; the current one by default. It must be local."`
	AnyContext bool          `help:"Delete from a cluster that is not on this machine, too."`
	Timeout    time.Duration `default:"5m" help:"Longest time for each step."`
	Yes        bool          `help:"Do not ask."`
}

// Run deletes.
func (c *deleteCommand) Run(ctx context.Context) error {
	objects, err := manifest.Build(c.Overlay)
	if err != nil {
		return err
	}
	to, err := (&destination{Context: c.Context, Cluster: cluster.Local, AnyContext: c.AnyContext, Timeout: c.Timeout}).open(ctx)
	if err != nil {
		return err
	}
	losses, err := to.Losses(ctx, objects)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "This deletes all %d objects of %s from %s, and with them this data:\n", len(objects), c.Overlay, to.Context)
	for _, loss := range losses {
		fmt.Fprintln(os.Stderr, "  "+loss)
	}
	if len(losses) == 0 {
		fmt.Fprintln(os.Stderr, "  none")
	}
	if !c.Yes && !confirm(ctx, os.Stdin) {
		return errors.New("nothing was deleted")
	}
	return to.Delete(ctx, objects, c.Timeout)
}

// confirm asks; no answer is no.
func confirm(ctx context.Context, answers io.Reader) bool {
	fmt.Fprint(os.Stderr, "Delete it? [y/N] ")
	answered := make(chan string, 1)
	go func() { // reading cannot be interrupted; the process ends soon after ctx
		answer, _ := bufio.NewReader(answers).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case answer := <-answered:
		return answer == "y" || answer == "yes"
	case <-ctx.Done():
		return false
	}
}
