package server

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// newErrorLog returns the log of an http.Server. What it says of a single connection is for debugging: whoever scans the port
// would fill the log.
func newErrorLog(logger *slog.Logger) *log.Logger { return log.New(errorLog{logger}, "", 0) }

type errorLog struct{ logger *slog.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: TLS handshake error from ") || strings.HasPrefix(text, "http2: ") {
		level = slog.LevelDebug
	}
	l.logger.Log(context.Background(), level, text)
	return len(line), nil
}
