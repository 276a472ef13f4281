package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/codingflow/rating/services/web/signin"
)

// NotBuilt says what to do where there is no app to serve.
const NotBuilt = "The web app is not built: go run ./tools/dev web build"

const (
	mount = "/ui"
	index = "index.html"
	// immutable is for a year, the longest that caches are asked for (RFC 9111 knows no "for ever").
	immutable = "public, max-age=31536000, immutable"
	// revalidated may be kept, and must be asked for again. Asking costs a 304.
	revalidated = "no-cache"
	// hashed is the folder of the files whose names change with their contents: Vite's.
	hashed = "assets/"
)

// Config says what a handler serves. The zero value of each field stands for its default.
type Config struct {
	// Assets is the app. Default [Assets].
	Assets fs.FS
	// API is where the app may call the API: a path on the same origin, or a URL. Default "/api".
	API string
	// SignIn serves what lies below /ui/auth/ and /ui/api/, with unchanged paths. The app asks /ui/auth/session who has signed
	// in, and where the API is. Default: nobody signs in, and the API is at API.
	SignIn http.Handler
}

// Handler serves the app. Create it with New.
type Handler struct {
	built  bool
	files  map[string]*file // by the path below the mount
	signIn http.Handler
	serve  http.Handler
}

// file is a file of the app, ready to be served.
type file struct {
	name    string
	header  http.Header
	content []byte
}

// New returns the handler of /ui and everything below it, with all files of the app in memory.
//
// Errors: the API is no URL that browsers can call; the files cannot be read, or are not those of the app.
func New(config Config) (*Handler, error) {
	if config.Assets == nil {
		config.Assets = Assets()
	}
	if config.API == "" {
		config.API = "/api"
	}
	policy, err := newPolicy(config.API)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if config.SignIn == nil {
		if config.SignIn, err = signin.New(signin.Config{PublicAPI: config.API}); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	h := &Handler{files: map[string]*file{}, signIn: config.SignIn}
	if err := fs.WalkDir(config.Assets, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(config.Assets, name)
		if err != nil {
			return err
		}
		h.files[name] = newFile(name, content)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("web: read the app: %w", err)
	}
	if page := h.files[index]; page != nil {
		h.built = true
		page.header.Set("Content-Security-Policy", policy)
		// A page that this one opens, or that opens it, cannot reach into it.
		page.header.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	compressed, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestCompression), gzhttp.ZstdCompressionLevel(int(zstd.SpeedBestCompression)))
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	h.serve = compressed(http.HandlerFunc(h.serveFile))
	return h, nil
}

// newFile returns a file with its headers.
func newFile(name string, content []byte) *file {
	header := http.Header{}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	contentType := mime.TypeByExtension(path.Ext(name))
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	if strings.HasPrefix(name, hashed) {
		header.Set("Cache-Control", immutable)
	} else {
		header.Set("Cache-Control", revalidated)
		sum := sha256.Sum256(content)
		// Weak, since the same goes out in several codings.
		header.Set("ETag", `W/"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	}
	return &file{name: name, header: header, content: content}
}

// Built reports whether there is an app to serve.
func (h *Handler) Built() bool { return h.built }

// ServeHTTP serves /ui and what lies below it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, mount+"/auth/"), strings.HasPrefix(r.URL.Path, mount+"/api/"):
		h.signIn.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		writeText(w, http.StatusMethodNotAllowed, "there are files and pages here: GET and HEAD only")
	case r.URL.Path == mount:
		http.Redirect(w, r, mount+"/", http.StatusFound)
	case !strings.HasPrefix(r.URL.Path, mount+"/"):
		writeText(w, http.StatusNotFound, "there is nothing at this path; the app is at /ui/")
	case !h.built:
		writeText(w, http.StatusServiceUnavailable, NotBuilt)
	default:
		h.serve.ServeHTTP(w, r)
	}
}

// serveFile serves a file of the app, or the page for a path that is none. Files have an extension and pages have not, so
// that a file that is no more is not answered with a page.
func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, mount+"/")
	found := h.files[name]
	if found == nil && path.Ext(name) == "" && !strings.HasPrefix(name, hashed) {
		found = h.files[index]
	}
	if found == nil {
		writeText(w, http.StatusNotFound, "there is no such file")
		return
	}
	for key, values := range found.header {
		w.Header()[key] = values
	}
	http.ServeContent(w, r, found.name, time.Time{}, bytes.NewReader(found.content))
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n")) // an error means that the client has left
}
