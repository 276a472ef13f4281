package once_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
)

var errTest = errors.New("refused by the test")

func TestRerunReturnsTheStoredAnswer(t *testing.T) {
	for _, test := range []struct {
		name         string
		answer, want []byte
	}{
		{"bytes", []byte("a\x00\xff"), []byte("a\x00\xff")},
		{"empty", []byte{}, []byte{}},
		{"nil", nil, []byte{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := openDB(t, newFile(t), "deferred")
			runs := 0
			for range 3 {
				answer, err := requests.Do(t.Context(), db, request("a"), func(context.Context, *sql.Tx) ([]byte, error) {
					runs++
					return test.answer, nil
				})
				require.NoError(t, err)
				require.Equal(t, test.want, answer)
			}
			require.Equal(t, 1, runs)
		})
	}
}

func TestIDOfAnotherRequestIsRefused(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	first := run(t, db, "a")
	other := request("b")
	other.ID = "a"
	_, err := requests.Do(t.Context(), db, other, act("a"))
	require.ErrorIs(t, err, once.ErrReused)
	require.EqualError(t, err, "the request id was used for another request")
	requireCount(t, db, "effects", 1)
	require.Equal(t, first, run(t, db, "a"))
}

func TestRequestWithoutIDIsNotRecorded(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	require.Equal(t, "effect 1", run(t, db, ""))
	require.Equal(t, "effect 2", run(t, db, ""))
	requireCount(t, db, "requests", 0)

	answer, err := requests.Do(t.Context(), db, once.Request{}, func(context.Context, *sql.Tx) ([]byte, error) { return nil, nil })
	require.NoError(t, err)
	require.Equal(t, []byte{}, answer)
}

func TestErrorHasNoEffect(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	_, err := requests.Do(t.Context(), db, request("a"), func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
		_, err := act("a")(ctx, tx)
		require.NoError(t, err)
		return []byte("not an answer"), errTest
	})
	require.Equal(t, errTest, err)
	requireCount(t, db, "effects", 0)
	requireCount(t, db, "requests", 0)
	require.Equal(t, "effect 1", run(t, db, "a"))
}

func TestPanicHasNoEffect(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	require.PanicsWithValue(t, "test", func() {
		_, _ = requests.Do(t.Context(), db, request("a"), func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
			_, err := act("a")(ctx, tx)
			require.NoError(t, err)
			panic("test")
		})
	})
	requireCount(t, db, "effects", 0)
	requireCount(t, db, "requests", 0)
	require.Equal(t, "effect 1", run(t, db, "a"))
}

func TestCanceledHasNoEffect(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := requests.Do(ctx, db, request("a"), func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
		answer, err := act("a")(ctx, tx)
		cancel()
		return answer, err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "once: record answer: context canceled")

	_, err = requests.Do(ctx, db, request("a"), act("a"))
	require.EqualError(t, err, "once: begin transaction: context canceled")
	_, err = requests.Sweep(ctx, db, time.Now(), 1)
	require.EqualError(t, err, "once: sweep requests: context canceled")
	requireCount(t, db, "effects", 0)
	require.Equal(t, "effect 1", run(t, db, "a"))
}

func TestDatabaseErrorsNameTheOperation(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	const none once.Table = "none"
	_, err := none.Do(t.Context(), db, request("a"), act("a"))
	require.EqualError(t, err, "once: claim request: SQL logic error: no such table: none (1)")
	_, err = none.Sweep(t.Context(), db, time.Now(), 1)
	require.EqualError(t, err, "once: sweep requests: SQL logic error: no such table: none (1)")
	require.NoError(t, db.Close())
	_, err = requests.Do(t.Context(), db, request("a"), act("a"))
	require.EqualError(t, err, "once: begin transaction: sql: database is closed")
}

// Many run the same requests at once, over connections of two databases, also where a transaction begins as a reader.
func TestConcurrentRunsActOnce(t *testing.T) {
	for _, lock := range []string{"deferred", "immediate"} {
		t.Run(lock, func(t *testing.T) {
			const ids, runs = 20, 8
			file := newFile(t)
			dbs := []*sql.DB{openDB(t, file, lock), openDB(t, file, lock)}
			var acted atomic.Int64
			var answers [ids][runs]string
			var group sync.WaitGroup
			for id := range ids {
				req := request(fmt.Sprint(id))
				for i := range runs {
					group.Go(func() {
						answer, err := requests.Do(t.Context(), dbs[i%len(dbs)], req, func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
							acted.Add(1)
							return act(req.ID)(ctx, tx)
						})
						if err != nil {
							t.Error(err)
						}
						answers[id][i] = string(answer)
					})
				}
			}
			group.Wait()
			require.EqualValues(t, ids, acted.Load())
			requireCount(t, dbs[0], "effects", ids)
			for _, same := range answers {
				for _, answer := range same {
					require.NotEmpty(t, answer)
					require.Equal(t, same[0], answer)
				}
			}
		})
	}
}

// A second run begins while the first acts. It gets the first's answer, or acts when the first has failed.
func TestRunWaitsForTheOther(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		acted bool
	}{{"committed", nil, false}, {"rolled back", errTest, true}} {
		t.Run(test.name, func(t *testing.T) {
			file := newFile(t)
			first, second := openDB(t, file, "deferred"), openDB(t, file, "deferred")
			acted := false
			var answer []byte
			var group sync.WaitGroup
			_, err := requests.Do(t.Context(), first, request("a"), func(context.Context, *sql.Tx) ([]byte, error) {
				group.Go(func() {
					var err error
					answer, err = requests.Do(t.Context(), second, request("a"), func(context.Context, *sql.Tx) ([]byte, error) {
						acted = true
						return []byte("answer"), nil
					})
					if err != nil {
						t.Error(err)
					}
				})
				require.Eventually(t, func() bool { return second.Stats().InUse == 1 }, 10*time.Second, time.Millisecond)
				return []byte("answer"), test.err
			})
			require.Equal(t, test.err, err)
			group.Wait()
			require.Equal(t, "answer", string(answer))
			require.Equal(t, test.acted, acted)
		})
	}
}

func TestDoTxIsPartOfTheCallersTransaction(t *testing.T) {
	db := openDB(t, newFile(t), "immediate")
	for _, commit := range []bool{false, true} {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = act("before")(t.Context(), tx)
		require.NoError(t, err)
		for range 2 {
			answer, err := requests.DoTx(t.Context(), tx, request("a"), act("a"))
			require.NoError(t, err)
			require.Equal(t, "effect 2", string(answer))
		}
		if commit {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
	}
	requireCount(t, db, "effects", 2)
	require.Equal(t, "effect 2", run(t, db, "a"))
}

// A caller that commits what it must roll back has no answer on record that its handler has not given.
func TestCommitAfterAnErrorIsNoAnswer(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = requests.DoTx(t.Context(), tx, request("a"), func(context.Context, *sql.Tx) ([]byte, error) { return nil, errTest })
	require.Equal(t, errTest, err)
	require.NoError(t, tx.Commit())
	_, err = requests.Do(t.Context(), db, request("a"), act("a"))
	require.ErrorIs(t, err, once.ErrReused)
}

func TestSweepDeletesTheOldest(t *testing.T) {
	db := openDB(t, newFile(t), "deferred")
	for hour, id := range []string{"a", "b", "c", "d"} {
		run(t, db, id)
		_, err := db.ExecContext(t.Context(), "UPDATE requests SET create_time = $1 WHERE id = $2", time.Unix(int64(hour)*3600, 0).UnixMicro(), id)
		require.NoError(t, err)
	}
	for _, test := range []struct {
		hour, limit, want int
		left              string
	}{
		{0, 10, 0, "a,b,c,d"},
		{3, 2, 2, "c,d"},
		{3, 2, 1, "d"},
		{3, 2, 0, "d"},
	} {
		deleted, err := requests.Sweep(t.Context(), db, time.Unix(int64(test.hour)*3600, 0), test.limit)
		require.NoError(t, err)
		require.Equal(t, test.want, deleted)
		var left string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT group_concat(id, ',') FROM (SELECT id FROM requests ORDER BY id)").Scan(&left))
		require.Equal(t, test.left, left)
	}
	require.Equal(t, "effect 5", run(t, db, "a"), "a forgotten request acts again")
	require.Equal(t, "effect 4", run(t, db, "d"))
	deleted, err := requests.Sweep(t.Context(), db, time.Now().Add(-once.DefaultRetention), 10)
	require.NoError(t, err)
	require.Equal(t, 1, deleted, "the new one stays")
}
