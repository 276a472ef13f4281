package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/codingflow/rating/proxy/compress"
	"github.com/codingflow/rating/proxy/transcode"
)

// Config says what a document tells beside the bindings. The zero value of each field stands for its default.
type Config struct {
	// Title is the API's. Default: the packages of the services.
	Title string
	// Version is the API's. Default: the version in the name of the services' packages, such as v1, or else "unversioned".
	Version string
	// Description introduces the API, in CommonMark. Default: a sentence about errors.
	Description string
	// Prefix is where the API is mounted, without a slash at its end, such as "/api". Default: the root.
	Prefix string
	// Headers are the headers of requests that mean something to all or some operations. Default none.
	Headers []Header
	// Accepts says which bindings answer 202 with a google.longrunning.Operation to those who prefer that, with the header
	// `Prefer: respond-async`. Default: none.
	Accepts func(*transcode.Binding) bool
	// Security says what the API asks of its callers. Default: nothing, and the document has no security.
	Security *Security
}

// Header is a header of requests. OpenAPI keeps Accept, Content-Type and Authorization for itself.
type Header struct {
	Name string
	// Description is in CommonMark.
	Description string
	// Applies says to which bindings the header means something. Default: to all.
	Applies func(*transcode.Binding) bool
}

// API is what people are told of an API: the document and the page. It does not change.
type API struct {
	document, page http.Handler
}

// New returns what people are told of an API with these bindings, in their order. It fails if the config is invalid.
func New(bindings []*transcode.Binding, config Config) (*API, error) {
	config = config.withDefaults(bindings)
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	data, err := encode(newDocument(bindings, config))
	if err != nil {
		return nil, fmt.Errorf("openapi: encode the document: %w", err)
	}
	return &API{
		document: transcode.GetOnly(compress.NewDocument(documentHeader("application/json"), data)),
		page:     transcode.GetOnly(newPageHandler()),
	}, nil
}

// Document serves the OpenAPI document as JSON, at any path, compressed for clients that ask for it, with a strong ETag for
// each coding. Like [API.Page] it answers methods other than GET and HEAD with 405, in the shape of all errors.
func (a *API) Document() http.Handler { return a.document }

// Page serves the page, in the same way. It gets the document from openapi.json beside its own path, so where the
// document is at /openapi.json the page's path has one segment, such as /docs. It loads nothing else, and calls nothing
// but the API.
func (a *API) Page() http.Handler { return a.page }

func (c Config) withDefaults(bindings []*transcode.Binding) Config {
	var packages, versions []string
	for _, b := range bindings {
		name := string(b.Method.ParentFile().Package())
		packages = append(packages, name)
		if last := strings.TrimPrefix(path.Ext("."+name), "."); isVersion.MatchString(last) {
			versions = append(versions, last)
		}
	}
	slices.Sort(packages)
	slices.Sort(versions)
	if c.Title == "" {
		c.Title = strings.Join(slices.Compact(packages), ", ")
	}
	if c.Title == "" {
		c.Title = "API"
	}
	if c.Version == "" {
		c.Version = strings.Join(slices.Compact(versions), ", ")
	}
	if c.Version == "" {
		c.Version = "unversioned"
	}
	if c.Description == "" {
		c.Description = "Every operation answers errors in the same way: see the response `" + errorResponse + "`."
	}
	return c
}

// isVersion matches the last part of a package with a version (AIP-215).
var isVersion = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]*)?$`)

func (c Config) check() error {
	if c.Prefix != "" && (!strings.HasPrefix(c.Prefix, "/") || strings.HasSuffix(c.Prefix, "/")) {
		return fmt.Errorf("prefix %q does not start with /, or ends with it", c.Prefix)
	}
	names := map[string]bool{}
	for _, header := range c.Headers {
		name := http.CanonicalHeaderKey(header.Name)
		switch {
		case header.Name == "" || strings.Trim(header.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") != "":
			return fmt.Errorf("header %q is not of letters, digits, - . and _", header.Name)
		case name == "Accept" || name == "Content-Type" || name == "Authorization":
			return errors.New("header " + name + " is OpenAPI's own")
		case names[name]:
			return fmt.Errorf("header %s is there twice", name)
		}
		names[name] = true
	}
	return nil
}
