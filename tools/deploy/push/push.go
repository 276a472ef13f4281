// Package push sends images, as the OCI layouts that Bazel makes, to the registry that a cluster pulls from.
package push

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// tagLength is how much of the digest is the tag: what git shows of a commit, and enough that no two images share one.
const tagLength = 12

// Timeouts of one connection. That of the whole push is its context's.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = time.Minute
)

// An Image is the one image, or index of images, of an OCI layout.
type Image struct {
	content remote.Taggable
	digest  name.Digest
	tag     name.Tag
}

// Open reads the layout in a folder, and says where its image goes: to NAME in a registry, HOST or HOST/PATH.
func Open(folder, registry, imageName string) (*Image, error) {
	content, digest, err := read(folder)
	if err != nil {
		return nil, fmt.Errorf("image %s: OCI layout %s: %w", imageName, folder, err)
	}
	if _, rest, found := strings.Cut(registry, "://"); found {
		return nil, fmt.Errorf("registry %s: it must be HOST[/PATH], %s", registry, rest)
	}
	repository, err := name.NewRepository(registry+"/"+imageName, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", registry, err)
	}
	return &Image{
		content: content,
		digest:  repository.Digest(digest),
		tag:     repository.Tag(strings.TrimPrefix(digest, "sha256:")[:tagLength]),
	}, nil
}

// Reference returns REGISTRY/NAME@DIGEST, by which the cluster pulls it.
func (i *Image) Reference() string { return i.digest.String() }

// Tag returns the tag by which registries that drop untagged images keep it: the first 12 digits of the digest.
func (i *Image) Tag() string { return i.tag.TagStr() }

// Push sends to the registry what it has not got. Credentials are those of docker's configuration. It speaks plain HTTP with
// localhost, names below it, and the addresses of loopback and of private networks; HTTPS with all others.
func (i *Image) Push(ctx context.Context) error {
	err := remote.Push(i.tag, i.content,
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(newTransport()),
		remote.WithRetryBackoff(remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Steps: 3}),
	)
	if err != nil {
		return explain(ctx, i.digest.Context(), err)
	}
	return nil
}

// read returns the one entry of a layout and its digest.
func read(folder string) (remote.Taggable, string, error) {
	// Bazel shows a program links to its files, which layout does not follow.
	index, err := filepath.EvalSymlinks(filepath.Join(folder, "index.json"))
	if err != nil {
		return nil, "", err
	}
	all, err := layout.ImageIndexFromPath(filepath.Dir(index))
	if err != nil {
		return nil, "", err
	}
	manifest, err := all.IndexManifest()
	if err != nil {
		return nil, "", err
	}
	if len(manifest.Manifests) != 1 {
		return nil, "", fmt.Errorf("it has %d manifests, must have 1: the image, or the index of its platforms", len(manifest.Manifests))
	}
	entry := manifest.Manifests[0]
	if entry.MediaType.IsIndex() {
		platforms, err := all.ImageIndex(entry.Digest)
		return platforms, entry.Digest.String(), err
	}
	image, err := all.Image(entry.Digest)
	return image, entry.Digest.String(), err
}

// newTransport returns what reaches names below localhost, such as k3d's registries have, by loopback: RFC 6761 says that
// they lie there, but few resolvers know.
func newTransport() http.RoundTripper {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTimeout
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return transport
}

// explain says what a person can do about a failed push.
func explain(ctx context.Context, repository name.Repository, err error) error {
	host := repository.RegistryStr()
	var answer *transport.Error
	var network net.Error
	switch {
	case context.Cause(ctx) != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("push to %s: it was not done in time (--timeout): %w", repository, err)
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return fmt.Errorf("push to %s: registry %s refuses: %s: %w", repository, host, login(host), err)
	case errors.As(err, &answer):
		return fmt.Errorf("push to %s: %w", repository, err)
	case errors.As(err, &network):
		return fmt.Errorf("push to %s: registry %s cannot be reached: does it run, and is --registry right? %w", repository, host, err)
	default:
		return fmt.Errorf("push to %s: %w", repository, err)
	}
}

// login says how one signs in.
func login(host string) string {
	if registry, found := strings.CutSuffix(host, ".azurecr.io"); found {
		return "sign in with az acr login --name " + registry
	}
	return "sign in with docker login " + host
}
