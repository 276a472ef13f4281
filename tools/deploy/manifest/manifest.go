// Package manifest renders a kustomize overlay into the objects that a cluster is given: with the images that were built,
// and with Jobs that can be applied again.
package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/secret"
)

// maxJobName is what the name of a Job may have: it is a label of its pods.
const maxJobName = 63

// Objects are Kubernetes objects in an order in which they can be applied: kustomize's, namespaces first.
type Objects []*resource.Resource

// Build returns the objects of the overlay in a folder, as `kubectl kustomize` does.
func Build(overlay string) (Objects, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // the overlay may choose
	all, err := krusty.MakeKustomizer(options).Run(onDisk(), overlay)
	if err != nil {
		return nil, fmt.Errorf("overlay %s: %w", overlay, err)
	}
	return all.Resources(), nil
}

// Render returns the objects of the overlay in a folder for a deployment:
//   - An image that a manifest names by a key of images is replaced by its value, REPOSITORY@DIGEST. Images of other
//     registries are named in full; one without a slash that images lacks is an error.
//   - The name of a Job ends in a hash of its spec, for a Job cannot be changed: another version is another Job.
//   - Secrets to be generated are as in the manifests, without what is generated. Their annotation is checked.
func Render(overlay string, images map[string]string) (Objects, error) {
	objects, err := Build(overlay)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		err := replaceImages(object, images)
		if err == nil {
			err = nameJob(object)
		}
		if err == nil {
			_, err = secret.Parse(object.GetAnnotations()[secret.Annotation])
		}
		if err != nil {
			return nil, fmt.Errorf("overlay %s: %s: %w", overlay, Name(object), err)
		}
	}
	return objects, nil
}

// Name returns what a person calls an object: "Deployment rating/proxy".
func Name(object *resource.Resource) string {
	name := object.GetName()
	if namespace := object.GetNamespace(); namespace != "" {
		name = namespace + "/" + name
	}
	return object.GetKind() + " " + name
}

// YAML returns the objects as one text of YAML documents.
func (o Objects) YAML() (string, error) {
	var documents []string
	for _, object := range o {
		document, err := object.AsYAML()
		if err != nil {
			return "", fmt.Errorf("%s: %w", Name(object), err)
		}
		documents = append(documents, string(document))
	}
	return strings.Join(documents, "---\n"), nil
}

// Where returns the objects that match, in their order.
func (o Objects) Where(match func(*resource.Resource) bool) Objects {
	var some Objects
	for _, object := range o {
		if match(object) {
			some = append(some, object)
		}
	}
	return some
}

// Is returns a match of objects by their API group, "" for the core, and kinds.
func Is(group string, kinds ...string) func(*resource.Resource) bool {
	return func(object *resource.Resource) bool {
		gvk := object.GetGvk()
		if gvk.Group != group {
			return false
		}
		for _, kind := range kinds {
			if gvk.Kind == kind {
				return true
			}
		}
		return false
	}
}

// Not returns the opposite of a match.
func Not(match func(*resource.Resource) bool) func(*resource.Resource) bool {
	return func(object *resource.Resource) bool { return !match(object) }
}

// Any returns a match of what one of several matches.
func Any(matches ...func(*resource.Resource) bool) func(*resource.Resource) bool {
	return func(object *resource.Resource) bool {
		for _, match := range matches {
			if match(object) {
				return true
			}
		}
		return false
	}
}

// JobHash is the shape of what Render appends to the name of a Job.
const JobHash = `-[0-9a-f]{10}`

func nameJob(object *resource.Resource) error {
	if !Is("batch", "Job")(object) {
		return nil
	}
	spec := object.Field("spec")
	if spec == nil {
		return fmt.Errorf("it has no spec")
	}
	text, err := spec.Value.MarshalJSON()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	name := object.GetName() + "-" + hex.EncodeToString(sum[:5])
	if len(name) > maxJobName {
		return fmt.Errorf("name %s: it has %d characters, may have %d", name, len(name), maxJobName)
	}
	return object.SetName(name)
}
