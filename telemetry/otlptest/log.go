package otlptest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"github.com/codingflow/rating/telemetry"
)

// Log keeps what is logged, in lines of JSON as programs write it.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger returns a logger, of level info, as the programs have it.
func (l *Log) Logger() *slog.Logger {
	return slog.New(telemetry.LogHandler(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo})))
}

// Write implements io.Writer for a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// Messages returns the messages of the lines that have a trace's id, each with the RPC behind it where it names one.
func (l *Log) Messages(trace string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.text.String()) {
		var entry struct {
			Message string `json:"msg"`
			RPC     string `json:"rpc"`
			Trace   string `json:"trace_id"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Trace == trace {
			found = append(found, strings.TrimSpace(entry.Message+" "+entry.RPC))
		}
	}
	return found
}
