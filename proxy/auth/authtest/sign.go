package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"

	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// Sign signs a token by the algorithm of a key, whatever further header parameters say. A value of nil removes the parameter.
// Claims that are a string are the payload as it stands.
//
// It is done by hand, since a library would make no wrong token.
func Sign(t testing.TB, key jose.JSONWebKey, header map[string]any, claims any) string {
	t.Helper()
	parameters := map[string]any{"alg": key.Algorithm, "kid": key.KeyID, "typ": "at+jwt"}
	maps.Copy(parameters, header)
	maps.DeleteFunc(parameters, func(_ string, value any) bool { return value == nil })
	payload, ok := claims.(string)
	if !ok {
		payload = toJSON(t, claims)
	}
	return sign(t, key, toJSON(t, parameters), payload)
}

func sign(t testing.TB, key jose.JSONWebKey, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(signature(t, key, input)))
}

func signature(t testing.TB, key jose.JSONWebKey, input string) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[key.Algorithm[2:]]
	digest := func() []byte {
		h := hash.New()
		h.Write([]byte(input))
		return h.Sum(nil)
	}
	var (
		signed []byte
		err    error
	)
	switch private := key.Key.(type) {
	case *rsa.PrivateKey:
		if key.Algorithm[0] == 'P' {
			signed, err = rsa.SignPSS(rand.Reader, private, hash, digest(), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signed, err = rsa.SignPKCS1v15(rand.Reader, private, hash, digest())
		}
	case *ecdsa.PrivateKey:
		r, s, failed := ecdsa.Sign(rand.Reader, private, digest())
		size := (private.Curve.Params().BitSize + 7) / 8
		signed, err = make([]byte, 2*size), failed
		r.FillBytes(signed[:size])
		s.FillBytes(signed[size:])
	case ed25519.PrivateKey:
		signed = ed25519.Sign(private, []byte(input))
	case []byte:
		mac := hmac.New(hash.New, private)
		mac.Write([]byte(input))
		signed = mac.Sum(nil)
	default:
		t.Fatalf("no signatures by a %T", private)
	}
	require.NoError(t, err)
	return signed
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func toJSON(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}
