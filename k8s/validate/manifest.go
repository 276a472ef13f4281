package validate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Object is one object of a rendering.
type Object struct {
	*unstructured.Unstructured
	// text is the object as it was written, in YAML.
	text []byte
	// typed is the object in its API version's type with the defaults filled in, from [Check] on. Nil for a custom resource.
	typed runtime.Object
}

// String names the object as problems do.
func (o *Object) String() string { return title(o.GetKind(), o.GetNamespace(), o.GetName()) }

// Parse splits the documents of a rendering. Errors say which document is not an object with apiVersion, kind and name.
func Parse(text []byte) ([]*Object, error) {
	var objects []*Object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		text, err := yaml.YAMLToJSON(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		var content map[string]any
		if err := json.Unmarshal(text, &content); err != nil { // this one keeps integers as such
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if len(content) == 0 {
			continue
		}
		object := &Object{Unstructured: &unstructured.Unstructured{Object: content}, text: document}
		if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
			return nil, fmt.Errorf("document %d: an object has apiVersion, kind and metadata.name", number)
		}
		objects = append(objects, object)
	}
}
