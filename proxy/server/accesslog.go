package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/rpc"
	"github.com/codingflow/rating/proxy/transcode"
)

// access is what the parts of the server tell the access log about a request.
type access struct {
	route string
	call  *transcode.Call // nil if the transcoder did not answer
	rpc   *rpc.Call       // nil if no other protocol did
	trace trace.SpanContext
	panic any // nil without one
	stack []byte
	visit visit
}

type accessKey struct{}

// accessOf returns the record of a request, or one that nobody reads.
func accessOf(ctx context.Context) *access {
	if found, ok := ctx.Value(accessKey{}).(*access); ok {
		return found
	}
	return &access{}
}

func setRoute(r *http.Request, route string) { accessOf(r.Context()).route = route }

// observe is the transcoder's observer.
func observe(ctx context.Context, call transcode.Call) {
	record := accessOf(ctx)
	record.call = &call
	if call.Binding != nil {
		record.route = call.Binding.Template
	}
}

// observeRPC is the observer of the other protocols.
func observeRPC(ctx context.Context, call rpc.Call) {
	record := accessOf(ctx)
	record.rpc, record.route = &call, call.Method
}

// withAccessLog logs each request when it has been answered.
func withAccessLog(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := &access{}
		recorder := &responseRecorder{ResponseWriter: w}
		start := time.Now()
		// Deferred, because a request whose client has left ends in a panic.
		defer func() {
			record.log(r, logger, recorder, time.Since(start))
		}()
		next.ServeHTTP(recorder, r.WithContext(context.WithValue(r.Context(), accessKey{}, record)))
	})
}

// maxAttrs is how many attributes a line of the access log has at most, its time, level and message aside.
const maxAttrs = 15

func (a *access) log(r *http.Request, logger *slog.Logger, w *responseRecorder, duration time.Duration) {
	httpStatus, _, failed := a.result(w)
	attrs := append(make([]slog.Attr, 0, maxAttrs), // on the stack
		slog.String("client", clientAddress(r)), slog.String("method", r.Method), slog.String("route", a.route))
	if a.call != nil {
		if a.call.Binding != nil {
			attrs = append(attrs, slog.String("rpc", string(a.call.Binding.Method.FullName())))
		}
		attrs = append(attrs, slog.String("code", a.call.Code.String()))
	}
	if a.rpc != nil {
		rpc := strings.ReplaceAll(strings.TrimPrefix(a.rpc.Method, "/"), "/", ".")
		attrs = append(attrs, slog.String("rpc", rpc), slog.String("protocol", a.rpc.Protocol), slog.String("code", a.rpc.Code.String()))
	}
	attrs = append(attrs,
		slog.Int("status", httpStatus),
		slog.Float64("duration_ms", float64(duration.Microseconds())/1e3),
		slog.Int64("bytes", w.bytes),
		slog.String("request_id", w.Header().Get(requestIDHeader)))
	if a.trace.IsValid() {
		attrs = append(attrs, slog.String("trace_id", a.trace.TraceID().String()))
	}
	if problem := a.problem(); problem != "" {
		attrs = append(attrs, slog.String("error", problem))
	}
	if a.panic != nil {
		attrs = append(attrs, slog.Any("panic", a.panic), slog.String("stack", string(a.stack)))
	}
	level := slog.LevelInfo
	switch {
	case failed:
		level = slog.LevelError
	case a.route == "/healthz" || a.route == "/readyz":
		level = slog.LevelDebug
	}
	logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// result returns the status of an answer, gRPC's code in words, "" where no method was called, and whether it is the
// server's fault.
func (a *access) result(w *responseRecorder) (httpStatus int, code string, failed bool) {
	httpStatus = w.status
	if a.call != nil {
		httpStatus = a.call.HTTPStatus
		code = codeName(a.call.Code)
	}
	if httpStatus == 0 {
		httpStatus = http.StatusOK // net/http's, for a handler that writes nothing
	}
	failed = httpStatus >= http.StatusInternalServerError
	if a.rpc != nil {
		code, failed = codeName(a.rpc.Code), isServerError(a.rpc.Code)
	}
	return httpStatus, code, failed || a.panic != nil
}

// problem returns what went wrong in a call, "" for nothing. Clients do not get to see it.
func (a *access) problem() string {
	switch {
	case a.call != nil && a.call.Err != nil:
		return a.call.Err.Error()
	case a.rpc != nil && a.rpc.Err != nil:
		return a.rpc.Err.Error()
	}
	return ""
}

// codeName is a status code as gRPC and OpenTelemetry's conventions write it: NOT_FOUND.
func codeName(c codes.Code) string {
	if name, known := code.Code_name[int32(c)]; known {
		return name
	}
	return "_OTHER" // a service can answer any number
}

// clientAddress returns the address of who has sent a request, without the port.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// isServerError reports whether a code is one that REST has a status of 500 or above for, but for UNIMPLEMENTED, which is
// what gRPC has for 404.
func isServerError(code codes.Code) bool {
	return code != codes.Unimplemented && transcode.HTTPStatus(status.New(code, "")) >= http.StatusInternalServerError
}

// responseRecorder notes the status and the size of an answer.
type responseRecorder struct {
	http.ResponseWriter
	status int // 0 before the header is written
	bytes  int64
}

func (w *responseRecorder) WriteHeader(status int) {
	// Informational ones precede the answer's own.
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseRecorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what has been written.
func (w *responseRecorder) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	// An error means that the client has left, which shows in the next Write.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController through.
func (w *responseRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
