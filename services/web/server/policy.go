package server

import (
	"fmt"
	"net/url"
	"strings"
)

// newPolicy returns the Content-Security-Policy of an app that calls the API at a path or URL.
func newPolicy(api string) (string, error) {
	connect := "connect-src 'self'"
	target, err := url.Parse(api)
	switch {
	case err != nil:
		return "", fmt.Errorf("the API's address: %w", err)
	case target.RawQuery != "" || target.Fragment != "" || target.User != nil:
		return "", fmt.Errorf("the API's address %q has more than a path", target.Redacted())
	case target.Host != "" && (target.Scheme == "http" || target.Scheme == "https"):
		origin := target.Scheme + "://" + target.Host
		if strings.ContainsAny(origin, " ;,'\"*") {
			return "", fmt.Errorf("the API's address %q has no plain host", api)
		}
		connect += " " + origin
	case target.Host != "" || target.Scheme != "" || !strings.HasPrefix(api, "/"):
		return "", fmt.Errorf("the API's address %q is neither a path, such as /api, nor an http or https URL", api)
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		connect,
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
	}, "; "), nil
}
