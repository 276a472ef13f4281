package transcode

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers that say how long a client waits for its answer.
const (
	// RequestTimeoutHeader is for HTTP clients: seconds as a decimal number above 0, such as 2.5.
	RequestTimeoutHeader = "Request-Timeout"
	// grpcTimeoutHeader is gRPC's own, from clients of it or a gateway: up to 8 digits and a unit, such as 2500m.
	grpcTimeoutHeader = "Grpc-Timeout"
)

// maxTimeoutText bounds these headers, in bytes; no sensible number of seconds is longer.
const maxTimeoutText = 20

// withClientTimeout returns a request whose context ends when its client does not wait for the answer any more, if the
// client says so. Of two headers the shorter time counts.
func withClientTimeout(r *http.Request) (*http.Request, context.CancelFunc, error) {
	timeout := time.Duration(math.MaxInt64)
	for _, header := range []struct {
		name, form string
		parse      func(string) (time.Duration, bool)
	}{
		{RequestTimeoutHeader, "a decimal number of seconds above 0, such as 2.5", parseSeconds},
		{grpcTimeoutHeader, "a number above 0 of up to 8 digits and one of the units H, M, S, m, u and n, such as 2500m", parseGRPCTimeout},
	} {
		values := r.Header[header.name]
		if len(values) == 0 {
			continue
		}
		asked, ok := header.parse(values[0])
		if !ok || len(values) > 1 {
			return r, nil, malformed(fieldErrorf("", "header %s must be %s", header.name, header.form))
		}
		timeout = min(timeout, asked)
	}
	if timeout == math.MaxInt64 {
		return r, func() {}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	return r.WithContext(ctx), cancel, nil
}

// parseSeconds reads a decimal number above 0. What is beyond a Duration is its largest.
func parseSeconds(text string) (time.Duration, bool) {
	if text == "" || len(text) > maxTimeoutText || strings.Trim(text, "0123456789.") != "" {
		return 0, false // ParseFloat would take exponents, signs and names
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds <= 0 {
		return 0, false
	}
	if seconds >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64 - 1, true
	}
	return max(time.Duration(seconds*float64(time.Second)), 1), true
}

var grpcTimeoutUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// parseGRPCTimeout reads the Timeout of gRPC's protocol over HTTP/2. What is beyond a Duration is its largest.
func parseGRPCTimeout(text string) (time.Duration, bool) {
	if len(text) < 2 || len(text) > 9 {
		return 0, false
	}
	unit, known := grpcTimeoutUnits[text[len(text)-1]]
	value, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if !known || err != nil || value == 0 {
		return 0, false
	}
	if int64(value) > (math.MaxInt64-1)/int64(unit) {
		return math.MaxInt64 - 1, true
	}
	return time.Duration(value) * unit, true
}
