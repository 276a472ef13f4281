package manifest

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/secret"
)

// Component is the label that says which part of the system an object belongs to.
const Component = "app.kubernetes.io/component"

// Only returns, in their order, the objects of some components. With them come those that belong to none, such as a namespace and its
// network policies, and the Secrets that are generated: programs of other components want them too, as NATS does for its users.
//
// Errors: no object is of one of the components.
func (o Objects) Only(components ...string) (Objects, error) {
	var known []string
	for _, object := range o {
		if component := object.GetLabels()[Component]; component != "" {
			known = append(known, component)
		}
	}
	slices.Sort(known)
	for _, component := range components {
		if !slices.Contains(known, component) {
			return nil, fmt.Errorf("no object is of component %q: there are %s", component, strings.Join(slices.Compact(known), ", "))
		}
	}
	return o.Where(func(object *resource.Resource) bool {
		component := object.GetLabels()[Component]
		generated := Is("", "Secret")(object) && object.GetAnnotations()[secret.Annotation] != ""
		return component == "" || generated || slices.Contains(components, component)
	}), nil
}

// Images returns the images that the objects run.
func (o Objects) Images() ([]string, error) {
	var images []string
	for _, object := range o {
		content, err := object.Map()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Name(object), err)
		}
		images = append(images, containerImages(content)...)
	}
	slices.Sort(images)
	return slices.Compact(images), nil
}
