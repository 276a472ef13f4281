package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4 << 20

// A site is where a system is reached.
type site struct {
	address *url.URL
	token   string
	client  *http.Client
}

// A check says what it found, or what is wrong.
type check struct {
	name string
	run  func(context.Context) (string, error)
}

// checks returns what is asked, in order.
func (s *site) checks() []check {
	all := []check{
		{"services", s.list("services", false)},
		{"ratings", s.list("ratings", false)},
		{"users", s.list("users", true)},
		{"app", s.app},
	}
	if s.address.Scheme == "https" && s.address.Port() == "" {
		all = append(all, check{"HTTP leads to HTTPS", s.redirect})
	}
	return all
}

// An answer is one that was read to its end.
type answer struct {
	url         *url.URL
	code        int
	status      string
	contentType string // without parameters
	location    string
	body        []byte
}

// list reads a collection. One that is closed may answer that it wants a token: that too took the way through the gateway.
func (s *site) list(collection string, closed bool) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		path := "/api/" + collection + "?pageSize=1"
		got, err := s.get(ctx, path)
		if err != nil {
			return "", err
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(got.body, &object); err != nil {
			return "", fmt.Errorf("%s: the answer is %s, and no JSON object", path, got.status)
		}
		switch {
		case got.code == http.StatusOK:
		case closed && s.token == "" && got.code == http.StatusUnauthorized && bytes.Contains(got.body, []byte(`"TOKEN_MISSING"`)):
			return "closed to callers without a token", nil
		default:
			return "", fmt.Errorf("%s: the answer is %s: %s", path, got.status, object["error"])
		}
		var elements []json.RawMessage
		if list, found := object[collection]; found { // an empty list is left out
			if err := json.Unmarshal(list, &elements); err != nil {
				return "", fmt.Errorf("%s: %s is no list", path, collection)
			}
		}
		if len(elements) == 0 {
			return "there are none yet", nil
		}
		return "there are some", nil
	}
}

// app reads the app's page and the script that it names.
func (s *site) app(ctx context.Context) (string, error) {
	page, err := s.get(ctx, "/ui/")
	if err != nil {
		return "", err
	}
	if err := page.expect("text/html"); err != nil {
		return "", err
	}
	source := script(page.body)
	if source == "" {
		return "", errors.New("/ui/: the page has no script")
	}
	reference, err := page.url.Parse(source)
	if err != nil || reference.Host != s.address.Host {
		return "", fmt.Errorf("/ui/: the script is elsewhere: %s", source)
	}
	program, err := s.get(ctx, reference.RequestURI())
	if err != nil {
		return "", err
	}
	return "the page and its script", program.expect("text/javascript")
}

// redirect asks by HTTP what is served by HTTPS.
func (s *site) redirect(ctx context.Context) (string, error) {
	plain := *s.address
	plain.Scheme = "http"
	got, err := (&site{address: &plain, client: s.client}).get(ctx, "/ui/")
	if err != nil {
		return "", err
	}
	if want := s.address.JoinPath("/ui/").String(); got.code/100 != 3 || got.location != want {
		return "", fmt.Errorf("the answer is %s, Location %q; it must be a redirect to %s", got.status, got.location, want)
	}
	return got.status, nil
}

// get reads a path of the site.
func (s *site) get(ctx context.Context, path string) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.address.String(), "/")+path, nil)
	if err != nil {
		return nil, err
	}
	if s.token != "" && strings.HasPrefix(path, "/api/") {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: read the answer: %w", path, err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("%s: the answer has more than %d bytes", path, maxAnswer)
	}
	contentType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")) // what is none is not the one that is wanted
	return &answer{request.URL, response.StatusCode, response.Status, contentType, response.Header.Get("Location"), body}, nil
}

// expect asserts that an answer has the content that was asked for.
func (a *answer) expect(contentType string) error {
	if a.code != http.StatusOK || a.contentType != contentType {
		return fmt.Errorf("%s: the answer is %s, %q; it must be 200 OK, %q", a.url.Path, a.status, a.contentType, contentType)
	}
	return nil
}

// script returns the source of a page's first script, or "".
func script(page []byte) string {
	tokens := html.NewTokenizer(bytes.NewReader(page))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken { // the end
			return ""
		}
		token := tokens.Token()
		if token.Data != "script" {
			continue
		}
		for _, attribute := range token.Attr {
			if attribute.Key == "src" {
				return attribute.Val
			}
		}
	}
}
