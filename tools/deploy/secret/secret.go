// Package secret makes the Secrets that no repository holds. A manifest has the Secret without data, and says by an
// annotation what a cluster that lacks it gets:
//
//	metadata:
//	  name: nats-proxy
//	  annotations:
//	    deploy.codingflow.com/generate: seed=nkey-seed,public=nkey-public
//
// The value is a comma-separated list of KEY=KIND. The kinds:
//
//	nkey-seed    the secret half of a NATS user's NKey pair
//	nkey-public  the public half of the same pair; a Secret has one
//	random       a password: 32 random bytes in base64url, 43 characters
//	key          a key: 32 random bytes in standard base64, 44 characters
package secret

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"
)

// Annotation says what a Secret has.
const Annotation = "deploy.codingflow.com/generate"

// size of passwords and keys, in bytes: what AES-256 wants, and nobody guesses.
const size = 32

// A Kind is how a value is made.
type Kind string

// The kinds of values.
const (
	NKeySeed   Kind = "nkey-seed"
	NKeyPublic Kind = "nkey-public"
	Random     Kind = "random"
	Key        Kind = "key"
)

// Recipe says how the value of each key of a Secret is made.
type Recipe map[string]Kind

// Parse returns the recipe that an annotation holds: none for "".
func Parse(annotation string) (Recipe, error) {
	if annotation == "" {
		return nil, nil
	}
	recipe := make(Recipe)
	for entry := range strings.SplitSeq(annotation, ",") {
		key, kind, found := strings.Cut(strings.TrimSpace(entry), "=")
		if !found || key == "" {
			return nil, fmt.Errorf("annotation %s: %q is not KEY=KIND", Annotation, entry)
		}
		if _, twice := recipe[key]; twice {
			return nil, fmt.Errorf("annotation %s: %s is there twice", Annotation, key)
		}
		switch Kind(kind) {
		case NKeySeed, NKeyPublic, Random, Key:
			recipe[key] = Kind(kind)
		default:
			return nil, fmt.Errorf("annotation %s: %s has the kind %q, must have nkey-seed, nkey-public, random or key", Annotation, key, kind)
		}
	}
	return recipe, nil
}

// Keys returns the keys in their order.
func (r Recipe) Keys() []string { return slices.Sorted(maps.Keys(r)) }

// Make returns new values.
func (r Recipe) Make() (map[string]string, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make an NKey: %w", err)
	}
	defer user.Wipe()
	values := make(map[string]string, len(r))
	for key, kind := range r {
		var value string
		var err error
		switch kind {
		case NKeySeed:
			var seed []byte
			seed, err = user.Seed()
			value = string(seed)
		case NKeyPublic:
			value, err = user.PublicKey()
		case Random:
			value = base64.RawURLEncoding.EncodeToString(random())
		case Key:
			value = base64.StdEncoding.EncodeToString(random())
		}
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", key, err)
		}
		values[key] = value
	}
	return values, nil
}

func random() []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data) // it never fails
	return data
}
