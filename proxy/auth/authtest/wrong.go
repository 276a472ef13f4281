package authtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// Refused is a request that must be refused, and how.
type Refused struct {
	Name string
	// Authorization are the values of the header.
	Authorization []string
	Code          codes.Code
	// Reason is that of the google.rpc.ErrorInfo, Message the status's.
	Reason, Message string
	// Challenge is the WWW-Authenticate, "" for none.
	Challenge string
}

// WrongTokens returns requests with every wrong token that there is, for a method that needs a token, and an authenticator of
// the provider's issuer and Audience with default options, which is made after it. It adds keys to the provider: an RSA key
// that is for PS256, keys that must not be used, and one that is withdrawn again.
func WrongTokens(t testing.TB, p *Provider) []Refused {
	t.Helper()
	w := wrong{t: t, provider: p, key: p.Key(), rsa: NewKey(t, jose.PS256), foreign: NewKey(t, jose.ES256)}
	p.Publish(w.rsa)
	w.missing()
	w.malformed()
	w.claims()
	w.confused()
	w.keys()
	w.headers()
	w.damaged()
	return w.refused
}

type wrong struct {
	t        testing.TB
	provider *Provider
	key      jose.JSONWebKey // the provider's ES256 key
	rsa      jose.JSONWebKey // the provider's PS256 key
	foreign  jose.JSONWebKey // nobody's
	refused  []Refused
}

func (w *wrong) add(name string, code codes.Code, reason, message, challenge string, authorization ...string) {
	w.refused = append(w.refused, Refused{
		Name: name, Authorization: authorization, Code: code, Reason: reason, Message: message, Challenge: challenge,
	})
}

// invalid adds a token that is refused as invalid.
func (w *wrong) invalid(name, message, token string) {
	w.add(name, codes.Unauthenticated, "TOKEN_INVALID", message,
		`Bearer realm="api", error="invalid_token", error_description="`+message+`"`, "Bearer "+token)
}

// right signs right claims with changes.
func (w *wrong) right(changes map[string]any) string {
	return Sign(w.t, w.key, nil, w.provider.Claims(changes))
}

func (w *wrong) missing() {
	for name, authorization := range map[string][]string{
		"no token":              nil,
		"an empty header":       {""},
		"another scheme":        {"Basic YWRhOnNlY3JldC13b3Jk"},
		"DPoP":                  {"DPoP " + w.right(nil)},
		"a token alone":         {w.right(nil)},
		"a scheme with a colon": {"Bearer: " + w.right(nil)},
	} {
		w.add(name, codes.Unauthenticated, "TOKEN_MISSING", "the method needs a bearer token", `Bearer realm="api"`, authorization...)
	}
}

func (w *wrong) malformed() {
	token := w.right(nil)
	add := func(name, message string, authorization ...string) {
		w.add(name, codes.InvalidArgument, "TOKEN_MALFORMED", message,
			`Bearer realm="api", error="invalid_request", error_description="`+message+`"`, authorization...)
	}
	for name, value := range map[string]string{
		"a scheme alone":           "Bearer",
		"a scheme and a space":     "Bearer ",
		"two tokens":               "Bearer " + token + " " + token,
		"a comma between two":      "Bearer " + token + ",Bearer " + token,
		"a newline":                "Bearer " + token[:20] + "\n" + token[20:],
		"a newline at the end":     "Bearer " + token + "\n",
		"a tab after the scheme":   "Bearer \t" + token,
		"a NUL":                    "Bearer " + token + "\x00",
		"quotes":                   `Bearer "` + token + `"`,
		"a parameter":              `Bearer token="` + token + `"`,
		"not ASCII":                "Bearer " + token + "é",
		"JWS in JSON":              `Bearer {"payload":"e30","signatures":[]}`,
		"an equals sign within":    "Bearer " + token[:20] + "=" + token[20:],
		"equals signs and no more": "Bearer ==",
	} {
		add(name, "the Authorization header is not Bearer with one token", value)
	}
	add("two headers", "there is more than one Authorization header", "Bearer "+token, "Bearer "+token)
	add("two headers, one of them Basic", "there is more than one Authorization header", "Basic YWRhOnNlY3JldC13b3Jk", "Bearer "+token)
}

func (w *wrong) claims() {
	now := time.Now()
	w.add("expired", codes.Unauthenticated, "TOKEN_EXPIRED", "the token has expired",
		`Bearer realm="api", error="invalid_token", error_description="the token has expired"`,
		"Bearer "+w.right(map[string]any{"exp": now.Add(-time.Minute).Unix()}))
	w.add("expired long ago", codes.Unauthenticated, "TOKEN_EXPIRED", "the token has expired",
		`Bearer realm="api", error="invalid_token", error_description="the token has expired"`,
		"Bearer "+w.right(map[string]any{"exp": -1e15}))
	const early = "the token is not valid yet"
	w.invalid("not valid yet", early, w.right(map[string]any{"nbf": now.Add(time.Hour).Unix()}))
	w.invalid("issued in the future", early, w.right(map[string]any{"iat": now.Add(time.Hour).Unix()}))

	const issuer = "the token is of another issuer"
	w.invalid("another issuer", issuer, w.right(map[string]any{"iss": "https://evil.example"}))
	w.invalid("the issuer with a slash", issuer, w.right(map[string]any{"iss": w.provider.Issuer + "/"}))
	w.invalid("the issuer in capitals", issuer, w.right(map[string]any{"iss": strings.ToUpper(w.provider.Issuer)}))

	const audience = "the token is for another audience"
	w.invalid("another audience", audience, w.right(map[string]any{"aud": "https://other.example"}))
	w.invalid("other audiences", audience, w.right(map[string]any{"aud": []string{"https://other.example", Audience + "/"}}))
	w.invalid("an ID token", audience, Sign(w.t, w.key, map[string]any{"typ": "JWT"},
		w.provider.Claims(map[string]any{"aud": "a-client", "nonce": "n-0S6_WzA2Mj"})))

	const lacks = "the token lacks one of the claims iss, sub, aud and exp"
	for _, claim := range []string{"iss", "sub", "aud", "exp"} {
		w.invalid("no "+claim, lacks, w.right(map[string]any{claim: nil}))
	}
	w.invalid("an empty sub", lacks, w.right(map[string]any{"sub": ""}))
	w.invalid("an empty list of audiences", lacks, w.right(map[string]any{"aud": []string{}}))
	w.invalid("claims in capitals", lacks, Sign(w.t, w.key, nil, strings.NewReplacer(`"iss"`, `"ISS"`, `"sub"`, `"Sub"`).
		Replace(toJSON(w.t, w.provider.Claims(nil)))))
	w.invalid("an empty object", lacks, Sign(w.t, w.key, nil, "{}"))
	w.invalid("null", lacks, Sign(w.t, w.key, nil, "null"))

	const malformed = "the token's claims are malformed"
	w.invalid("exp as text", malformed, w.right(map[string]any{"exp": "tomorrow"}))
	w.invalid("exp beyond all times", malformed, w.right(map[string]any{"exp": 1e300}))
	w.invalid("sub as a number", malformed, w.right(map[string]any{"sub": 7}))
	w.invalid("aud as a number", malformed, w.right(map[string]any{"aud": 7}))
	w.invalid("a number among audiences", malformed, w.right(map[string]any{"aud": []any{Audience, 7}}))
	w.invalid("scope as a number", malformed, w.right(map[string]any{"scope": 7}))
	w.invalid("claims twice", malformed, Sign(w.t, w.key, nil,
		strings.Replace(toJSON(w.t, w.provider.Claims(nil)), "{", `{"sub":"root",`, 1)))
	w.invalid("a list for claims", malformed, Sign(w.t, w.key, nil, "[]"))
	w.invalid("no JSON for claims", malformed, Sign(w.t, w.key, nil, "claims"))
	w.invalid("claims that are cut", malformed, Sign(w.t, w.key, nil, `{"iss":"`+w.provider.Issuer))
	w.invalid("deep claims", malformed, Sign(w.t, w.key, nil, strings.Repeat("[", 5000)))
}

// confused adds tokens whose algorithm is not the one of their key.
func (w *wrong) confused() {
	const algorithm, wrongSignature = "the token's algorithm is not accepted", "the token's signature is wrong"
	claims := toJSON(w.t, w.provider.Claims(nil))
	for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
		header := toJSON(w.t, map[string]any{"alg": none, "kid": w.key.KeyID})
		w.invalid("alg "+none, algorithm, encode(header)+"."+encode(claims)+".")
		w.invalid("alg "+none+" with a signature", algorithm, sign(w.t, w.key, header, claims))
	}
	w.invalid("no alg", algorithm, Sign(w.t, w.key, map[string]any{"alg": nil}, claims))
	w.invalid("alg in small letters", algorithm, Sign(w.t, w.key, map[string]any{"alg": "es256"}, claims))
	w.invalid("alg ES256K", algorithm, Sign(w.t, w.key, map[string]any{"alg": "ES256K"}, claims))
	w.invalid("alg RSA-OAEP", algorithm, Sign(w.t, w.key, map[string]any{"alg": "RSA-OAEP"}, claims))
	w.invalid("alg as a number", algorithm, Sign(w.t, w.key, map[string]any{"alg": 7}, claims))

	// An HMAC whose secret is what everybody knows, the public key.
	public := w.rsa.Key.(*rsa.PrivateKey).Public()
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(w.t, err)
	text, err := w.rsa.Public().MarshalJSON()
	require.NoError(w.t, err)
	pkcs1 := x509.MarshalPKCS1PublicKey(public.(*rsa.PublicKey))
	for name, secret := range map[string][]byte{
		"the public key in DER":   der,
		"the public key in PEM":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"the public key in PKCS1": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}),
		"the public key as JWK":   text,
		"nothing":                 {},
	} {
		for _, hmac := range []string{"HS256", "HS384", "HS512"} {
			w.invalid(hmac+" by "+name, algorithm, Sign(w.t, jose.JSONWebKey{Key: secret, KeyID: w.rsa.KeyID, Algorithm: hmac}, nil, claims))
		}
	}
	// One that says that it is no HMAC.
	w.invalid("an HMAC that says PS256", wrongSignature,
		Sign(w.t, jose.JSONWebKey{Key: der, KeyID: w.rsa.KeyID, Algorithm: "HS256"}, map[string]any{"alg": "PS256"}, claims))

	// The keys of other types and for other algorithms.
	w.invalid("ES256 under the id of the RSA key", wrongSignature, Sign(w.t, w.key, map[string]any{"kid": w.rsa.KeyID}, claims))
	w.invalid("PS256 under the id of the EC key", wrongSignature, Sign(w.t, w.rsa, map[string]any{"kid": w.key.KeyID}, claims))
	rs256 := w.rsa
	rs256.Algorithm = "RS256"
	w.invalid("RS256 by a key for PS256", wrongSignature, Sign(w.t, rs256, nil, claims))
	w.invalid("EdDSA under the id of the EC key", wrongSignature,
		Sign(w.t, w.foreign, map[string]any{"alg": "EdDSA", "kid": w.key.KeyID}, claims))
	w.invalid("ES384 under the id of the EC key", wrongSignature,
		Sign(w.t, NewKey(w.t, jose.ES384), map[string]any{"kid": w.key.KeyID}, claims))
}

// keys adds tokens by keys that are not the issuer's, or not for this.
func (w *wrong) keys() {
	const unknown = "the token's key is not one of the issuer's"
	claims := w.provider.Claims(nil)
	w.invalid("a key of somebody else", unknown, Sign(w.t, w.foreign, nil, claims))
	w.invalid("a key of somebody else, under a known id", "the token's signature is wrong",
		Sign(w.t, w.foreign, map[string]any{"kid": w.key.KeyID}, claims))
	w.invalid("a key of somebody else, without an id", unknown, Sign(w.t, w.foreign, map[string]any{"kid": nil}, claims))
	for _, id := range []string{"../../dev/null", "' OR 1=1 --", w.key.KeyID + " ", strings.ToLower(w.key.KeyID)} {
		w.invalid("the id "+id, unknown, Sign(w.t, w.key, map[string]any{"kid": id}, claims))
	}
	w.invalid("an id that is a number", "the token is not a signed JWT", Sign(w.t, w.key, map[string]any{"kid": 7}, claims))

	withdrawn := NewKey(w.t, jose.ES256)
	w.provider.Publish(withdrawn)
	w.provider.Withdraw(withdrawn)
	w.invalid("a key that was withdrawn", unknown, Sign(w.t, withdrawn, nil, claims))

	encryption := NewKey(w.t, jose.ES256)
	encryption.Use = "enc"
	w.provider.Publish(encryption)
	w.invalid("a key for encryption", unknown, Sign(w.t, encryption, nil, claims))

	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it must be refused
	require.NoError(w.t, err)
	small := jose.JSONWebKey{Key: short, KeyID: "small", Algorithm: "RS256"}
	w.provider.Publish(small)
	w.invalid("an RSA key of 1,024 bits", unknown, Sign(w.t, small, nil, claims))

	secret := jose.JSONWebKey{Key: []byte("a secret that an issuer publishes"), KeyID: "secret", Algorithm: "HS256"}
	w.provider.Publish(secret)
	w.invalid("a published secret", "the token's algorithm is not accepted", Sign(w.t, secret, nil, claims))
	w.invalid("the id of a published secret", unknown, Sign(w.t, w.key, map[string]any{"kid": secret.KeyID}, claims))
}

// headers adds tokens whose header leads somewhere else.
func (w *wrong) headers() {
	const unknown, wrongSignature, none = "the token's key is not one of the issuer's", "the token's signature is wrong", "the token is not a signed JWT"
	claims := w.provider.Claims(nil)
	for _, kid := range []any{w.key.KeyID, w.foreign.KeyID, nil} {
		message := unknown
		name := "by an unknown id"
		switch kid {
		case w.key.KeyID:
			message, name = wrongSignature, "by a known id"
		case nil:
			name = "without an id"
		}
		with := func(parameter string, value any) string {
			return Sign(w.t, w.foreign, map[string]any{"kid": kid, parameter: value}, claims)
		}
		w.invalid("jwk "+name, message, with("jwk", w.foreign.Public()))
		w.invalid("jku "+name, message, with("jku", w.provider.Issuer+"/keys?evil"))
		w.invalid("x5u "+name, message, with("x5u", w.provider.Issuer+"/certificate"))
	}
	w.invalid("jwk that is private", none, Sign(w.t, w.foreign, map[string]any{"jwk": w.foreign}, claims))
	w.invalid("x5c that is none", none, Sign(w.t, w.key, map[string]any{"x5c": []string{"AAAA"}}, claims))

	const critical = "the token has critical header parameters"
	w.invalid("critical parameters", critical, Sign(w.t, w.key, map[string]any{"crit": []string{"exp"}, "exp": 1}, claims))
	w.invalid("b64", critical, Sign(w.t, w.key, map[string]any{"crit": []string{"b64"}, "b64": false}, claims))
	w.invalid("parameters twice", none, sign(w.t, w.key,
		`{"alg":"ES256","kid":"`+w.key.KeyID+`","alg":"none"}`, toJSON(w.t, claims)))

	const kind = "the token's type is not that of an access token"
	for _, typ := range []string{"dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", "text/at+jwt", "application/application/jwt", "at+jwt;x=y"} {
		w.invalid("typ "+typ, kind, Sign(w.t, w.key, map[string]any{"typ": typ}, claims))
	}
	w.invalid("typ as a number", none, Sign(w.t, w.key, map[string]any{"typ": 7}, claims))
}

// damaged adds tokens that are not what the issuer has signed, or no tokens.
func (w *wrong) damaged() {
	const none, wrongSignature = "the token is not a signed JWT", "the token's signature is wrong"
	token := w.right(nil)
	parts := strings.Split(token, ".")
	header, payload, signed := parts[0], parts[1], parts[2]

	w.invalid("another's claims", wrongSignature, header+"."+strings.Split(w.right(map[string]any{"sub": "root"}), ".")[1]+"."+signed)
	w.invalid("another's header", wrongSignature,
		encode(`{"alg":"ES256","typ":"JWT","kid":"`+w.key.KeyID+`"}`)+"."+payload+"."+signed)
	w.invalid("a signature that is cut", wrongSignature, token[:len(token)-4])
	w.invalid("a signature that is longer", wrongSignature, token+"AAAA")
	w.invalid("a signature of zeros", wrongSignature, header+"."+payload+"."+strings.Repeat("A", len(signed)))
	w.invalid("no signature", wrongSignature, header+"."+payload+".")
	w.invalid("claims that are not base64", none, header+"."+payload[:len(payload)/4*4-3]+"."+signed)
	w.invalid("a token that is cut", none, token[:len(header)+len(payload)/2])
	w.invalid("not a JWT", none, "an-opaque-token-of-another-kind")
	w.invalid("dots", "the token's algorithm is not accepted", "..")
	w.invalid("two parts", none, header+"."+payload)
	w.invalid("four parts", none, token+"."+signed)
	w.invalid("JWE's five parts", none, header+".."+payload+"."+payload+"."+signed)
	w.invalid("padding", none, token+"==")
	w.invalid("standard base64", none, header+"+/"+"."+payload+"."+signed)
	w.invalid("a header that is a list", none, encode("[]")+"."+payload+"."+signed)
	w.invalid("too large", "the token is larger than 16384 bytes", w.right(map[string]any{"groups": strings.Repeat("a", 16<<10)}))
	w.invalid("too large and no token", "the token is larger than 16384 bytes", strings.Repeat("a", 16<<10+1))
}
