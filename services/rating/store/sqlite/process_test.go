package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

// childFile is the environment variable that makes the test binary a process which writes to a file: users for the
// requests "0" to "1999" by 32 callers at once. It prints the number of each one that is committed.
const childFile = "RATING_TEST_CHILD_FILE"

const (
	requests = 2000
	callers  = 32
)

func runChild(file string) {
	st, err := sqlite.Open(context.Background(), file)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for request := range createAll(context.Background(), st, func(err error) { fmt.Println(err); os.Exit(1) }) {
		fmt.Println(request)
	}
	if err := st.Close(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// startChild starts a process of this binary and returns what it prints.
func startChild(t *testing.T, file string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), binary)
	child.Env = append(os.Environ(), childFile+"="+file)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	return child, bufio.NewScanner(out)
}

// createAll creates a user for each request and yields the number of each one that is committed.
func createAll(ctx context.Context, st store.Store, fail func(error)) <-chan int {
	todo, done := make(chan int), make(chan int)
	go func() {
		defer close(done)
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for request := range todo {
					if _, err := st.Do(ctx, once.Request{ID: strconv.Itoa(request)}, createUser); err != nil {
						fail(err)
					}
					done <- request
				}
			})
		}
		for request := range requests {
			todo <- request
		}
		close(todo)
		group.Wait()
	}()
	return done
}

func createUser(ctx context.Context, tx store.Tx) ([]byte, error) {
	user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
	return []byte(user.GetName()), err
}

// A process is killed while it and this one write. What it had committed is there, what it had begun is not, and when this
// process runs all its requests, each has been done once.
func TestKilledProcessLosesNothingAndBlocksNobody(t *testing.T) {
	file := newFile(t)
	st := open(t, file)
	child, out := startChild(t, file)
	committed := map[string]bool{}
	for len(committed) < requests/4 && out.Scan() {
		committed[out.Text()] = true
	}
	require.Len(t, committed, requests/4)
	mine := createAll(t.Context(), st, func(err error) { t.Error(err) })
	for range 10 {
		<-mine
	}
	require.NoError(t, child.Process.Kill())
	for out.Scan() { // what was in the pipe
		committed[out.Text()] = true
	}
	require.Error(t, child.Wait())
	for range mine {
	}

	db := rawDB(t, file)
	require.Equal(t, "ok", queryString(t, db, "PRAGMA integrity_check"))
	require.Empty(t, queryString(t, db, "SELECT coalesce(group_concat(rowid), '') FROM pragma_foreign_key_check"))
	require.Equal(t, fmt.Sprint(requests), queryString(t, db, "SELECT count(*) FROM users"))
	require.Equal(t, fmt.Sprint(requests), queryString(t, db,
		"SELECT count(*) FROM requests JOIN users ON users.id = substr(CAST(answer AS TEXT), length('users/') + 1)"))
}

// Two processes open a new file at once. The one that writes little is let in while the other always has callers waiting.
func TestProcessesShareAFile(t *testing.T) {
	file := newFile(t)
	child, out := startChild(t, file)
	st := open(t, file)
	require.True(t, out.Scan(), "the child writes")

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 20 {
		_, err := st.Do(ctx, once.Request{}, createUser)
		require.NoError(t, err)
	}
	lines := 1
	for out.Scan() {
		lines++
	}
	require.NoError(t, child.Wait())
	require.Equal(t, requests, lines)
	require.Equal(t, fmt.Sprint(requests+20), queryString(t, rawDB(t, file), "SELECT count(*) FROM users"))
}

func TestReopenedFileHasTheData(t *testing.T) {
	file := newFile(t)
	st, err := sqlite.Open(t.Context(), file)
	require.NoError(t, err)
	name, err := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	require.NoError(t, st.Close())

	st = open(t, file)
	user, err := st.GetUser(t.Context(), string(name))
	require.NoError(t, err)
	require.Equal(t, "Ada", user.GetDisplayName())
	again, err := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	require.Equal(t, string(name), string(again))
}

func TestTwoStoresShareAFile(t *testing.T) {
	file := newFile(t)
	first, second := open(t, file), open(t, "file:"+file)
	name, err := first.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	_, err = second.GetUser(t.Context(), string(name))
	require.NoError(t, err)
	again, err := second.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	require.Equal(t, string(name), string(again))
}

// rawDB opens a file without a store.
func rawDB(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)") // for the store's own work
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func queryString(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var rows []string
	result, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer result.Close()
	for result.Next() {
		var row string
		require.NoError(t, result.Scan(&row))
		rows = append(rows, row)
	}
	require.NoError(t, result.Err())
	return strings.Join(rows, "\n")
}
