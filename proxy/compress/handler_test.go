package compress

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	body   []byte // as it came
}

// plain returns the body without its coding.
func (a answer) plain(t *testing.T) string {
	t.Helper()
	switch coding := a.header.Get("Content-Encoding"); coding {
	case "":
		return string(a.body)
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(a.body))
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		return string(data)
	case "zstd":
		r, err := zstd.NewReader(nil)
		require.NoError(t, err)
		defer r.Close()
		data, err := r.DecodeAll(a.body, nil)
		require.NoError(t, err)
		return string(data)
	default:
		t.Fatalf("the coding is %q", coding)
		return ""
	}
}

// do sends a request through a real connection. Headers are written `Name: value`.
func do(t *testing.T, handler http.Handler, method string, headers ...string) (answer, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
	require.NoError(t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}

// whole answers with text of a size, and a Content-Length, in parts of a size.
func whole(size, part int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		if r.Method == http.MethodHead {
			return
		}
		for text := text(size); len(text) > 0; {
			n := min(part, len(text))
			if _, err := io.WriteString(w, text[:n]); err != nil {
				return
			}
			text = text[n:]
		}
	}
}

func text(size int) string { return strings.Repeat("0123456789", size/10+1)[:size] }

func TestWhatIsCompressed(t *testing.T) {
	const large = maxGathered + 1
	tests := []struct {
		name    string
		handler http.Handler
		accept  string
		coding  string // of the answer
		size    int    // of the answer, decoded
	}{
		{"zstd", whole(2000, 2000), "zstd", "zstd", 2000},
		{"gzip", whole(2000, 2000), "gzip", "gzip", 2000},
		{"the one that is liked best", whole(2000, 2000), "zstd;q=0.5, gzip", "gzip", 2000},
		{"not without the field", whole(2000, 2000), "", "", 2000},
		{"written in parts", whole(100_000, 999), "gzip", "gzip", 100_000},
		{"the least size", whole(MinSize, MinSize), "gzip", "gzip", MinSize},
		{"not below it", whole(MinSize-1, MinSize), "gzip", "", MinSize - 1},
		{"below it, for who takes nothing else", whole(5, 5), "gzip, identity;q=0", "gzip", 5},
		{"nothing at all", whole(0, 1), "gzip, identity;q=0", "", 0},
		{"large, written at once", whole(large, large), "zstd", "zstd", large},
		{"not large, written in parts", whole(large, large-1), "zstd", "", large},
		{"a problem", whole(2000, 2000, "Content-Type: application/problem+json"), "gzip", "gzip", 2000},
		{"HTML", whole(2000, 2000, "Content-Type: text/html; charset=utf-8"), "gzip", "gzip", 2000},
		{"SVG", whole(2000, 2000, "Content-Type: image/svg+xml"), "gzip", "gzip", 2000},
		{"not a photo", whole(2000, 2000, "Content-Type: image/jpeg"), "gzip", "", 2000},
		{"not gRPC", whole(2000, 2000, "Content-Type: application/grpc"), "gzip", "", 2000},
		{"not what no one may change", whole(2000, 2000, "Cache-Control: public, no-transform"), "gzip", "", 2000},
		{"not a stream", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 2 {
				fmt.Fprint(w, text(2000))
				_ = http.NewResponseController(w).Flush()
			}
		}), "gzip", "", 4000},
		{"not what does not get smaller", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "2000")
			noise := make([]byte, 2000)
			_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // it cannot fail
			_, _ = w.Write(noise)
		}), "zstd", "", 2000},
		{"not after a flush", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "2000")
			fmt.Fprint(w, text(1000))
			w.(http.Flusher).Flush()
			fmt.Fprint(w, text(1000))
		}), "zstd", "", 2000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.accept != "" {
				headers = append(headers, "Accept-Encoding: "+test.accept)
			}
			a, err := do(t, Handler(test.handler), "GET", headers...)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, test.coding, a.header.Get("Content-Encoding"))
			require.Equal(t, "Accept-Encoding", a.header.Get("Vary"))
			require.Len(t, a.plain(t), test.size)
			if length := a.header.Get("Content-Length"); length != "" {
				require.Equal(t, strconv.Itoa(len(a.body)), length)
			}
			if test.coding != "" {
				require.NotEmpty(t, a.header.Get("Content-Length"))
			}
		})
	}
}

func TestWhatIsEncodedAlreadyStaysSo(t *testing.T) {
	a, err := do(t, Handler(whole(2000, 2000, "Content-Encoding: br", `ETag: "x"`)), "GET", "Accept-Encoding: gzip")
	require.NoError(t, err)
	require.Equal(t, "br", a.header.Get("Content-Encoding"))
	require.Equal(t, `"x"`, a.header.Get("ETag"))
	require.Equal(t, text(2000), string(a.body))
}

// A handler of files keeps its conditional requests and its ranges.
func TestETagsAndRangesStayRight(t *testing.T) {
	files := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "x.json", time.Time{}, strings.NewReader(text(5000)))
	}))
	tests := []struct {
		name    string
		headers []string
		status  int
		etag    string
		body    string
	}{
		{"not compressed", nil, 200, `"1"`, text(5000)},
		{"compressed", []string{"Accept-Encoding: gzip"}, 200, `W/"1"`, text(5000)},
		{"unchanged", []string{"Accept-Encoding: gzip", `If-None-Match: W/"1"`}, 304, `"1"`, ""},
		{"changed", []string{"Accept-Encoding: gzip", `If-None-Match: W/"2"`}, 200, `W/"1"`, text(5000)},
		{"a range", []string{"Accept-Encoding: gzip", "Range: bytes=0-1999"}, 206, `"1"`, text(2000)},
		{"a range of the same", []string{"Accept-Encoding: gzip", "Range: bytes=0-1999", `If-Range: "1"`}, 206, `"1"`, text(2000)},
		{"a range of what was compressed", []string{"Accept-Encoding: gzip", "Range: bytes=0-1999", `If-Range: W/"1"`}, 200, `W/"1"`, text(5000)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := do(t, files, "GET", test.headers...)
			require.NoError(t, err)
			require.Equal(t, test.status, a.status)
			require.Equal(t, test.etag, a.header.Get("ETag"))
			require.Equal(t, test.body, a.plain(t))
			require.Equal(t, "Accept-Encoding", a.header.Get("Vary"))
		})
	}
}

func TestAHeadPromisesNoLengthThatAGetDoesNotHave(t *testing.T) {
	for accept, length := range map[string]string{"gzip": "", "identity": "2000"} {
		a, err := do(t, Handler(whole(2000, 2000)), "HEAD", "Accept-Encoding: "+accept)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, length, a.header.Get("Content-Length"))
		require.Empty(t, a.header.Get("Content-Encoding"))
	}
	a, err := do(t, Handler(whole(10, 10)), "HEAD", "Accept-Encoding: gzip")
	require.NoError(t, err)
	require.Equal(t, "10", a.header.Get("Content-Length"))
}

func TestOtherHeadersAndStatusesPass(t *testing.T) {
	a, err := do(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Add("Vary", "Accept")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "2000")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late
		fmt.Fprint(w, text(2000))
	})), "GET", "Accept-Encoding: gzip")
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, a.status)
	require.Equal(t, []string{"Accept-Encoding", "Accept"}, a.header.Values("Vary"))
	require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	require.Equal(t, text(2000), a.plain(t))

	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		a, err := do(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })), "GET", "Accept-Encoding: gzip")
		require.NoError(t, err)
		require.Equal(t, status, a.status)
	}
}

func TestABrowserThatAsksForAnotherSiteGetsItPlain(t *testing.T) {
	for _, test := range []struct{ site, cookie, coding string }{
		{"cross-site", "session=1", ""},
		{"same-site", "session=1", ""},
		{"cross-site", "", "gzip"},
		{"same-origin", "session=1", "gzip"},
		{"none", "session=1", "gzip"},
		{"", "session=1", "gzip"},
	} {
		headers := []string{"Accept-Encoding: gzip", "Sec-Fetch-Site: " + test.site}
		if test.cookie != "" {
			headers = append(headers, "Cookie: "+test.cookie)
		}
		a, err := do(t, Handler(whole(2000, 2000)), "GET", headers...)
		require.NoError(t, err)
		require.Equal(t, test.coding, a.header.Get("Content-Encoding"), test)
	}
}

// An answer that breaks off does so for the client too, and is not completed by the middleware.
func TestAPanicIsNotAnAnswer(t *testing.T) {
	for _, written := range []int{0, 1000} {
		_, err := do(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "2000")
			fmt.Fprint(w, text(written))
			panic(http.ErrAbortHandler)
		})), "GET", "Accept-Encoding: gzip")
		require.ErrorIs(t, err, io.EOF)
	}
	// Who recovers finds the answer not begun.
	recovers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			_ = recover()
			w.Header().Del("Content-Length")
			http.Error(w, "sorry", http.StatusInternalServerError)
		}()
		Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "2000")
			fmt.Fprint(w, text(1000))
			panic("a fault")
		})).ServeHTTP(w, r)
	})
	a, err := do(t, recovers, "GET", "Accept-Encoding: gzip")
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.Equal(t, "sorry\n", a.plain(t))
}

func TestAnAnswerThatIsShorterThanItSaysIsCutOff(t *testing.T) {
	_, err := do(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "2000")
		fmt.Fprint(w, text(1000))
	})), "GET", "Accept-Encoding: gzip")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestTheControllerReachesTheConnection(t *testing.T) {
	a, err := do(t, Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		require.NoError(t, control.SetWriteDeadline(time.Now().Add(time.Minute)))
		require.NoError(t, control.SetReadDeadline(time.Now().Add(time.Minute)))
		require.NoError(t, control.EnableFullDuplex())
		conn, _, err := control.Hijack()
		require.NoError(t, err)
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	})), "GET", "Accept-Encoding: gzip")
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, a.status)
}
