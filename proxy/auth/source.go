package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// source gets an issuer's keys.
type source func(context.Context) ([]publicKey, error)

// maxDocument bounds the documents of an issuer and files of keys, in bytes.
const maxDocument = 1 << 20

// newSource returns the source of an issuer's keys: a location, or else what the issuer's discovery document names.
func newSource(issuer, location string, client *http.Client) (source, error) {
	switch {
	case location == "":
		if err := checkURL(issuer); err != nil {
			return nil, fmt.Errorf("issuer: %w", err)
		}
		return discovered(issuer, client), nil
	case strings.Contains(location, "://"):
		if err := checkURL(location); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		return at(location, client), nil
	}
	if _, err := inFile(location)(context.Background()); err != nil { // a mistake that no waiting mends
		return nil, err
	}
	return inFile(location), nil
}

func discoveryURL(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// discovered is what OpenID Connect Discovery 1.0, section 4 finds. The document is read each time, for an issuer may move
// its keys.
func discovered(issuer string, client *http.Client) source {
	location := discoveryURL(issuer)
	return func(ctx context.Context) ([]publicKey, error) {
		data, err := get(ctx, client, location)
		if err != nil {
			return nil, err
		}
		var document struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := json.Unmarshal(data, &document); err != nil {
			return nil, fmt.Errorf("%s: not a discovery document", location)
		}
		if document.Issuer != issuer { // section 4.3: it must be the same
			return nil, fmt.Errorf("%s: the issuer is %q, not %q", location, document.Issuer, issuer)
		}
		if err := checkURL(document.Keys); err != nil {
			return nil, fmt.Errorf("%s: jwks_uri: %w", location, err)
		}
		return at(document.Keys, client)(ctx)
	}
}

// at is a JWK set at a URL.
func at(location string, client *http.Client) source {
	return func(ctx context.Context) ([]publicKey, error) {
		data, err := get(ctx, client, location)
		if err != nil {
			return nil, err
		}
		keys, err := parseKeys(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", location, err)
		}
		return keys, nil
	}
}

// inFile is a JWK set in a file, which is read again each time.
func inFile(path string) source {
	return func(context.Context) ([]publicKey, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		defer file.Close()
		data, err := readBounded(file)
		if err != nil {
			return nil, fmt.Errorf("read keys: %s: %w", path, err)
		}
		keys, err := parseKeys(data)
		if err != nil {
			return nil, fmt.Errorf("read keys: %s: %w", path, err)
		}
		return keys, nil
	}
}

// newClient returns the client that the issuer is asked with by default.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			IdleConnTimeout:     30 * time.Second, // less than the time between two fetches
			TLSHandshakeTimeout: 5 * time.Second,
		},
		// An issuer says where its keys are, so a redirect is a mistake, or leads to where nobody should be led.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func get(ctx context.Context, client *http.Client, location string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", location, response.Status)
	}
	data, err := readBounded(response.Body)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", location, err)
	}
	return data, nil
}

func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("larger than %d bytes", maxDocument)
	}
	return data, err
}

// checkURL checks that keys can be got from a URL: who could change them on the way could sign any token.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil: // it would be shown in the error, and logged
		return errors.New("the URL must have no user in it")
	case err != nil || u.Host == "" || u.Fragment != "":
		return fmt.Errorf("%q is not a URL such as https://issuer.example", text)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("the URL must be https, or http on this machine")
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
