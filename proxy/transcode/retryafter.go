package transcode

import (
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// defaultRetryAfter is told with an overload or an outage of the transport that comes without a google.rpc.RetryInfo: as
// long as a queue takes to give a lost worker's request to another, by default, and long enough for a connection to be
// made again.
const defaultRetryAfter = 5 * time.Second

// retryAfter returns the value of the Retry-After header in seconds, and false for an answer without one. Only 429 and
// 503 have the header: with another status a client that waits is no better off.
func retryAfter(httpStatus int, st *status.Status) (seconds int64, ok bool) {
	if httpStatus != http.StatusTooManyRequests && httpStatus != http.StatusServiceUnavailable {
		return 0, false
	}
	info := &errdetails.RetryInfo{}
	if readDetail(st, info) {
		return wholeSeconds(info.GetRetryDelay().AsDuration()), true
	}
	switch transportReason(st) {
	case reasonQueueFull, reasonBacklog, reasonNoWorkers, reasonNotConnected:
		return wholeSeconds(defaultRetryAfter), true
	}
	return 0, false
}

// wholeSeconds rounds up: who comes back too early is refused again.
func wholeSeconds(delay time.Duration) int64 {
	seconds := int64(delay / time.Second)
	if delay%time.Second > 0 {
		seconds++
	}
	return max(0, seconds)
}
