package signin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// chunkSize is how much of a value goes into one cookie, in bytes: browsers take 4,096 with name and attributes.
	chunkSize = 3800
	// maxChunks keeps the Cookie header below the 8 KiB that many servers take as one line.
	maxChunks = 2
	// maxSealed is how long a sealed session may be, with the number of its chunks before it.
	maxSealed = chunkSize * maxChunks
)

// A cookie is a value in the browser, out of reach of scripts and of other hosts.
type cookie struct {
	name     string
	secure   bool
	sameSite http.SameSite
}

// newCookie returns the cookie of a name, which says in a secure one that it is this host's (RFC 6265bis).
func newCookie(name string, secure bool, sameSite http.SameSite) cookie {
	if secure {
		name = "__Host-" + name
	}
	return cookie{name: name, secure: secure, sameSite: sameSite}
}

// write sets a value of up to maxSealed bytes for a time, at least a second. A long one is in several cookies, the first of
// which says in how many.
func (c cookie) write(w http.ResponseWriter, value string, age time.Duration) error {
	chunks := (len(value) + 2 + chunkSize - 1) / chunkSize
	if chunks > maxChunks {
		return tooLargeError(len(value) + 2)
	}
	rest := strconv.Itoa(chunks) + "." + value
	for i := range maxChunks {
		chunk := rest[:min(chunkSize, len(rest))]
		rest = rest[len(chunk):]
		if i < chunks {
			c.set(w, i, chunk, max(1, int(age/time.Second)))
		}
	}
	return nil
}

// read returns the value that a request has, "" if it has none.
func (c cookie) read(r *http.Request) string {
	first, err := r.Cookie(c.chunk(0))
	if err != nil {
		return ""
	}
	number, value, _ := strings.Cut(first.Value, ".")
	chunks, err := strconv.Atoi(number)
	if err != nil || chunks < 1 || chunks > maxChunks {
		return ""
	}
	for i := 1; i < chunks; i++ {
		next, err := r.Cookie(c.chunk(i))
		if err != nil {
			return ""
		}
		value += next.Value
	}
	return value
}

// clear removes whatever of the value a request has.
func (c cookie) clear(w http.ResponseWriter, r *http.Request) {
	for i := range maxChunks {
		if _, err := r.Cookie(c.chunk(i)); err == nil {
			c.set(w, i, "", -1)
		}
	}
}

func (c cookie) set(w http.ResponseWriter, i int, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not Secure on http://localhost only
		Name: c.chunk(i), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.secure, SameSite: c.sameSite,
	})
}

func (c cookie) chunk(i int) string {
	if i == 0 {
		return c.name
	}
	return c.name + "." + strconv.Itoa(i)
}

// A tooLargeError is the size of a session that fits into no cookies, in bytes.
type tooLargeError int

// Error tells the size and the limit.
func (e tooLargeError) Error() string {
	return fmt.Sprintf("the session takes %d bytes of cookies, more than %d", int(e), maxSealed)
}
