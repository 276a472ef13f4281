package openapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/codingflow/rating/proxy/compress"
)

// The page's parts, which are put into one document.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

func newPageHandler() http.Handler {
	html := strings.NewReplacer("/* page.css */", pageCSS, "/* page.js */", pageJS).Replace(pageHTML)
	header := documentHeader("text/html; charset=utf-8")
	// Nothing runs and nothing looks in any way but the page's own, whatever a comment holds; and only this origin is
	// asked, so that a token that was typed here goes nowhere else.
	header.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'",
		"script-src " + hashSource(pageJS),
		"style-src " + hashSource(pageCSS),
		"connect-src 'self'",
		"img-src data:", // the icon that there is not
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
	}, "; "))
	header.Set("Referrer-Policy", "no-referrer")
	return compress.NewDocument(header, []byte(html))
}

// hashSource returns the source expression for an inline text (Content Security Policy, section 2.3.1).
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
