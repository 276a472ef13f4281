package transcode

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPreferences bounds how many elements of a request's Prefer fields are read.
const maxPreferences = 64

// preferences are those of a request that mean something here (RFC 7240).
type preferences struct {
	// respondAsync says that the client would rather have 202 than wait.
	respondAsync bool
	// wait is how long the client waits first; 0 if it does not say.
	wait time.Duration
}

// preferencesOf reads the Prefer fields of a request. Of a preference that is there twice the first counts. Others, parameters,
// and what cannot be understood are ignored, as RFC 7240 has it.
func preferencesOf(header http.Header) preferences {
	var p preferences
	seen := map[string]bool{}
	for _, field := range header["Prefer"] {
		for element := range listElements(field) {
			if len(seen) == maxPreferences {
				return p
			}
			preference, _, _ := strings.Cut(element, ";")
			name, value, _ := strings.Cut(preference, "=")
			name = strings.ToLower(trimSpace(name))
			if seen[name] {
				continue
			}
			seen[name] = true
			switch name {
			case "respond-async":
				p.respondAsync = true
			case "wait":
				p.wait = parseWait(strings.Trim(trimSpace(value), `"`))
			}
		}
	}
	return p
}

// maxWait bounds what is read of a wait preference, so that it fits a time.Duration. The handler's timeout is shorter.
const maxWait = 24 * time.Hour

// parseWait returns a time in seconds, 0 for what is none.
func parseWait(value string) time.Duration {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil { // there are too many digits
		return maxWait
	}
	return time.Duration(min(seconds, int64(maxWait/time.Second))) * time.Second
}

// trimSpace cuts off the white space of RFC 9110.
func trimSpace(s string) string { return strings.Trim(s, " \t") }
