package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
	"github.com/codingflow/rating/tools/deploy/secret"
)

// isGenerated tells whether an object is a Secret whose values are made.
func isGenerated(object *resource.Resource) bool {
	return manifest.Is("", "Secret")(object) && object.GetAnnotations()[secret.Annotation] != ""
}

// createSecrets makes the Secrets that the cluster lacks. Those that it has stay as they are.
//
// Errors: one that it has lacks a key.
func (c *Cluster) createSecrets(ctx context.Context, secrets manifest.Objects, options Options) error {
	for _, object := range secrets {
		recipe, err := secret.Parse(object.GetAnnotations()[secret.Annotation])
		if err != nil {
			return fmt.Errorf("%s: %w", manifest.Name(object), err)
		}
		found, err := c.secretKeys(ctx, object, recipe)
		if err != nil {
			return err
		}
		if found {
			continue
		}
		if err := c.createSecret(ctx, object, recipe, options); err != nil {
			return fmt.Errorf("%s: %w", manifest.Name(object), explain(err))
		}
	}
	return nil
}

// secretKeys tells whether the cluster has a Secret, and asserts that it then has all keys. Values do not leave the cluster.
func (c *Cluster) secretKeys(ctx context.Context, object *resource.Resource, recipe secret.Recipe) (bool, error) {
	answer, err := c.read(ctx, append(in(object), "get", target(object), "--ignore-not-found",
		"--output=go-template={{.metadata.name}}{{range $key, $value := .data}} {{$key}}{{end}}")...)
	if err != nil {
		return false, err
	}
	fields := strings.Fields(answer)
	if len(fields) == 0 {
		return false, nil
	}
	has := make(map[string]bool)
	for _, key := range fields[1:] {
		has[key] = true
	}
	for _, key := range recipe.Keys() {
		if !has[key] {
			return true, fmt.Errorf("%s: the cluster has it without the key %s: add the key, or delete the Secret to have all of it made anew", manifest.Name(object), key)
		}
	}
	return true, nil
}

func (c *Cluster) createSecret(ctx context.Context, object *resource.Resource, recipe secret.Recipe, options Options) error {
	values, err := recipe.Make()
	if err != nil {
		return err
	}
	full := object.DeepCopy()
	for _, key := range recipe.Keys() {
		err := full.PipeE(yaml.LookupCreate(yaml.MappingNode, "stringData"), yaml.SetField(key, yaml.NewStringRNode(values[key])))
		if err != nil {
			return err
		}
	}
	text, err := full.AsYAML()
	if err != nil {
		return err
	}
	args := []string{"create", "--field-manager=" + Manager}
	if options.DryRun {
		args = append(args, "--dry-run=server")
	}
	_, err = c.kubectl.Run(ctx, kubectl.Command{Args: append(args, "--filename=-"), Stdin: string(text), Stdout: c.out, Timeout: readTimeout})
	var failed *kubectl.Error
	if errors.As(err, &failed) && strings.Contains(failed.Stderr, "(AlreadyExists)") {
		return nil // another deployment was quicker; its values are as good
	}
	return err
}
