package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
)

// idleTimeout is how long a sender keeps a connection that is not used, longer than other targets' turns take and shorter
// than the proxy does.
const idleTimeout = 100 * time.Second

// sender sends requests to one front by HTTP/1.1, on connections that it keeps. It is what client is, for a third of the
// CPU time: the lab's generator shares the machine with what it measures, and with net/http it takes nearly as much of it as
// a front does.
type sender struct {
	base string
	host fasthttp.HostClient
}

// newSender returns a sender to a front's URL, with so many connections at most.
func newSender(base string, connections int) (*sender, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return &sender{base, fasthttp.HostClient{
		Addr: u.Host, MaxConns: connections, MaxIdleConnDuration: idleTimeout, NoDefaultUserAgentHeader: true,
		// What is measured is one attempt.
		RetryIfErr: func(*fasthttp.Request, int, error) (resetTimeout, retry bool) { return false, false },
	}}, nil
}

func (s *sender) close() { s.host.CloseIdleConnections() }

// send sends a request and returns the body of its answer. Any status but 200 is an openloop.HTTPError. Of ctx it honours
// the deadline alone, and it must have one.
func (s *sender) send(ctx context.Context, r request) ([]byte, error) {
	deadline, has := ctx.Deadline()
	if !has {
		return nil, errors.New("a request needs a deadline")
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(s.base + r.path)
	req.Header.SetMethod(r.method)
	if r.body != "" {
		req.Header.SetContentType("application/json")
		req.SetBodyString(r.body)
	}
	err := s.host.DoDeadline(req, resp, deadline)
	switch {
	case errors.Is(err, fasthttp.ErrTimeout):
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, context.DeadlineExceeded)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	case resp.StatusCode() != http.StatusOK:
		return nil, &openloop.HTTPError{Status: resp.StatusCode(), Request: r.method + " " + r.path, Body: string(resp.Body())}
	}
	return append([]byte(nil), resp.Body()...), nil
}
