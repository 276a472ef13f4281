package auth

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	// maxKeys bounds the keys of an issuer. A token that names none is tried with each.
	maxKeys = 32
	// minRSA is the least size of an RSA key, in bits: RFC 7518, section 3.3.
	minRSA = 2048
)

// publicKey is one key of an issuer.
type publicKey struct {
	id        string
	algorithm string // the only one that it is for, "" if it does not say
	public    crypto.PublicKey
}

// keySet is what is known of an issuer's keys at a moment. It does not change.
type keySet struct {
	keys []publicKey
	// expires is until when the keys are good without news of the issuer.
	expires time.Time
	// tried is when the issuer was last asked, with success or without; err is why not.
	tried time.Time
	err   error
	// replaced is closed when there is a newer set.
	replaced chan struct{}
}

// find returns the keys with an id, of which there may be several for several algorithms, or all keys where the id is "".
func (s *keySet) find(id string, now time.Time) []publicKey {
	if now.After(s.expires) {
		return nil
	}
	if id == "" {
		return s.keys
	}
	var found []publicKey
	for _, key := range s.keys {
		if key.id == id {
			found = append(found, key)
		}
	}
	return found
}

// ids returns the ids of the keys, sorted.
func (s *keySet) ids() []string {
	ids := make([]string, 0, len(s.keys))
	for _, key := range s.keys {
		ids = append(ids, key.id)
	}
	slices.Sort(ids)
	return ids
}

// parseKeys reads a JWK set. Keys that are for something else, or of a type that is not known, are left out, as RFC 7517,
// section 5 has it: other clients of the issuer may want them. A set without any key that can be used is no error, for so an
// issuer takes its keys back.
func parseKeys(data []byte) ([]publicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil || set.Keys == nil {
		return nil, errors.New("not a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys; at most %d are taken", len(set.Keys), maxKeys)
	}
	var keys []publicKey
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if json.Unmarshal(raw, &jwk) != nil || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		public := jwk.Public().Key // nil of a symmetric key
		if small, ok := public.(*rsa.PublicKey); public == nil || ok && small.N.BitLen() < minRSA {
			continue
		}
		keys = append(keys, publicKey{id: jwk.KeyID, algorithm: jwk.Algorithm, public: public})
	}
	return keys, nil
}
