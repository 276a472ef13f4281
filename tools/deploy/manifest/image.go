package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/filters/imagetag"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
)

// replaceImages puts references in the place of the names in an object's containers.
func replaceImages(object *resource.Resource, images map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(images)) {
		repository, digest, found := strings.Cut(images[name], "@")
		if !found {
			return fmt.Errorf("image %s: %q is not REPOSITORY@DIGEST", name, images[name])
		}
		image := types.Image{Name: name, NewName: repository, Digest: digest}
		if err := object.ApplyFilter(imagetag.LegacyFilter{ImageTag: image}); err != nil {
			return err
		}
	}
	content, err := object.Map()
	if err != nil {
		return err
	}
	for _, image := range containerImages(content) {
		if !strings.Contains(image, "/") {
			name := image[:strings.IndexAny(image+":", ":@")]
			return fmt.Errorf("image %q is not among those that are deployed: --image %s=LAYOUT is missing", image, name)
		}
	}
	return nil
}

// containerImages returns the images of the containers anywhere in an object: of a pod, or of a template of pods.
func containerImages(value any) []string {
	var images []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if list, ok := value[key].([]any); ok && (key == "containers" || key == "initContainers") {
				for _, container := range list {
					if fields, ok := container.(map[string]any); ok {
						if image, ok := fields["image"].(string); ok {
							images = append(images, image)
						}
					}
				}
				continue
			}
			images = append(images, containerImages(value[key])...)
		}
	case []any:
		for _, element := range value {
			images = append(images, containerImages(element)...)
		}
	}
	return images
}
