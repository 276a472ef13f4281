package cluster

import (
	"context"
	"errors"
	"strings"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// Diff prints what applying objects would change in the cluster, and tells whether it would change anything. Of a Secret
// to be generated it only says that the cluster lacks it.
func (c *Cluster) Diff(ctx context.Context, objects manifest.Objects, options Options) (bool, error) {
	if err := c.require(ctx, objects); err != nil {
		return false, err
	}
	differs := false
	for _, object := range objects.Where(isGenerated) {
		answer, err := c.read(ctx, append(in(object), "get", target(object), "--ignore-not-found", "--output=name")...)
		if err != nil {
			return false, err
		}
		if answer == "" {
			c.printf("%s would be made", manifest.Name(object))
			differs = true
		}
	}
	text, err := objects.Where(manifest.Not(isGenerated)).YAML()
	if err != nil {
		return false, err
	}
	args := []string{"diff", "--server-side", "--field-manager=" + Manager}
	if options.ForceConflicts {
		args = append(args, "--force-conflicts")
	}
	found, err := c.kubectl.Run(ctx, kubectl.Command{Args: append(args, "--filename=-"), Stdin: text, Timeout: options.Timeout})
	var failed *kubectl.Error
	if errors.As(err, &failed) && failed.Code == 1 && found != "" { // its code is 1 for errors, too
		c.printf("%s", strings.TrimSuffix(found, "\n"))
		return true, nil
	}
	if err != nil {
		return false, explain(err)
	}
	return differs, nil
}
