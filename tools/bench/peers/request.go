package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
)

// request is a kind of request, the same for all fronts.
type request struct{ name, method, path, body string }

// checkPayload checks the --payload of a command: a comment has 2,000 characters at most.
func checkPayload(payload int) error {
	if payload < 1 || payload > 2000 {
		return fmt.Errorf("--payload %d: want 1 to 2000", payload)
	}
	return nil
}

// requests returns the kinds of requests. The payload is the length of comments in bytes.
func requests(payload int) []request {
	body := fmt.Sprintf(`{"user":"users/1","service":"services/1","score":5,"comment":%q}`, strings.Repeat("x", payload))
	return []request{
		{name: "get", method: http.MethodGet, path: "/ratings/1"},
		{name: "list", method: http.MethodGet, path: fmt.Sprintf("/ratings?page_size=%d", listLength)},
		{name: "create", method: http.MethodPost, path: "/ratings", body: body},
	}
}

// requestNamed returns one of them.
func requestNamed(name string, payload int) request {
	all := requests(payload)
	return all[slices.IndexFunc(all, func(r request) bool { return r.name == name })]
}

// client sends requests by HTTP/1.1 on connections that it keeps.
type client struct{ http *http.Client }

func newClient(connections int) *client {
	// Compression is not what is compared.
	return &client{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send sends a request to a front's URL and returns the body of its answer. Any status but 200 is an
// openloop.HTTPError.
func (c *client) send(ctx context.Context, url string, r request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &openloop.HTTPError{Status: resp.StatusCode, Request: r.method + " " + r.path, Body: string(body)}
	}
	return body, err
}

// answerer is one of those that answer a request alike.
type answerer struct {
	name   string
	answer func(context.Context) ([]byte, error) // in JSON
}

// agree checks that all answer alike, so that they do the same work.
func agree(ctx context.Context, all []answerer) error {
	var first []byte
	for i, each := range all {
		answer, err := each.answer(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", each.name, err)
		}
		if i == 0 {
			first = answer
		}
		if err := sameJSON(first, answer); err != nil {
			return fmt.Errorf("%s and %s: %w", all[0].name, each.name, err)
		}
	}
	return nil
}

// sameJSON reports whether two texts are the same JSON, the order of members and white space aside.
func sameJSON(a, b []byte) error {
	left, err := decodeJSON(a)
	if err != nil {
		return err
	}
	right, err := decodeJSON(b)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(left, right) {
		return fmt.Errorf("the answers differ:\n%s\n%s", a, b)
	}
	return nil
}

func decodeJSON(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err = decoder.Decode(&value); err != nil {
		err = fmt.Errorf("answer %q: %w", text, err)
	}
	return value, err
}
