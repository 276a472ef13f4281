package otlptest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/telemetry"
)

// logTimeout bounds the wait for a line, which comes when a program has started: on a busy machine, too.
const logTimeout = 30 * time.Second

// Log keeps what is logged, in lines of JSON as programs write it. It may be a process's standard error.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger returns a logger, of level info, as the programs have it.
func (l *Log) Logger() *slog.Logger {
	return slog.New(telemetry.LogHandler(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo})))
}

// Write implements io.Writer for lines, and parts of them.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns all lines.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Await returns the text of a key in the first line that has the message, when there is one. So a test hears of the address on which
// a program listens that was told port 0: one that was free before the program has started may be another's by then.
func (l *Log) Await(t testing.TB, message, key string) (text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for line := range strings.Lines(l.String()) {
			var entry map[string]any
			if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
				text, _ = entry[key].(string)
				return true
			}
		}
		return false
	}, logTimeout, 10*time.Millisecond, "no line of the log says %q", message)
	return text
}

// Messages returns the messages of the lines that have a trace's id, each with the RPC behind it where it names one.
func (l *Log) Messages(trace string) []string {
	var found []string
	for line := range strings.Lines(l.String()) {
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
