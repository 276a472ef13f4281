package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// isNACK is what NACK's controller ends: while the NATS server still answers it.
var isNACK = manifest.Is("jetstream.nats.io", "Consumer", "Stream", "KeyValue", "ObjectStore")

// Losses returns, line by line, the data that deleting objects loses: volumes in their namespaces, streams, databases and
// generated Secrets.
func (c *Cluster) Losses(ctx context.Context, objects manifest.Objects) ([]string, error) {
	var losses []string
	for _, namespace := range objects.Where(isNamespace) {
		volumes, err := c.read(ctx, "--namespace="+namespace.GetName(), "get", "persistentvolumeclaims",
			`--output=jsonpath={range .items[*]}{.metadata.name} {.spec.resources.requests.storage}{"\n"}{end}`)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(volumes) {
			name, size, _ := strings.Cut(strings.TrimSpace(line), " ")
			losses = append(losses, fmt.Sprintf("volume %s/%s of %s", namespace.GetName(), name, size))
		}
	}
	for _, object := range objects.Where(manifest.Any(isNACK, isDatabase, isGenerated)) {
		if object.GetKind() != "Consumer" { // it goes with its stream
			losses = append(losses, manifest.Name(object))
		}
	}
	return losses, nil
}

// Delete deletes objects: first the programs, then what NACK keeps in the NATS server, then all else, the namespaces last.
// Objects that are not there are passed over. A Job goes in all its versions; objects come from manifest.Build.
//
// Errors: something was not gone within timeout.
func (c *Cluster) Delete(ctx context.Context, objects manifest.Objects, timeout time.Duration) error {
	known, _, err := c.kinds(ctx)
	if err != nil {
		return err
	}
	objects = objects.Where(func(object *resource.Resource) bool {
		gvk := object.GetGvk()
		return known[gvk.Kind+"."+gvk.Group]
	})
	slices.Reverse(objects)
	for _, job := range objects.Where(isJob) {
		if err := c.deleteVersions(ctx, job, timeout); err != nil {
			return err
		}
	}
	isEarly := manifest.Any(isLast, isNACK, isNamespace, isJob)
	for _, some := range []manifest.Objects{
		objects.Where(isLast),
		objects.Where(isNACK),
		objects.Where(manifest.Not(isEarly)),
		objects.Where(isNamespace),
	} {
		if len(some) == 0 {
			continue
		}
		text, err := some.YAML()
		if err != nil {
			return err
		}
		_, err = c.kubectl.Run(ctx, kubectl.Command{
			Args:  []string{"delete", "--ignore-not-found", "--wait", "--timeout=" + timeout.String(), "--filename=-"},
			Stdin: text, Stdout: c.out, Timeout: timeout + readTimeout,
		})
		var failed *kubectl.Error
		if errors.As(err, &failed) && strings.Contains(failed.Stderr, "timed out waiting") {
			return fmt.Errorf("%w\nsomething is not gone: a finalizer waits for its controller, which may not run or may not reach what it ends", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteVersions deletes a Job under each name that manifest.Render has given it.
func (c *Cluster) deleteVersions(ctx context.Context, job *resource.Resource, timeout time.Duration) error {
	versions := regexp.MustCompile("^job.batch/" + regexp.QuoteMeta(job.GetName()) + manifest.JobHash + "$")
	listed, err := c.read(ctx, append(in(job), "get", "jobs.batch", "--output=name")...)
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(listed) {
		if !versions.MatchString(name) {
			continue
		}
		_, err := c.kubectl.Run(ctx, kubectl.Command{
			Args:   append(in(job), "delete", name, "--ignore-not-found", "--wait", "--timeout="+timeout.String()),
			Stdout: c.out, Timeout: timeout + readTimeout,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
