package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// perFetch is how many requests the provider gets for one fetch: for its discovery document and its keys.
const perFetch = 2

func TestKeysAreFetchedOnceAndThenEveryFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		a, l := authenticator(t, provider)
		for range 1000 {
			require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
		}
		require.Equal(t, perFetch, provider.Fetches())
		time.Sleep(time.Hour + time.Second) // of the bubble's clock
		synctest.Wait()
		require.Equal(t, 13*perFetch, provider.Fetches())
		require.Equal(t, 1, strings.Count(l.String(), "\n"), "what did not change is not logged: %s", l)
	})
}

func TestUnknownKeysMakeNoStormOfFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		a, _ := authenticator(t, provider)
		evil := authtest.NewKey(t, jose.ES256)
		tokens := make([]string, 50)
		for i := range tokens {
			kid := fmt.Sprint("invented ", i)
			tokens[i] = authtest.Sign(t, evil, map[string]any{"kid": kid}, provider.Claims(nil))
		}
		started := time.Now()
		for time.Since(started) < time.Minute {
			var wg sync.WaitGroup
			for _, token := range tokens {
				wg.Go(func() {
					if got := authorize(t, a, bearer(token)).reason(t); got != "TOKEN_INVALID" {
						t.Error(got)
					}
				})
			}
			wg.Wait()
			time.Sleep(500 * time.Millisecond)
		}
		require.Equal(t, 6*perFetch, provider.Fetches(), "one in ten seconds")

		// What is wrong anyway is not looked up.
		time.Sleep(11 * time.Second)
		for _, changes := range []map[string]any{
			{"iss": "https://evil.example"}, {"aud": "https://evil.example"}, {"exp": 1}, {"sub": nil},
		} {
			token := authtest.Sign(t, evil, nil, provider.Claims(changes))
			require.NotEmpty(t, authorize(t, a, bearer(token)).reason(t))
		}
		require.Equal(t, 6*perFetch, provider.Fetches())
	})
}

func TestANewKeyIsKnownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		a, l := authenticator(t, provider)
		require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)

		added := authtest.NewKey(t, jose.ES256)
		provider.Publish(added)
		token := authtest.Sign(t, added, nil, provider.Claims(nil))
		require.Equal(t, "TOKEN_INVALID", authorize(t, a, bearer(token)).reason(t), "the keys were fetched less than ten seconds ago")
		require.Equal(t, perFetch, provider.Fetches())
		time.Sleep(10 * time.Second)
		require.NoError(t, authorize(t, a, bearer(token)).err)
		require.Equal(t, 2*perFetch, provider.Fetches())
		require.Contains(t, l.String(), added.KeyID)

		// The same for one whose token does not name it.
		nameless := authtest.NewKey(t, jose.ES256)
		provider.Publish(nameless)
		time.Sleep(10 * time.Second)
		token = authtest.Sign(t, nameless, map[string]any{"kid": nil}, provider.Claims(nil))
		require.NoError(t, authorize(t, a, bearer(token)).err)
	})
}

func TestAWithdrawnKeyIsRefusedFiveMinutesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		a, l := authenticator(t, provider)
		token := provider.Token(nil)
		require.NoError(t, authorize(t, a, bearer(token)).err)
		withdrawn := provider.Key()
		provider.Publish(authtest.NewKey(t, jose.ES256))
		provider.Withdraw(withdrawn)
		time.Sleep(5*time.Minute + time.Second)
		require.Equal(t, refused{
			codes.Unauthenticated, "TOKEN_INVALID", "the token's key is not one of the issuer's",
			`Bearer realm="api", error="invalid_token", error_description="the token's key is not one of the issuer's"`,
		}, refusedOf(t, authorize(t, a, bearer(token)).err))
		require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
		requireNoPart(t, token, l.String(), "the log")

		// All of them.
		provider.Withdraw(provider.Key())
		time.Sleep(5*time.Minute + time.Second)
		require.Equal(t, "TOKEN_INVALID", authorize(t, a, bearer(authtest.Sign(t, withdrawn, nil, provider.Claims(nil)))).reason(t))
	})
}

// An issuer that publishes each key five minutes before it signs with it, and withdraws it when its last token has expired,
// has no token refused, while it rotates its keys a hundred times under load.
func TestRotationUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		a, _ := authenticator(t, provider)
		var current atomic.Pointer[jose.JSONWebKey]
		first := provider.Key()
		current.Store(&first)
		ctx, stop := context.WithCancel(t.Context())
		var (
			callers sync.WaitGroup
			calls   atomic.Int64
		)
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil {
					token := authtest.Sign(t, *current.Load(), nil, provider.Claims(nil))
					if err := authorize(t, a, bearer(token)).err; err != nil {
						t.Error(err)
					}
					calls.Add(1)
					time.Sleep(20 * time.Second)
				}
			})
		}
		for range 100 {
			old, next := *current.Load(), authtest.NewKey(t, jose.ES256)
			provider.Publish(next)
			time.Sleep(5*time.Minute + time.Second)
			current.Store(&next)
			time.Sleep(time.Minute)
			provider.Withdraw(old)
		}
		stop()
		callers.Wait()
		require.Greater(t, calls.Load(), int64(7000))
		require.Less(t, provider.Fetches(), 150*perFetch)
	})
}

// The same over a network, with an issuer that is asked all the time: a key that is published is taken, one that is withdrawn
// refused, in the end; and one that stays is taken always.
func TestRotationOverTheNetwork(t *testing.T) {
	provider := authtest.NewProvider(t)
	stays := provider.Token(nil)
	a, _ := authenticator(t, provider, auth.WithTiming(time.Millisecond, time.Millisecond))
	require.NoError(t, authorize(t, a, bearer(stays)).err)
	var callers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 2 {
		callers.Go(func() {
			for ctx.Err() == nil {
				if err := authorize(t, a, bearer(stays)).err; err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		key := authtest.NewKey(t, jose.ES256)
		token := authtest.Sign(t, key, nil, provider.Claims(nil))
		becomes := func(want string) {
			t.Helper()
			require.Eventually(t, func() bool { return authorize(t, a, bearer(token)).reason(t) == want }, 10*time.Second, time.Millisecond)
		}
		becomes("TOKEN_INVALID")
		provider.Publish(key)
		becomes("")
		provider.Withdraw(key)
		becomes("TOKEN_INVALID")
	}
	stop()
	callers.Wait()
}

func TestAnIssuerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		token := provider.Token(nil)
		provider.SetDown(true)
		a, l := authenticator(t, provider)
		open := method(t, "", "allow_unauthenticated: true")

		// At start nothing is known.
		requireUnavailable := func(token string, least, most time.Duration) {
			t.Helper()
			err := authorize(t, a, bearer(token)).err
			require.Equal(t, refused{codes.Unavailable, "KEYS_UNAVAILABLE", "tokens cannot be checked at the moment", ""}, refusedOf(t, err))
			retry := status.Convert(err).Details()[1].(*errdetails.RetryInfo).GetRetryDelay().AsDuration()
			require.GreaterOrEqual(t, retry, least)
			require.LessOrEqual(t, retry, most)
		}
		requireUnavailable(token, 10*time.Second, 10*time.Second)
		time.Sleep(4 * time.Second)
		requireUnavailable(token, 6*time.Second, 6*time.Second)
		require.NoError(t, authorizeMethod(t, a, open, nil).err, "those that need no token go on")
		require.Equal(t, "TOKEN_INVALID", authorize(t, a, bearer(provider.Token(map[string]any{"aud": "x"}))).reason(t), "what is wrong anyway is told")
		require.Equal(t, 1, provider.Fetches())
		require.Contains(t, l.String(), "cannot get the issuer's keys")
		time.Sleep(time.Minute)
		require.Equal(t, 7, provider.Fetches())

		// It comes up, and is asked within ten seconds.
		provider.SetDown(false)
		time.Sleep(10 * time.Second)
		require.NoError(t, authorize(t, a, bearer(token)).err)

		// It goes again: known keys go on, others nobody knows.
		provider.SetDown(true)
		evil := authtest.Sign(t, authtest.NewKey(t, jose.ES256), nil, provider.Claims(nil))
		time.Sleep(10 * time.Second)
		requireUnavailable(evil, 10*time.Second, 10*time.Second)
		for range 23 {
			time.Sleep(time.Hour)
			require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
			evil = authtest.Sign(t, authtest.NewKey(t, jose.ES256), nil, provider.Claims(nil))
			requireUnavailable(evil, 0, 10*time.Second)
		}
		// But not for ever.
		time.Sleep(time.Hour + time.Minute)
		requireUnavailable(provider.Token(nil), 0, 10*time.Second)
		provider.SetDown(false)
		time.Sleep(10 * time.Second)
		require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
	})
}

func TestAnIssuerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		token := provider.Token(nil)
		provider.Handle(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		a, _ := authenticator(t, provider)
		started := time.Now()
		require.Equal(t, "KEYS_UNAVAILABLE", authorize(t, a, bearer(token)).reason(t))
		require.Equal(t, 5*time.Second, time.Since(started), "as long as a fetch may take")
		require.Equal(t, "KEYS_UNAVAILABLE", authorize(t, a, bearer(token)).reason(t))
		require.Equal(t, 5*time.Second, time.Since(started), "and nobody waits for the next one")

		// A caller that leaves does not wait either, nor does it end the fetch for others.
		time.Sleep(10 * time.Second)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := a.Authorize(ctx, closed, bearer(token))
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.Equal(t, 2, provider.Fetches())
		require.NoError(t, a.Close())
		require.Equal(t, "KEYS_UNAVAILABLE", authorize(t, a, bearer(token)).reason(t), "closed")
	})
}

func TestKnownKeysGoOnAfterClose(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider)
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "again")
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
}

// What an issuer may answer that is wrong: its keys are then not known, and the log says why.
func TestBadDocumentsOfTheIssuer(t *testing.T) {
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	keys := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				_, _ = w.Write([]byte(text))
				return
			}
			_, _ = fmt.Fprintf(w, `{"issuer": "http://%s", "jwks_uri": "http://%s/keys"}`, r.Host, r.Host)
		}
	}
	tests := []struct {
		name   string
		handle http.HandlerFunc
		want   string
	}{
		{"404", http.NotFound, "/.well-known/openid-configuration: 404 Not Found"},
		{"redirect", http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, "302 Found"},
		{"no JSON", write("<html>"), "not a discovery document"},
		{"another issuer", write(`{"issuer": "https://evil.example", "jwks_uri": "https://evil.example"}`), `the issuer is \"https://evil.example\", not \"http://127.0.0.1:`},
		{"the issuer with a slash", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"issuer": "http://%s/", "jwks_uri": "http://%s/keys"}`, r.Host, r.Host)
		}, `the issuer is \"http://127.0.0.1:`},
		{"keys over http", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"issuer": "http://%s", "jwks_uri": "http://evil.example/keys"}`, r.Host)
		}, "jwks_uri: the URL must be https, or http on this machine"},
		{"no keys_uri", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"issuer": "http://%s"}`, r.Host)
		}, `jwks_uri: \"\" is not a URL such as https://issuer.example`},
		{"too large", write(strings.Repeat(" ", 1<<20+1)), "larger than 1048576 bytes"},
		{"keys that are no JSON", keys("keys"), "/keys: not a JWK set"},
		{"no keys", keys("{}"), "/keys: not a JWK set"},
		{"too many keys", keys(`{"keys": [{}` + strings.Repeat(",{}", 32) + `]}`), "/keys: 33 keys; at most 32 are taken"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			provider := authtest.NewProvider(t)
			provider.Handle(test.handle)
			a, l := authenticator(t, provider)
			require.Equal(t, "KEYS_UNAVAILABLE", authorize(t, a, bearer(provider.Token(nil))).reason(t))
			require.Contains(t, l.String(), test.want)
		})
	}
}

// Keys that mean nothing here do no harm to the others.
func TestKeysOfOtherKindsAreLeftOut(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, l := func() (*auth.Authenticator, *log) {
		key := provider.Key()
		text, err := key.Public().MarshalJSON()
		require.NoError(t, err)
		set := `{"keys": [{}, 7, {"kty":"OKP","crv":"X448","x":"AA"}, {"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}, {"kty":"oct","k":"AAAA"},
			{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"small"}, ` + string(text) + `], "more": 1}`
		path := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(path, []byte(set), 0o600))
		return authenticator(t, provider, auth.WithKeys(path))
	}()
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
	require.Contains(t, l.String(), "ids=["+provider.Key().KeyID+"]")
	require.Zero(t, provider.Fetches(), "the issuer is not asked")
}

func TestKeysInAFileAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := authtest.NewOffline(t)
		path := filepath.Join(t.TempDir(), "keys.json")
		write := func(key jose.JSONWebKey) {
			text, err := key.Public().MarshalJSON()
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(`{"keys": [`+string(text)+`]}`), 0o600))
		}
		write(provider.Key())
		a, _ := authenticator(t, provider, auth.WithKeys(path))
		old := provider.Token(nil)
		require.NoError(t, authorize(t, a, bearer(old)).err)
		next := authtest.NewKey(t, jose.ES256)
		write(next)
		time.Sleep(10 * time.Second)
		require.NoError(t, authorize(t, a, bearer(authtest.Sign(t, next, nil, provider.Claims(nil)))).err)
		require.Equal(t, "TOKEN_INVALID", authorize(t, a, bearer(old)).reason(t))
		require.NoError(t, os.Remove(path))
		time.Sleep(time.Hour)
		require.NoError(t, authorize(t, a, bearer(authtest.Sign(t, next, nil, provider.Claims(nil)))).err, "what is known stays")
	})
}

func TestKeysAtAURL(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider, auth.WithKeys(provider.Issuer+"/keys"))
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
	require.Equal(t, 1, provider.Fetches(), "no discovery")
}
