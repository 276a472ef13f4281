package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	echopb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/tools/bench/barequeue"
)

// target is something that is measured.
type target struct {
	name string
	call func(context.Context) error
}

// The paths of what is compared with the transcoder; the kind of call follows.
const (
	echoPath = "/echo/"
	barePath = "/bare/"
)

// targets returns what is compared for queries or for commands, the bare queue first. "HTTP bare" is a handler of net/http
// that does nothing but the bare round trip: the least that a proxy before the queue can cost. "HTTP echo" leaves that out
// too, and so shows what the HTTP client and server take of all others.
func (l *lab) targets(kind string) []target {
	payload := []byte(l.payload)
	method, path, body := http.MethodGet, "/ratings/1", ""
	if kind == "command" {
		method, path = http.MethodPost, "/ratings"
		body = fmt.Sprintf(`{"user":"users/1","service":"services/1","score":5,"comment":%q}`, l.payload)
	}
	return []target{
		{"bare " + kind, func(ctx context.Context) error {
			_, err := l.bare[kind].Call(ctx, payload)
			return err
		}},
		{"natsgrpc " + kind, func(ctx context.Context) error { return l.rpc(ctx, kind, payload) }},
		{"HTTP echo " + method, func(ctx context.Context) error { return l.http(ctx, method, echoPath+kind, body) }},
		{"HTTP bare " + kind, func(ctx context.Context) error { return l.http(ctx, method, barePath+kind, body) }},
		{"HTTP " + method, func(ctx context.Context) error { return l.http(ctx, method, path, body) }},
	}
}

// rpc makes one call of natsgrpc.
func (l *lab) rpc(ctx context.Context, kind string, payload []byte) error {
	var err error
	if kind == "query" {
		_, err = l.echo.Read(ctx, &echopb.ReadRequest{Payload: payload})
	} else {
		_, err = l.echo.Write(ctx, &echopb.WriteRequest{Payload: payload})
	}
	return err
}

// http makes one request and reads its answer.
func (l *lab) http(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return err
}

// route hands requests for echoPath and barePath to what is compared with the transcoder, and all others to that.
func (l *lab) route(transcoder http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, echoPath) {
			l.answer(w, r, nil)
		} else if kind, found := strings.CutPrefix(r.URL.Path, barePath); found {
			l.answer(w, r, l.bare[kind])
		} else {
			transcoder.ServeHTTP(w, r)
		}
	})
}

// answer reads a request, makes the bare round trip if there is one to make, and answers with the payload.
func (l *lab) answer(w http.ResponseWriter, r *http.Request, queue *barequeue.Requester) {
	_, err := io.ReadAll(r.Body)
	if err == nil && queue != nil {
		_, err = queue.Call(r.Context(), []byte(l.payload))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, l.payload) // the client tells if it got none
}
