// Package auth decides who may call: it checks the bearer token of a request (RFC 6750), which must be a JWT, by the keys of
// one issuer of OpenID Connect, and tells services whose it is. It is asked once the method is known, before the body is
// read, and knows descriptors and headers only, so it serves every protocol that the proxy speaks.
//
//	authenticator, err := auth.New("https://issuer.example", []string{"https://api.example"})
//	defer authenticator.Close()
//	ctx, md, err := authenticator.Authorize(ctx, method, header)
//
// # What a method needs
//
// A token, unless the option auth.v1.method, or auth.v1.service for all methods of a service, says otherwise: it opens a
// method to callers without a token, or asks for scopes. See proto/auth/v1. A token that is sent to an open method is checked
// all the same.
//
// # What a token needs
//
// It comes in the one Authorization header, never in the query or the body, has at most [MaxToken] bytes, and is signed by
// one of the allowed algorithms, [WithAlgorithms], none of which is `none` or an HMAC. The key is one of the issuer's: the
// one that the token's kid names, or any if it names none. Where the key says which algorithm it is for, no other will do,
// and RSA keys below 2,048 bits are not used. What the token itself says of keys (jwk, jku, x5c, x5u) means nothing.
//
// Its typ is at+jwt, JWT or absent, or at+jwt alone with [WithAccessTokensOnly]. It has no critical header parameters. Its
// iss is the issuer, its aud, a string or a list, has one of the audiences, and sub and exp are there. exp, nbf and iat are
// compared with this machine's clock give or take [WithLeeway]. RFC 9068 also requires iat, jti and client_id, which nothing
// here depends on and many issuers leave out.
//
// # Keys
//
// Discovery and the JWK set are fetched at start and every five minutes, so a key that is withdrawn is refused, and a new one
// known, five minutes later without a restart. A new one is known at once, in fact: a token whose key is not known makes the
// keys be fetched again, but only if that was ten seconds ago, and the token is right in all other ways. So the issuer gets
// at most one fetch in ten seconds for invented keys, and a token by a key that is younger is refused meanwhile; issuers
// publish keys before they use them. A fetch takes at most five seconds and documents of 1 MiB, and follows no redirect.
//
// While the issuer cannot be reached, at start too, it is asked every ten seconds. Tokens by known keys are taken, for up to a
// day. Whether others are right nobody knows: they are answered UNAVAILABLE, with the time until it is asked again.
//
// # What services get
//
// The metadata x-auth-subject and x-auth-issuer, and x-auth-claim-NAME for each claim of [WithClaims] that the token has: a
// list as several values, other values than strings as JSON. Values are percent-encoded but for the printable ASCII. A
// caller without a token has none of them. Nobody else can set them: see [Authenticator.Authorize] and [MetadataPrefix]. The
// token itself is not passed on.
//
// # Refusals
//
//	401  UNAUTHENTICATED    TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_INVALID (error="invalid_token")
//	400  INVALID_ARGUMENT   TOKEN_MALFORMED (error="invalid_request"): two Authorization headers, or not one token in it
//	403  PERMISSION_DENIED  SCOPE_MISSING (error="insufficient_scope", with the scopes)
//	503  UNAVAILABLE        KEYS_UNAVAILABLE, with a google.rpc.RetryInfo
//
// Each has a google.rpc.ErrorInfo with the reason, and all but the last a WWW-Authenticate. No error and no log line has any
// part of a token in it.
//
// # Why go-jose
//
// Signatures, keys and the claims of time are checked by github.com/go-jose/go-jose/v4, which is well kept, depends on
// nothing, takes no token without a list of algorithms, and reads JSON strictly: names in their exact case and none twice.
// github.com/coreos/go-oidc, which is built on it, is for clients: it verifies ID tokens for one audience, allows no leeway
// after exp, and fetches the keys again for every unknown kid, which here anybody could make it do. What is left of it is
// the discovery, which is a GET and a comparison.
package auth
