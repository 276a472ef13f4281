package telemetry

import (
	"net/http"
	"net/http/pprof" // what it registers by itself is on a mux that nothing serves
)

// AdminHandler serves metrics at /metrics and, where they are asked for, the profiles of net/http/pprof below /debug/pprof/.
// Those tell the command line, and slow the program down while they are taken.
func AdminHandler(metrics *Metrics, profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}
