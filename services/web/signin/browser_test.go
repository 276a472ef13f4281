//go:build integration

package signin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
)

// browserTimeout bounds the start of Chromium and all that it does.
const browserTimeout = 60 * time.Second

// What scripts see of a session, and what another site's page can do with it, is for a real browser to say: the issuer and the
// other site are on 127.0.0.1, the app on localhost, which is another site to it.
func TestInABrowserTheSessionIsTheAppsOnly(t *testing.T) {
	a := newApp(t, func(c *signin.Config) { c.PublicURL = strings.Replace(c.PublicURL, "127.0.0.1", "localhost", 1) })
	a.url = strings.Replace(a.url, "127.0.0.1", "localhost", 1)
	var mu sync.Mutex
	var calls []string // of the API
	a.handle(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, r.Method+" "+r.RequestURI+" "+issuedAs(a.issuer, r.Header.Get("Authorization")))
		_, _ = io.WriteString(w, "{}")
	})
	results := make(chan map[string]any, 1)
	otherSite := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var result map[string]any
			if json.NewDecoder(r.Body).Decode(&result) == nil {
				results <- result
			}
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, otherPage, a.url)
	}))
	defer otherSite.Close()
	a.page = fmt.Sprintf(appPage, otherSite.URL)

	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	startChromium(ctx, t, a.url+"/ui/auth/login")
	select {
	case result := <-results:
		require.Equal(t, map[string]any{"session": "ada", "cookies": "", "posted": 200.0}, result)
	case <-ctx.Done():
		t.Fatal("the pages have not run to their ends")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"POST /api/ratings token 1", "GET /api/services none"}, calls)
}

// appPage tells the other site what it sees, by way of a navigation.
const appPage = `<!doctype html><title>app</title><script>
(async () => {
  const session = await (await fetch("/ui/auth/session")).json();
  const posted = await fetch(session.api + "/ratings", {method: "POST", body: "{}"});
  location = %q + "/#" + encodeURIComponent(JSON.stringify({session: session.subject, cookies: document.cookie, posted: posted.status}));
})();
</script>`

// otherPage does what the session's cookie could be used for, then hands on what the app has told.
const otherPage = `<!doctype html><title>another site</title><script>
(async () => {
  const app = %q, request = {mode: "no-cors", credentials: "include"};
  await fetch(app + "/ui/api/services", request);
  await fetch(app + "/ui/api/ratings", {...request, method: "POST", body: "{}"});
  await fetch(app + "/ui/auth/logout", {...request, method: "POST"});
  await fetch("/", {method: "POST", body: decodeURIComponent(location.hash.slice(1))});
})();
</script>`

// startChromium opens a page in a headless Chromium, which ends with the test.
func startChromium(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	require.NoError(t, err, "sign-in is tried in Chromium: install chromium, or run `go run ./tools/dev test`, which does")
	args := []string{
		"--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-quic", "--remote-debugging-port=0", "--user-data-dir=" + t.TempDir(),
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's sandbox refuses root
	}
	ctx, cancel := context.WithCancel(ctx)
	browser := exec.CommandContext(ctx, program, append(args, url)...)
	browser.Cancel = func() error { return browser.Process.Signal(os.Interrupt) } // so that it ends its own processes
	browser.WaitDelay = 10 * time.Second
	require.NoError(t, browser.Start())
	t.Cleanup(func() {
		cancel()
		_ = browser.Wait() // killed
	})
}
