package faults_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/once"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// effects is the database that all workers of a scenario share. It survives the end of any process; it need not survive
// the machine's.
type effects struct{ db *sql.DB }

const requests once.Table = "requests"

// effectsSchema: an effect has the attempt that it was made in; a replay is an answer that was given from the record.
const effectsSchema = `
CREATE TABLE effects (payload TEXT NOT NULL, attempt INTEGER NOT NULL);
CREATE TABLE replays (payload TEXT NOT NULL);`

// createEffects makes the database in a file.
func createEffects(ctx context.Context, path string) error {
	e, err := openEffects(path)
	if err != nil {
		return err
	}
	_, err = e.db.ExecContext(ctx, requests.Schema(once.SQLite)+effectsSchema)
	return errors.Join(err, e.db.Close())
}

func openEffects(path string) (*effects, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		return nil, fmt.Errorf("open the effects: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer, so that a process waits for itself without polling
	return &effects{db: db}, nil
}

// once has the effect of a request unless it is recorded, and returns its answer and whether the effect is new. It calls
// inside before it commits a new effect.
func (e *effects) once(ctx context.Context, info natsgrpc.RequestInfo, req *pb.CommandRequest, inside func()) (answer string, fresh bool, err error) {
	payload := string(req.GetPayload())
	request, err := once.NewRequest(info.ID, req)
	if err != nil {
		return "", false, err
	}
	stored, err := requests.Do(ctx, e.db, request, func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
		fresh = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO effects (payload, attempt) VALUES (?, ?)`, payload, info.Attempt); err != nil {
			return nil, err
		}
		inside()
		return []byte(answerTo(payload)), nil
	})
	if err == nil && !fresh {
		_, err = e.db.ExecContext(ctx, `INSERT INTO replays (payload) VALUES (?)`, payload)
	}
	switch {
	case errors.Is(err, once.ErrReused):
		return "", false, status.Error(codes.InvalidArgument, err.Error())
	case err != nil:
		return "", false, natsgrpc.Retry(err, 0)
	}
	return string(stored), fresh, nil
}

// answerTo is the answer to a payload.
func answerTo(payload string) string { return "answer to " + payload }
