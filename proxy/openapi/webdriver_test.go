//go:build integration

package openapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browserTimeout bounds the start of a browser, and each wait for something in it.
const browserTimeout = 30 * time.Second

// browser is a headless Chromium, driven by the WebDriver protocol (https://www.w3.org/TR/webdriver2).
type browser struct {
	t       *testing.T
	session string // URL of the session
}

var listening = regexp.MustCompile(`started successfully on port (\d+)`)

// newBrowser starts a browser, which ends with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromedriver")
	require.NoError(t, err, "the page is tried in Chromium: install chromium and chromium-driver, or run `go run ./tools/dev test`, which does")
	driver := exec.Command(program, "--port=0")
	output, err := driver.StdoutPipe()
	require.NoError(t, err)
	driver.Stderr = t.Output()
	require.NoError(t, driver.Start())
	t.Cleanup(func() {
		_ = driver.Process.Kill() // the session has ended, and Chromium with it
		_ = driver.Wait()
	})
	port := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if match := listening.FindStringSubmatch(lines.Text()); match != nil {
				port <- match[1]
			}
		}
	}()
	b := &browser{t: t}
	select {
	case p := <-port:
		b.session = "http://127.0.0.1:" + p
	case <-time.After(browserTimeout):
		t.Fatal("chromedriver does not listen")
	}

	args := []string{
		"--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-quic", "--window-size=1200,1600", "--user-data-dir=" + t.TempDir(),
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's sandbox refuses root
	}
	var created struct {
		SessionID string `json:"sessionId"`
	}
	b.do("POST", "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":        "chrome",
		"goog:chromeOptions": map[string]any{"args": args},
		"goog:loggingPrefs":  map[string]string{"browser": "ALL"},
	}}}, &created)
	b.session += "/session/" + created.SessionID
	t.Cleanup(func() { b.do("DELETE", "", nil, nil) })
	return b
}

// do gives a command and reads its value.
func (b *browser) do(method, path string, command, value any) {
	b.t.Helper()
	var body io.Reader
	if method == "POST" {
		data, err := json.Marshal(command)
		require.NoError(b.t, err)
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, b.session+path, body)
	require.NoError(b.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	data, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, response.Body.Close())
	require.Equal(b.t, http.StatusOK, response.StatusCode, "%s %s: %s", method, path, data)
	if value != nil {
		require.NoError(b.t, json.Unmarshal(data, &struct{ Value any }{value}))
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.do("POST", "/url", map[string]string{"url": url}, nil)
}

// run runs JavaScript and returns what it returns.
func (b *browser) run(script string, args ...any) any {
	b.t.Helper()
	var value any
	b.do("POST", "/execute/sync", map[string]any{"script": script, "args": append([]any{}, args...)}, &value)
	return value
}

// text returns the text of the first element of a selector that can be seen, empty if there is none.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return fmt.Sprint(b.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))
}

// waitFor waits until the text of an element contains a text, and returns all of it.
func (b *browser) waitFor(selector, contains string) string {
	b.t.Helper()
	deadline := time.Now().Add(browserTimeout)
	for {
		text := b.text(selector)
		if strings.Contains(text, contains) {
			return text
		}
		require.True(b.t, time.Now().Before(deadline), "%s has not %q but %q", selector, contains, text)
		b.run("return new Promise(requestAnimationFrame)")
	}
}

// fill types a text into an element instead of what is there.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.run("const e = document.querySelector(arguments[0]); e.focus(); e.select()", selector)
	b.press(text)
}

// The keys of WebDriver that press takes beside characters.
const (
	enterKey = "\ue007"
	tabKey   = "\ue004"
)

// press types keys into the element that has the focus.
func (b *browser) press(keys string) {
	b.t.Helper()
	var active map[string]string
	b.do("GET", "/element/active", nil, &active)
	for _, element := range active {
		b.do("POST", "/element/"+element+"/value", map[string]string{"text": keys}, nil)
	}
}

// click clicks on an element.
func (b *browser) click(selector string) {
	b.t.Helper()
	var found map[string]string
	b.do("POST", "/element", map[string]string{"using": "css selector", "value": selector}, &found)
	for _, element := range found {
		b.do("POST", "/element/"+element+"/click", map[string]any{}, nil)
	}
}

// unfold opens the details in an element, those in them too, and so on for some levels: schemas may have no end.
func (b *browser) unfold(selector string, levels int) {
	b.t.Helper()
	for range levels {
		b.run(`
			const all = [...document.querySelectorAll(arguments[0] + " details")];
			for (const one of all) one.open = true;
			while (all.some(one => one.children.length === 1)) await new Promise(requestAnimationFrame)`, selector)
	}
}

// complaints returns the warnings and errors that the browser has logged since the last time.
func (b *browser) complaints() []string {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.do("POST", "/se/log", map[string]string{"type": "browser"}, &entries)
	var messages []string
	for _, entry := range entries {
		if entry.Level == "WARNING" || entry.Level == "SEVERE" {
			messages = append(messages, entry.Message)
		}
	}
	return messages
}
