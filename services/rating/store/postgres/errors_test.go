package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	server := func(code string) error { return fmt.Errorf("insert: %w", &pgconn.PgError{Code: code}) }
	for _, test := range []struct {
		name  string
		err   error
		mark  error // what failure adds
		again bool
	}{
		{"deadlock", server("40P01"), store.ErrBusy, true},
		{"serialization", server("40001"), store.ErrBusy, true},
		{"lock timeout", server("55P03"), store.ErrBusy, false},
		{"statement timeout", server("57014"), store.ErrBusy, false},
		{"terminated", server("57P01"), store.ErrUnavailable, true},
		{"another process crashed", server("57P02"), store.ErrUnavailable, true},
		{"starting", server("57P03"), store.ErrUnavailable, true},
		{"a standby", server("25006"), store.ErrUnavailable, true},
		{"idle in transaction", server("25P03"), store.ErrUnavailable, true},
		{"connection", server("08006"), store.ErrUnavailable, true},
		{"too many connections", server("53300"), store.ErrUnavailable, true},
		{"full disk", server("53100"), store.ErrUnavailable, true},
		{"disk error", server("58030"), store.ErrUnavailable, true},
		{"end of connection", io.ErrUnexpectedEOF, store.ErrUnavailable, true},
		{"network", &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, store.ErrUnavailable, true},
		{"closed", pgconn.ErrConnClosed, store.ErrUnavailable, true},
		{"constraint", server("23514"), nil, false},
		{"no table", server("42P01"), nil, false},
		{"another", errors.New("another"), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := failure(t.Context(), "do", test.err)
			require.ErrorIs(t, err, test.err)
			for _, mark := range []error{store.ErrBusy, store.ErrUnavailable} {
				require.Equal(t, errors.Is(test.mark, mark), errors.Is(err, mark), mark)
			}
			require.Equal(t, test.again, passes(err))
			require.False(t, passes(&doubtError{err}))
		})
	}
	require.NoError(t, failure(t.Context(), "do", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, failure(ctx, "do", io.EOF), "do: context canceled")
}

func TestOutageBeginsWithItsFirstCall(t *testing.T) {
	const busyTimeout = time.Minute
	begin := time.Unix(1000, 0)
	after := func(d time.Duration) time.Time { return begin.Add(d) }
	var o outage
	require.Equal(t, begin, o.noticed(begin, busyTimeout))
	require.Equal(t, begin, o.noticed(after(50*time.Second), busyTimeout))
	require.Equal(t, begin, o.noticed(after(100*time.Second), busyTimeout))
	require.Equal(t, after(170*time.Second), o.noticed(after(170*time.Second), busyTimeout), "nobody has asked for long")
	o.ended()
	require.Equal(t, after(171*time.Second), o.noticed(after(171*time.Second), busyTimeout))
}

func TestOnlyWhatPassesIsTriedAgain(t *testing.T) {
	p := pool{busyTimeout: time.Minute, outage: &outage{}}
	calls := 0
	failing := func(err error, times int) func() (int, error) {
		calls = 0
		return func() (int, error) {
			if calls++; calls <= times {
				return 0, err
			}
			return calls, nil
		}
	}
	got, err := persist(t.Context(), p, failing(&pgconn.PgError{Code: codeDeadlock}, 2))
	require.NoError(t, err)
	require.Equal(t, 3, got)
	_, err = persist(t.Context(), p, failing(io.EOF, 1))
	require.NoError(t, err)
	_, err = persist(t.Context(), p, failing(store.ErrBusy, 1))
	require.Equal(t, store.ErrBusy, err)
	_, err = persist(t.Context(), p, failing(&doubtError{store.ErrUnavailable}, 1))
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Equal(t, 1, calls)

	p.busyTimeout = minRetryDelay / 2
	_, err = persist(t.Context(), p, failing(io.EOF, 1))
	require.Equal(t, io.EOF, err, "no time to wait")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.busyTimeout = time.Minute
	_, err = persist(ctx, p, failing(io.EOF, 1))
	require.EqualError(t, err, "wait for the database: context canceled")
}

func TestIsURL(t *testing.T) {
	for database, want := range map[string]bool{
		"postgres://host/db": true, "postgresql:///db": true, "rating.db": false, "file:rating.db": false, "postgres": false,
	} {
		require.Equal(t, want, IsURL(database), database)
	}
}
