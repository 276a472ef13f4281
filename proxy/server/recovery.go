package server

import (
	"errors"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/transcode"
)

// withRecovery answers a panic with a 500 that tells nothing, and leaves the rest to the access log. If the answer has
// begun, or the panic is http.ErrAbortHandler, the connection is aborted instead.
func withRecovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			record := accessOf(r.Context())
			record.panic, record.stack, record.call, record.rpc = cause, debug.Stack(), nil, nil
			if recorder, ok := w.(*responseRecorder); ok && recorder.status != 0 {
				panic(http.ErrAbortHandler)
			}
			transcode.WriteError(w, r, status.New(codes.Internal, "panic"))
		}()
		next.ServeHTTP(w, r)
	})
}
