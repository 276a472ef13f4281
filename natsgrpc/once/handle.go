package once

import (
	"context"
	"database/sql"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// Handle is [Table.Do] for a handler of protobuf messages: msg is its request, id the request's id. The answer is decoded
// from what is stored, also on the first run, so that no rerun can differ from it.
func Handle[A proto.Message](
	ctx context.Context, t Table, db *sql.DB, id string, msg proto.Message, fn func(ctx context.Context, tx *sql.Tx) (A, error),
) (A, error) {
	var none A
	req, err := NewRequest(id, msg)
	if err != nil {
		return none, err
	}
	encoded, err := t.Do(ctx, db, req, func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
		answer, err := fn(ctx, tx)
		if err != nil {
			return nil, err
		}
		encoded, err := proto.Marshal(answer)
		if err != nil {
			return nil, fmt.Errorf("once: encode answer: %w", err)
		}
		return encoded, nil
	})
	if err != nil {
		return none, err
	}
	answer := none.ProtoReflect().New().Interface().(A)
	if err := proto.Unmarshal(encoded, answer); err != nil {
		return none, fmt.Errorf("once: decode answer: %w", err)
	}
	return answer, nil
}
