package seed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	// attempts is how often a request is sent at the most; with the waits between them a proxy may be away for half a minute.
	attempts = 10
	minWait  = 100 * time.Millisecond
	maxWait  = 10 * time.Second
	// maxRetryAfter is the longest wait that is heeded: who is told to come back later than that gives up.
	maxRetryAfter = time.Minute
	// callTimeout bounds one attempt: as long as the API lets any method run, and the way.
	callTimeout = 35 * time.Second
	// maxAnswer bounds an answer, in bytes: a batch of batchSize ratings takes a fifth of it.
	maxAnswer = 4 << 20
)

// statusError is an error of the API.
type statusError struct {
	httpStatus      int
	status, message string
}

func (e *statusError) Error() string {
	if e.status == "" {
		return fmt.Sprintf("the answer is %d %s, and not the API's", e.httpStatus, http.StatusText(e.httpStatus))
	}
	return fmt.Sprintf("%s: %s", e.status, e.message)
}

// client calls the REST API.
type client struct {
	address string
	token   string
	seed    uint64
	http    *retryablehttp.Client
}

// newClient returns a client of the API at an address such as http://localhost:8080/api.
func newClient(config Config) (*client, error) {
	u, err := url.Parse(config.Address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("address: %q is no URL such as http://localhost:8080/api", config.Address)
	}
	h := retryablehttp.NewClient()
	h.Logger = nil
	h.HTTPClient.Timeout = callTimeout
	h.RetryMax, h.RetryWaitMin, h.RetryWaitMax = attempts-1, minWait, maxWait
	h.ErrorHandler = retryablehttp.PassthroughErrorHandler
	h.CheckRetry = shouldRetry
	return &client{address: strings.TrimSuffix(config.Address, "/"), token: config.Token, seed: config.Plan.Seed, http: h}, nil
}

// shouldRetry says whether a request is sent again: where there is no answer, and where one says so. The default back-off
// heeds Retry-After. Every write has a key, so none acts twice.
func shouldRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return retryablehttp.DefaultRetryPolicy(ctx, response, err) // some are for ever, such as an unknown authority
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
		return retryablehttp.DefaultBackoff(0, 0, 0, response) <= maxRetryAfter, nil // which is Retry-After, if it is there
	}
	return false, nil
}

// reach tells whether there is an API.
func (c *client) reach(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address+"/services?pageSize=1", nil)
	if err != nil {
		return err
	}
	response, err := c.http.HTTPClient.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: start the system with `go run ./tools/dev up`, or name another with --address", c.address)
	case err != nil:
		return fmt.Errorf("cannot reach %s: %w", c.address, err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := readAnswer(response, nil); err != nil {
		return fmt.Errorf("there is no API at %s: %w", c.address, err)
	}
	return nil
}

// post sends a message to a path and reads the answer. The key is made of all that the request is.
func (c *client) post(ctx context.Context, path string, message, answer proto.Message, index int) error {
	body, err := protojson.Marshal(message)
	if err != nil {
		return err
	}
	// protojson's spaces are random, so the key is made of the wire form.
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return err
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, c.address+path, body)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s", c.seed, path, index, wire))
	request.Header.Set("Idempotency-Key", "seed-"+hex.EncodeToString(digest[:16]))
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return readAnswer(response, answer)
}

// readAnswer reads an answer into a message, unless that is nil.
func readAnswer(response *http.Response, answer proto.Message) error {
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case response.StatusCode == http.StatusOK && answer == nil:
		if !json.Valid(bytes.TrimSpace(data)) {
			return errors.New("the answer is no JSON")
		}
		return nil
	case response.StatusCode == http.StatusOK:
		return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, answer)
	}
	var failed struct {
		Error struct{ Status, Message string }
	}
	_ = json.Unmarshal(data, &failed) // of something else than the API the status must do
	return &statusError{httpStatus: response.StatusCode, status: failed.Error.Status, message: failed.Error.Message}
}
