package openapi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
)

// wildcard is a `*` or `**` of a path template, which is a path parameter of OpenAPI.
type wildcard struct {
	name string
	deep bool
	// variable is the index of the variable that the wildcard is a part of, -1 without one.
	variable int
	// alone says that the variable is nothing but this wildcard.
	alone bool
}

// pathTemplate returns the path of a binding with the names of its wildcards in braces.
func pathTemplate(b *transcode.Binding, wildcards []wildcard) string {
	var path strings.Builder
	segments, next := b.Segments(), 0
	for i, segment := range segments {
		path.WriteByte('/')
		if segment.Literal == "" {
			path.WriteString("{" + wildcards[next].name + "}")
			next++
			continue
		}
		literal := url.PathEscape(segment.Literal)
		if i == len(segments)-1 {
			literal = strings.ReplaceAll(literal, ":", "%3A") // it would start a verb
		}
		path.WriteString(literal)
	}
	if len(segments) == 0 {
		path.WriteByte('/')
	}
	if b.Verb() != "" {
		path.WriteString(":" + url.PathEscape(b.Verb()))
	}
	return path.String()
}

// wildcardsOf returns the wildcards of a binding's path, from left to right, with different names.
func wildcardsOf(b *transcode.Binding, resources resources) []wildcard {
	segments := b.Segments()
	var (
		found []wildcard
		taken []string
	)
	for i, segment := range segments {
		if segment.Literal != "" {
			continue
		}
		w := wildcard{deep: segment.Deep, variable: segment.Variable}
		of := slices.DeleteFunc(slices.Clone(segments), func(s transcode.Segment) bool { return s.Variable != segment.Variable })
		w.alone = segment.Variable >= 0 && len(of) == 1
		w.name = unique(wildcardName(b, segments, i, resources), taken)
		taken = append(taken, w.name)
		found = append(found, w)
	}
	return found
}

// wildcardName returns a name for the wildcard at a place of a path.
func wildcardName(b *transcode.Binding, segments []transcode.Segment, at int, resources resources) string {
	variable := segments[at].Variable
	if variable >= 0 {
		start := slices.IndexFunc(segments, func(s transcode.Segment) bool { return s.Variable == variable })
		end := start
		for end < len(segments) && segments[end].Variable == variable {
			end++
		}
		leaf := b.Variables[variable].Leaf()
		if name := resources.name(leaf, segments[start:end], at-start); name != "" {
			return name
		}
		if end-start == 1 {
			return jsonPath(b.Variables[variable])
		}
	}
	if at > 0 && segments[at-1].Literal != "" {
		return singular(unsafeInName.ReplaceAllString(segments[at-1].Literal, "_"))
	}
	if variable >= 0 {
		return jsonPath(b.Variables[variable])
	}
	return "segment"
}

// unsafeInName is what code that is generated from a document makes no names of.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// unique returns a name that is not taken, with a number behind it where it must be.
func unique(name string, taken []string) string {
	for n, base := 2, name; slices.Contains(taken, name); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}

// singular returns the singular of a collection's name, by the rules that hold for most.
func singular(name string) string {
	for _, ending := range []struct{ plural, singular string }{
		{"ies", "y"}, {"sses", "ss"}, {"shes", "sh"}, {"ches", "ch"}, {"xes", "x"}, {"ss", "ss"}, {"s", ""},
	} {
		if stem, ok := strings.CutSuffix(name, ending.plural); ok && stem != "" {
			return stem + ending.singular
		}
	}
	return name
}

// jsonPath returns a path by JSON names.
func jsonPath(path transcode.FieldPath) string {
	names := make([]string, len(path))
	for i, field := range path {
		names[i] = field.JSONName()
	}
	return strings.Join(names, ".")
}

// resources are the patterns of resources (google.api.resource), by type.
type resources map[string][]string

// resourcesOfBindings returns the resources in the files of the bindings and in all that these import.
func resourcesOfBindings(bindings []*transcode.Binding) resources {
	found := resources{}
	seen := map[string]bool{}
	var addMessages func(protoreflect.MessageDescriptors)
	addMessages = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			if resource := resourceOf(messages.Get(i)); resource != nil {
				found[resource.GetType()] = resource.GetPattern()
			}
			addMessages(messages.Get(i).Messages())
		}
	}
	var addFile func(protoreflect.FileDescriptor)
	addFile = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] || file.IsPlaceholder() {
			return
		}
		seen[file.Path()] = true
		for _, resource := range resourcesOf(file) {
			found[resource.GetType()] = resource.GetPattern()
		}
		addMessages(file.Messages())
		for i := range file.Imports().Len() {
			addFile(file.Imports().Get(i).FileDescriptor)
		}
	}
	for _, b := range bindings {
		addFile(b.Method.ParentFile())
	}
	return found
}

// name returns what the pattern of the resource that a field names, or is the name of, calls the wildcard at a place of a
// variable's segments; empty if no pattern is like them.
func (r resources) name(field protoreflect.FieldDescriptor, segments []transcode.Segment, at int) string {
	patterns := r[referenceOf(field)]
	if patterns == nil {
		resource := resourceOf(field.ContainingMessage())
		nameField := resource.GetNameField()
		if nameField == "" {
			nameField = "name"
		}
		if resource == nil || string(field.Name()) != nameField {
			return ""
		}
		patterns = resource.GetPattern()
	}
	for _, pattern := range patterns {
		parts := strings.Split(pattern, "/")
		if len(parts) != len(segments) || !slices.EqualFunc(parts, segments, func(part string, s transcode.Segment) bool {
			return part == s.Literal || isPlaceholder(part) && s.Literal == "" && !s.Deep
		}) {
			continue
		}
		return strings.Trim(parts[at], "{}")
	}
	return ""
}

func isPlaceholder(part string) bool {
	return strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}")
}
