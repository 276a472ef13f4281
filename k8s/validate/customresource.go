package validate

import (
	"fmt"
	"os"
	"path/filepath"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/yaml"
)

// Definitions are the versions of custom resources that custom resource definitions define. Not for concurrent use.
type Definitions struct {
	versions map[schema.GroupVersionKind]*definition
	groups   map[string]bool
}

// definition is one served version of a custom resource.
type definition struct {
	crd     *apiextensionsv1.CustomResourceDefinition
	version *apiextensionsv1.CustomResourceDefinitionVersion
	// What follows is made when it is first used: kgateway's CEL rules alone take a second to compile.
	structural *structuralschema.Structural
	strategy   rest.RESTCreateStrategy
}

// LoadDefinitions reads the custom resource definitions in the *.yaml of folders; other objects and a
// kustomization.yaml there are passed over. Errors name the file.
func LoadDefinitions(folders ...string) (*Definitions, error) {
	definitions := &Definitions{versions: make(map[schema.GroupVersionKind]*definition), groups: make(map[string]bool)}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s has no *.yaml", folder)
		}
		for _, file := range files {
			if filepath.Base(file) == "kustomization.yaml" {
				continue
			}
			if err := definitions.load(file); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return definitions, nil
}

func (d *Definitions) load(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	objects, err := Parse(text)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if object.GroupVersionKind() != apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition") {
			continue
		}
		crd := new(apiextensionsv1.CustomResourceDefinition)
		if err := yaml.Unmarshal(object.text, crd); err != nil {
			return err
		}
		d.groups[crd.Spec.Group] = true
		for i := range crd.Spec.Versions {
			version := &crd.Spec.Versions[i]
			if version.Served {
				gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
				d.versions[gvk] = &definition{crd: crd, version: version}
			}
		}
	}
	return nil
}

// check validates a custom resource.
func (d *definition) check(object *Object) []string {
	if d.strategy == nil {
		if err := d.compile(object.GroupVersionKind()); err != nil {
			return []string{fmt.Sprintf("its definition: %v", err)}
		}
	}
	// As the API server does: see unstructuredSchemaCoercer and unstructuredDefaulter in its package apiserver.
	var problems []string
	if err := yaml.UnmarshalStrict(object.text, new(map[string]any)); err != nil {
		problems = append(problems, oneLine(err))
	}
	resource := object.DeepCopy()
	_, _, unknown, err := objectmeta.GetObjectMetaWithOptions(resource.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return append(problems, err.Error())
	}
	unknown = append(unknown, pruning.PruneWithOptions(resource.Object, d.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	for _, path := range unknown {
		problems = append(problems, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(resource.Object, d.structural)
	defaulting.Default(resource.Object, d.structural)
	return append(problems, create(object, d.strategy, resource)...)
}

// compile makes the schema and the strategy of one version.
func (d *definition) compile(gvk schema.GroupVersionKind) error {
	if d.version.Schema == nil {
		return fmt.Errorf("version %s has no schema", d.version.Name)
	}
	var internal apiextensions.CustomResourceValidation
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(d.version.Schema, &internal, nil); err != nil {
		return err
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return err
	}
	structural = structural.DeepCopy() // PruneDefaults changes it
	if err := defaulting.PruneDefaults(structural); err != nil {
		return err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return err
	}
	var status *apiextensions.CustomResourceSubresourceStatus
	var scale *apiextensions.CustomResourceSubresourceScale
	if subresources := d.version.Subresources; subresources != nil {
		if subresources.Status != nil {
			status = new(apiextensions.CustomResourceSubresourceStatus)
		}
		if subresources.Scale != nil {
			scale = new(apiextensions.CustomResourceSubresourceScale)
			if err := apiextensionsv1.Convert_v1_CustomResourceSubresourceScale_To_apiextensions_CustomResourceSubresourceScale(subresources.Scale, scale, nil); err != nil {
				return err
			}
		}
	}
	d.structural = structural
	d.strategy = customresource.NewStrategy(unstructuredscheme.NewUnstructuredObjectTyper(), d.crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
		gvk, validator, nil, structural, status, scale, nil)
	return nil
}
