package once_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// childFile is the environment variable that makes the test binary a process which works on a database; childMode says
// what it does there.
const (
	childFile = "ONCE_TEST_CHILD_FILE"
	childMode = "ONCE_TEST_CHILD_MODE"

	// modeRun runs the requests "0" to "99", when its input ends, and prints their answers.
	modeRun = "run"
	// modeHang acts for the request "0", prints that, and hangs in its transaction.
	modeHang = "hang"

	childRequests = 100
)

func runChild(file, mode string) {
	db, err := open(file, "deferred")
	if err != nil {
		log.Fatal(err)
	}
	if mode == modeRun {
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	for i := range childRequests {
		id := strconv.Itoa(i)
		answer, err := requests.Do(context.Background(), db, request(id), func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
			answer, err := act(id)(ctx, tx)
			if mode == modeHang {
				fmt.Println("acted", err)
				select {}
			}
			return answer, err
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(answer))
	}
}

// startChild starts a process of this binary and returns its input and what it prints.
func startChild(t *testing.T, file, mode string) (*exec.Cmd, io.Closer, *bufio.Scanner) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), binary)
	child.Env = append(os.Environ(), childFile+"="+file, childMode+"="+mode)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the child has begun")
	return child, in, lines
}

// Two processes run the same requests at once.
func TestProcessesActOnce(t *testing.T) {
	file := newFile(t)
	first, firstIn, firstOut := startChild(t, file, modeRun)
	second, secondIn, secondOut := startChild(t, file, modeRun)
	require.NoError(t, firstIn.Close())
	require.NoError(t, secondIn.Close())
	for range childRequests {
		require.True(t, firstOut.Scan())
		require.True(t, secondOut.Scan())
		require.Regexp(t, "^effect [0-9]+$", firstOut.Text())
		require.Equal(t, firstOut.Text(), secondOut.Text())
	}
	require.NoError(t, first.Wait())
	require.NoError(t, second.Wait())
	requireCount(t, openDB(t, file, "deferred"), "effects", childRequests)
}

// A process is killed between its effect and its commit. The next run acts.
func TestKilledRunHasNoEffect(t *testing.T) {
	file := newFile(t)
	child, _, out := startChild(t, file, modeHang)
	require.Equal(t, "acted <nil>", out.Text())
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	db := openDB(t, file, "deferred")
	requireCount(t, db, "effects", 0)
	require.Equal(t, "effect 1", run(t, db, "0"))
}
