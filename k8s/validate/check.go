package validate

import (
	"fmt"
	"slices"
)

// Check validates each object of a rendering as an API server does that has the definitions, and returns what it refuses or warns of, in
// the order of the objects. A custom resource without a definition is an error, unless its group is among unknownGroups: then its kind
// (group/version kind) is among the unchecked.
//
// The policies look at renderings in which it finds no problems.
func Check(objects []*Object, definitions *Definitions, unknownGroups ...string) (problems, unchecked []string) {
	var found problemList
	seen := make(map[string]bool)
	for _, object := range objects {
		gvk := object.GroupVersionKind()
		id := gvk.GroupKind().String() + " " + object.String()
		if seen[id] {
			found.add(object, "is there twice")
		}
		seen[id] = true
		if strategy, ok := builtin[gvk]; ok {
			found.addAll(object, checkBuiltin(object, strategy))
			continue
		}
		if definition, ok := definitions.versions[gvk]; ok {
			found.addAll(object, definition.check(object))
			continue
		}
		kind := gvk.GroupVersion().String() + " " + gvk.Kind
		switch {
		case definitions.groups[gvk.Group] || !slices.Contains(unknownGroups, gvk.Group):
			found.add(object, "no definition of %s", kind)
		case !slices.Contains(unchecked, kind):
			unchecked = append(unchecked, kind)
		}
	}
	return found, unchecked
}

// problemList are errors, each with the object that it is about.
type problemList []string

// add notes a problem of an object.
func (p *problemList) add(object fmt.Stringer, format string, args ...any) {
	*p = append(*p, fmt.Sprintf("%s: %s", object, fmt.Sprintf(format, args...)))
}

func (p *problemList) addAll(object fmt.Stringer, texts []string) {
	for _, text := range texts {
		p.add(object, "%s", text)
	}
}

// named is an object of which only kind and name are at hand.
type named struct{ kind, namespace, name string }

func (n named) String() string { return title(n.kind, n.namespace, n.name) }

// title names an object as problems do: Deployment rating/proxy, or Namespace rating.
func title(kind, namespace, name string) string {
	if namespace == "" {
		return kind + " " + name
	}
	return kind + " " + namespace + "/" + name
}
