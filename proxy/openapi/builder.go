package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
)

// version is the version of the OpenAPI Specification that documents follow.
const version = "3.1.1"

// builder puts a document together, binding by binding.
type builder struct {
	config    Config
	document  *document
	schemas   *schemas
	resources resources
	// names are the names of the wildcards of a path, by the path without names. Paths that differ in the names alone are
	// the same to OpenAPI.
	names map[string][]wildcard
	ids   []string
	// ambiguous are the simple names that several services have.
	ambiguous map[protoreflect.Name]bool
}

// newDocument returns the document of bindings.
func newDocument(bindings []*transcode.Binding, config Config) *document {
	b := &builder{
		config:    config,
		schemas:   &schemas{components: map[string]*schema{problemSchema: newProblemSchema()}, answered: map[protoreflect.FullName]bool{}},
		resources: resourcesOfBindings(bindings),
		names:     map[string][]wildcard{},
		ambiguous: ambiguousServices(bindings),
	}
	b.document = &document{
		OpenAPI: version,
		Info:    info{Title: config.Title, Description: config.Description, Version: config.Version},
		Servers: []server{{URL: config.Prefix}},
		Tags:    tagsOf(bindings),
		Components: components{
			Schemas:    b.schemas.components,
			Responses:  map[string]*response{errorResponse: newErrorResponse()},
			Parameters: map[string]*parameter{},
		},
	}
	if config.Prefix == "" {
		b.document.Servers[0].URL = "/"
	}
	for _, header := range config.Headers {
		b.document.Components.Parameters[header.Name] = &parameter{
			Name: header.Name, In: "header", Description: header.Description, Schema: &schema{Type: "string"},
		}
	}
	if config.Security != nil {
		b.document.Components.SecuritySchemes = config.Security.schemes()
	}
	for _, binding := range bindings {
		b.schemas.addAnswered(binding.Method.Output())
	}
	b.schemas.components[errorSchema] = b.schemas.newError()
	for _, binding := range bindings {
		b.add(binding)
	}
	return b.document
}

// tagsOf returns a tag for each service.
func tagsOf(bindings []*transcode.Binding) []tag {
	var tags []tag
	for _, b := range bindings {
		service := b.Method.Parent()
		name := string(service.FullName())
		if !slices.ContainsFunc(tags, func(t tag) bool { return t.Name == name }) {
			tags = append(tags, tag{Name: name, Description: commentOf(service)})
		}
	}
	return tags
}

func ambiguousServices(bindings []*transcode.Binding) map[protoreflect.Name]bool {
	names := map[protoreflect.Name]protoreflect.FullName{}
	ambiguous := map[protoreflect.Name]bool{}
	for _, b := range bindings {
		service := b.Method.Parent()
		if other, ok := names[service.Name()]; ok && other != service.FullName() {
			ambiguous[service.Name()] = true
		}
		names[service.Name()] = service.FullName()
	}
	return ambiguous
}

// httpMethods are those that a path of OpenAPI 3.1 can have.
var httpMethods = []string{
	http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodHead, http.MethodPatch, http.MethodTrace,
}

func (b *builder) add(binding *transcode.Binding) {
	wildcards := wildcardsOf(binding, b.resources)
	nameless := slices.Clone(wildcards)
	for i := range nameless {
		nameless[i].name = ""
	}
	key := pathTemplate(binding, nameless)
	if names, ok := b.names[key]; ok {
		for i := range wildcards {
			wildcards[i].name = names[i].name
		}
	} else {
		b.names[key] = wildcards
	}
	path, method := pathTemplate(binding, wildcards), strings.ToLower(binding.HTTPMethod)
	item := b.document.Paths.values[path]
	switch {
	case !slices.Contains(httpMethods, binding.HTTPMethod):
		b.unlist(binding, path, "OpenAPI 3.1 has no such method")
		return
	case item == nil:
		item = &ordered[*operation]{}
		b.document.Paths.set(path, item)
	case item.values[method] != nil:
		b.unlist(binding, path, "to OpenAPI this is the path of "+item.values[method].RPC)
		return
	}
	item.set(method, b.operation(binding, wildcards))
}

func (b *builder) unlist(binding *transcode.Binding, path, reason string) {
	b.document.Unlisted = append(b.document.Unlisted, unlisted{
		Method: binding.HTTPMethod, Path: path, RPC: string(binding.Method.FullName()), Reason: reason,
	})
}

func (b *builder) operation(binding *transcode.Binding, wildcards []wildcard) *operation {
	service, comment := binding.Method.Parent(), commentOf(binding.Method)
	query, note := b.schemas.queryParameters(binding)
	if comment == "" {
		comment = "Calls `" + string(binding.Method.FullName()) + "`."
	}
	o := &operation{
		Tags:        []string{string(service.FullName())},
		Summary:     summaryOf(comment),
		Description: paragraphs(comment, note),
		OperationID: b.operationID(binding.Method),
		Parameters:  append(b.schemas.pathParameters(binding, wildcards), query...),
		RequestBody: b.schemas.request(binding),
		Responses:   one("200", b.schemas.response(binding)),
		Deprecated:  isDeprecated(binding.Method) || isDeprecated(service),
		RPC:         string(binding.Method.FullName()),
	}
	if b.config.Accepts != nil && b.config.Accepts(binding) {
		o.Responses.set("202", b.accepted())
	}
	o.Responses.set("default", &response{Ref: responsePrefix + errorResponse})
	for _, header := range b.config.Headers {
		if header.Applies == nil || header.Applies(binding) {
			o.Parameters = append(o.Parameters, &parameter{Ref: parameterPrefix + header.Name})
		}
	}
	if b.config.Security != nil {
		o.Security = b.config.Security.requirements(binding)
	}
	return o
}

// operationID returns an id that no other operation has.
func (b *builder) operationID(method protoreflect.MethodDescriptor) string {
	service := method.Parent()
	name := string(service.Name())
	if b.ambiguous[service.Name()] {
		name = strings.ReplaceAll(string(service.FullName()), ".", "_")
	}
	id := unique(fmt.Sprintf("%s_%s", name, method.Name()), b.ids)
	b.ids = append(b.ids, id)
	return id
}
