package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// checkPrefixes checks the prefixes of a config, without their slashes at the end.
func (c Config) checkPrefixes() error {
	if err := checkPrefix("prefix", c.Prefix); err != nil {
		return err
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(c.Prefix, "/"), "/")
	switch first {
	case "docs", "healthz", "openapi.json", "readyz", "ui":
		return fmt.Errorf("prefix %q: /%s is taken", c.Prefix, first)
	}
	// No request has the public one, so that there is nothing for it to take.
	return checkPrefix("public prefix", c.PublicPrefix)
}

// checkPrefix checks a prefix without its trailing slash. Only what needs no escape in a path is allowed, so that the
// prefix reads the same in escaped and unescaped paths.
func checkPrefix(name, prefix string) error {
	if prefix == "" {
		return nil
	}
	if prefix[0] != '/' {
		return fmt.Errorf("%s %q does not start with /", name, prefix)
	}
	for segment := range strings.SplitSeq(prefix[1:], "/") {
		if strings.Trim(segment, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") != "" ||
			segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%s %q has a segment that is not of letters, digits, - _ . or ~", name, prefix)
		}
	}
	return nil
}

// publicRoot returns where clients see the server's own root, without a slash at its end: what a gateway strips of the public
// prefix. It is "" where nothing is stripped, and where the gateway puts the one prefix for the other, since other paths than
// the API's come unchanged then.
func (c Config) publicRoot() string {
	root, stripped := strings.CutSuffix(c.PublicPrefix, c.Prefix)
	if !stripped {
		return ""
	}
	return root
}

// withoutPrefix returns a copy of a request without the prefix of its path, which needs no escape.
func withoutPrefix(r *http.Request, prefix string) *http.Request {
	copied := *r
	copied.URL = new(url.URL)
	*copied.URL = *r.URL
	copied.URL.Path = strings.TrimPrefix(r.URL.Path, prefix)
	copied.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, prefix)
	return &copied
}
