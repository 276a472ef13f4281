package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/codingflow/rating/services/rating/store"
)

// recorded looks the record of a request up. When there is one, it sets answer to the recorded one.
//
// Errors: [store.ErrRequestReused].
func recorded(ctx context.Context, q querier, req store.Request, answer *[]byte) (bool, error) {
	if req.ID == "" {
		return false, nil
	}
	var digest []byte
	err := q.queryRow(ctx, selectRequest, req.ID).Scan(&digest, answer)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, failure(ctx, "look request up", err)
	case !bytes.Equal(digest, req.Digest[:]):
		return false, store.ErrRequestReused
	}
	return true, nil
}

const selectRequest = `SELECT digest, answer FROM requests WHERE id = ?`

// record records a request with its answer.
func record(ctx context.Context, q querier, req store.Request, answer []byte) error {
	if req.ID == "" {
		return nil
	}
	if answer == nil {
		answer = []byte{} // the driver takes nil for NULL
	}
	_, err := q.exec(ctx, insertRequest, req.ID, req.Digest[:], answer, time.Now().UnixMicro())
	return failure(ctx, "record request", err)
}

const insertRequest = `INSERT INTO requests (id, digest, answer, create_time) VALUES (?, ?, ?, ?)`

// deleteRequests deletes records from before a time, the oldest first.
func deleteRequests(ctx context.Context, q querier, before time.Time, limit int) (int, error) {
	result, err := q.exec(ctx, deleteOldRequests, before.UnixMicro(), limit)
	if err != nil {
		return 0, failure(ctx, "delete requests", err)
	}
	deleted, err := result.RowsAffected()
	return int(deleted), failure(ctx, "delete requests", err)
}

const deleteOldRequests = `
DELETE FROM requests WHERE rowid IN (
    SELECT rowid FROM requests WHERE create_time < ? ORDER BY create_time LIMIT ?
)`
