package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/transcode"
)

//go:embed ui.html
var placeholderHTML string

// newPlaceholder returns the page that stands in for the web app. It links to what can be got without knowing a name:
// the templates of GETs without variables and wildcards.
func newPlaceholder(config Config, bindings []*transcode.Binding) (http.Handler, error) {
	page, err := template.New("ui.html").Parse(placeholderHTML)
	if err != nil {
		return nil, fmt.Errorf("parse ui.html: %w", err)
	}
	var collections []string
	for _, b := range bindings {
		if b.HTTPMethod == http.MethodGet && !strings.ContainsAny(b.Template, "{*") {
			collections = append(collections, config.PublicPrefix+b.Template)
		}
	}
	slices.Sort(collections)
	var html bytes.Buffer
	if err := page.Execute(&html, struct {
		Collections []string
		Docs        string
	}{slices.Compact(collections), config.publicRoot() + "/docs"}); err != nil {
		return nil, fmt.Errorf("render ui.html: %w", err)
	}
	return transcode.GetOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.EscapedPath(); path != "/ui" && path != "/ui/" {
			transcode.WriteError(w, r, status.New(codes.NotFound, "there is nothing at this path"))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		// An error means that the client has left.
		_, _ = w.Write(html.Bytes())
	})), nil
}
