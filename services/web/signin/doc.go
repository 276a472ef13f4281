// Package signin signs people in for a front end that runs in a browser: a backend for the front end (BFF), so that no script
// ever has a token. It is an http.Handler below the front end's path, which the front end's server mounts.
//
//	h, err := signin.New(signin.Config{Issuer: "https://issuer.example", …})
//	mux.Handle("/ui/auth/", h)
//	mux.Handle("/ui/api/", h)
//
// # Paths
//
//	GET  /ui/auth/login?return=/ui/…  sends the browser to the issuer; afterwards it is at return, by default /ui/
//	GET  /ui/auth/callback            where the issuer sends it back to
//	POST /ui/auth/logout              ends the session, here and at the issuer
//	GET  /ui/auth/session             who is signed in, as JSON
//	     /ui/api/…                    the API, with the session's token; a Location of the API's is one below it too
//
// A session reads
//
//	{"signIn": true, "signedIn": true, "subject": "ada", "name": "Ada", "expires": "2026-01-02T15:04:05Z", "api": "/ui/api"}
//
// where signIn says whether there is sign-in at all, and api where the front end calls the API. Without an issuer there is
// none: the session is {"signIn": false, "signedIn": false, "api": "/api"}, and every other path is 404. So the front end has
// one way for both: it asks for the session, and calls what that says.
//
// The answer of logout is a redirect, 303, or for who accepts application/json {"location": "…"}, where the page is to go.
//
// # The flow
//
// The authorization code flow of OpenID Connect with PKCE (S256), state and nonce. State, nonce, verifier and the path to
// return to are in a cookie of ten minutes, which the callback takes away, so that it is of use once and in the browser that
// began. The ID token is verified by github.com/coreos/go-oidc; who is signed in is its subject. The access token goes to the
// API, which verifies it for itself.
//
// # The session
//
// It is in a cookie, encrypted and authenticated (JWE, dir with A256GCM), so that any instance serves any request and none
// keeps anything. The cookie is __Host-session: HttpOnly, Secure, SameSite=Strict, for the whole host and for no other. On
// http://localhost, where browsers take no Secure cookie, it is session. A session that is larger than one cookie takes two,
// 7,600 bytes in all; one that is larger still is refused at sign-in with a page that says so.
//
// It ends [Config.Idle] after its tokens were last renewed, and [Config.Lifetime] after sign-in whatever happens. Tokens are
// renewed by the refresh token a minute before the access token expires, and when half of Idle is over, by a request that
// comes then. Without a refresh token the session ends with the access token.
//
// Requests of one session that come at once renew once, and those that still have the old cookie within a minute get the same
// tokens. That is so within an instance only: several of them renew several times, so an issuer that takes a refresh token
// once needs a moment of grace for it, or the instances a load balancer that keeps a browser at one of them.
//
// # What others cannot do
//
// Requests that change something are refused when another site's page sends them (http.CrossOriginProtection). The path to
// return to is one of the front end's own. No answer, header or log has a token in it; the cookie that is sent on to the API
// has been taken off, as have its Authorization and whatever cookies the API would set.
package signin
