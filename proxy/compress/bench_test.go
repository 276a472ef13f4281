package compress

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	stdgzip "compress/gzip"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ratings is a list of ratings as the API answers it, with names that have their entropy.
func ratings(n int) []byte {
	seed := [32]byte{1}
	random := rand.NewChaCha8(seed)
	word := rand.New(random)
	id := func() string {
		var b [16]byte
		_, _ = random.Read(b[:]) // it cannot fail
		h := hex.EncodeToString(b[:])
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	words := strings.Fields("good coffee slow friendly staff again the a cake was dry music loud nice view")
	var list []string
	for range n {
		var comment []string
		for range word.IntN(20) {
			comment = append(comment, words[word.IntN(len(words))])
		}
		list = append(list, fmt.Sprintf(
			`{"name":"ratings/%s","user":"users/%s","service":"services/0198a4f2-7a9a-7bd1-9d2b-3f0f6d2f7c11","score":%d,"comment":%q,`+
				`"createTime":"2026-11-25T04:%02d:%02d.%06dZ","updateTime":"2026-11-25T04:%02d:%02d.%06dZ","etag":"%s"}`,
			id(), id(), word.IntN(6), strings.Join(comment, " "),
			word.IntN(60), word.IntN(60), word.IntN(1e6), word.IntN(60), word.IntN(60), word.IntN(1e6), id()[:16]))
	}
	return []byte(`{"ratings":[` + strings.Join(list, ",") + `],"nextPageToken":""}`)
}

// BenchmarkLevels is what the choice of the levels rests on.
func BenchmarkLevels(b *testing.B) {
	data := ratings(100)
	report := func(b *testing.B, encode func() int) {
		b.ReportAllocs()
		size := 0
		for b.Loop() {
			size = encode()
		}
		b.ReportMetric(float64(size), "bytes")
		b.ReportMetric(float64(len(data)), "plain-bytes")
	}
	for _, level := range []int{1, 3, 6} {
		b.Run(fmt.Sprintf("gzip=%d", level), func(b *testing.B) {
			e := newEncoder(level, zstd.SpeedFastest)
			report(b, func() int {
				encoded := e.encode(Gzip, data)
				defer e.release(encoded)
				return encoded.Len()
			})
		})
		b.Run(fmt.Sprintf("standard=%d", level), func(b *testing.B) {
			w, _ := stdgzip.NewWriterLevel(nil, level)
			var out bytes.Buffer
			report(b, func() int {
				out.Reset()
				w.Reset(&out)
				_, _ = w.Write(data)
				_ = w.Close()
				return out.Len()
			})
		})
	}
	for level := zstd.SpeedFastest; level <= zstd.SpeedBetterCompression; level++ {
		b.Run("zstd="+level.String(), func(b *testing.B) {
			e := newEncoder(gzip.BestSpeed, level)
			report(b, func() int {
				encoded := e.encode(Zstd, data)
				defer e.release(encoded)
				return encoded.Len()
			})
		})
	}
}

// BenchmarkHandler is what a request costs beside the handler: for a client that asks for no coding, and for one that does.
func BenchmarkHandler(b *testing.B) {
	for _, n := range []int{1, 100} {
		data := ratings(n)
		handler := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data)
		}))
		for _, accept := range []string{"", "gzip", "gzip, deflate, br, zstd"} {
			b.Run(fmt.Sprintf("ratings=%d/accept=%s", n, accept), func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				if accept != "" {
					r.Header.Set("Accept-Encoding", accept)
				}
				w := &discard{header: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					handler.ServeHTTP(w, r)
				}
			})
		}
	}
}

// discard is a writer that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(int)                {}
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
