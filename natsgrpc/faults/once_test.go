package faults_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/codingflow/rating/natsgrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// effects is the database that all workers of a scenario share. It survives the end of any process; it need not survive
// the machine's.
type effects struct{ db *sql.DB }

// schema: attempt is the one that had the effect, replays how often the stored answer was given again.
const schema = `
CREATE TABLE IF NOT EXISTS requests (
	id TEXT PRIMARY KEY,
	body TEXT NOT NULL,
	answer TEXT NOT NULL,
	replays INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS effects (
	payload TEXT NOT NULL,
	attempt INTEGER NOT NULL
);`

func openEffects(path string) (*effects, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		return nil, fmt.Errorf("open the effects: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer, so that a process waits for itself without polling
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open the effects: %w", err), db.Close())
	}
	return &effects{db: db}, nil
}

// once has the effect of a request unless the request is recorded, and returns its answer and whether the effect is new.
// It calls inside before it commits a new effect.
func (e *effects) once(ctx context.Context, info natsgrpc.RequestInfo, payload string, inside func()) (answer string, fresh bool, err error) {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return "", false, natsgrpc.Retry(err, 0)
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	var body string
	err = tx.QueryRowContext(ctx, `UPDATE requests SET replays = replays + 1 WHERE id = ? RETURNING body, answer`, info.ID).Scan(&body, &answer)
	switch {
	case err == nil && body != payload:
		return "", false, status.Errorf(codes.InvalidArgument, "request %s had another body", info.ID)
	case errors.Is(err, sql.ErrNoRows):
		fresh, answer = true, answerTo(payload)
		_, insertErr := tx.ExecContext(ctx, `INSERT INTO requests (id, body, answer) VALUES (?, ?, ?)`, info.ID, payload, answer)
		_, effectErr := tx.ExecContext(ctx, `INSERT INTO effects (payload, attempt) VALUES (?, ?)`, payload, info.Attempt)
		err = errors.Join(insertErr, effectErr)
	}
	if err != nil {
		return "", false, natsgrpc.Retry(err, 0)
	}
	if fresh {
		inside()
	}
	if err := tx.Commit(); err != nil {
		return "", false, natsgrpc.Retry(err, 0)
	}
	return answer, fresh, nil
}

// answerTo is the answer to a payload.
func answerTo(payload string) string { return "answer to " + payload }
