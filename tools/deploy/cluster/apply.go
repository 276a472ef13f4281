package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// Options say how objects are applied.
type Options struct {
	// Timeout is the longest that each request, and each wait, may take.
	Timeout time.Duration
	// DryRun has the cluster check everything and keep nothing.
	DryRun bool
	// ForceConflicts takes over the fields that others have set.
	ForceConflicts bool
}

// The kinds that Apply tells apart.
var (
	isNamespace = manifest.Is("", "Namespace")
	isCRD       = manifest.Is("apiextensions.k8s.io", "CustomResourceDefinition")
	isJob       = manifest.Is("batch", "Job")
	// isLast is what needs the others: the programs, and what scales them.
	isLast = manifest.Any(
		manifest.Is("apps", "Deployment"),
		manifest.Is("autoscaling", "HorizontalPodAutoscaler"),
		manifest.Is("keda.sh", "ScaledObject"),
	)
)

// Apply brings objects to the cluster and waits until they are ready, in steps:
//
//  1. namespaces and CustomResourceDefinitions;
//  2. Secrets to be generated, where the cluster lacks them;
//  3. all else but Deployments and what scales them. A Job that has failed runs again. Then StatefulSets and DaemonSets
//     are rolled out, Jobs complete, databases of CloudNativePG and the streams of NACK ready;
//  4. Deployments, HorizontalPodAutoscalers and ScaledObjects; then Deployments are rolled out.
//
// What has been applied before and is no longer among objects stays in the cluster.
//
// Errors: the cluster does not know a kind, and then nothing was changed; it refuses an object; others have set fields of
// one; *NotReadyError.
func (c *Cluster) Apply(ctx context.Context, objects manifest.Objects, options Options) error {
	if err := c.require(ctx, objects); err != nil {
		return err
	}
	isFirst := manifest.Any(isNamespace, isCRD)
	first := objects.Where(isFirst)
	rest := objects.Where(manifest.Not(manifest.Any(isFirst, isGenerated)))
	if err := c.applyAndWait(ctx, first, options); err != nil {
		return err
	}
	if err := c.createSecrets(ctx, objects.Where(isGenerated), options); err != nil {
		return err
	}
	if !options.DryRun {
		if err := c.deleteFailed(ctx, rest.Where(isJob), options); err != nil {
			return err
		}
	}
	if err := c.applyAndWait(ctx, rest.Where(manifest.Not(isLast)), options); err != nil {
		return err
	}
	return c.applyAndWait(ctx, rest.Where(isLast), options)
}

func (c *Cluster) applyAndWait(ctx context.Context, objects manifest.Objects, options Options) error {
	if len(objects) == 0 {
		return nil
	}
	text, err := objects.YAML()
	if err != nil {
		return err
	}
	args := []string{"apply", "--server-side", "--field-manager=" + Manager}
	if options.ForceConflicts {
		args = append(args, "--force-conflicts")
	}
	if options.DryRun {
		args = append(args, "--dry-run=server")
	}
	_, err = c.kubectl.Run(ctx, kubectl.Command{Args: append(args, "--filename=-"), Stdin: text, Stdout: c.out, Timeout: options.Timeout})
	if err != nil {
		return explain(err)
	}
	if options.DryRun {
		return nil
	}
	return c.wait(ctx, objects, options.Timeout)
}

// deleteFailed deletes Jobs that have failed, so that applying them runs them again.
func (c *Cluster) deleteFailed(ctx context.Context, jobs manifest.Objects, options Options) error {
	for _, job := range jobs {
		failed, err := c.read(ctx, append(in(job), "get", target(job), "--ignore-not-found",
			`--output=jsonpath={.status.conditions[?(@.type=="Failed")].status}`)...)
		if err != nil {
			return err
		}
		if failed != "True" {
			continue
		}
		c.printf("%s failed before; it runs again", manifest.Name(job))
		_, err = c.kubectl.Run(ctx, kubectl.Command{Args: append(in(job), "delete", target(job), "--ignore-not-found"), Stdout: c.out, Timeout: options.Timeout})
		if err != nil {
			return err
		}
	}
	return nil
}

// explain adds to what kubectl said what a person can do.
func explain(err error) error {
	var failed *kubectl.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch said := failed.Stderr; {
	case strings.Contains(said, "Apply failed with") && strings.Contains(said, "conflict"):
		failed.Stderr, _, _ = strings.Cut(failed.Stderr, "\nPlease review") // a page about what one can do
		return fmt.Errorf("%w\nothers have set fields that the manifests set too: --force-conflicts takes these fields over", err)
	case strings.Contains(said, "no matches for kind"):
		return fmt.Errorf("%w\nthe cluster does not know the kind in this version: docs/kubernetes.md says what it needs", err)
	case strings.Contains(said, "(NotFound): ") && strings.Contains(said, "namespaces \""):
		return fmt.Errorf("%w\nnothing was deployed to this cluster yet, and without its namespace the cluster cannot check the rest", err)
	}
	return err
}
