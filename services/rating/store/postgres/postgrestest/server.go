// Package postgrestest runs PostgreSQL for tests: a server of Debian's packages on a port of the loopback interface, with its
// data in a temporary folder, which ends with the test or the test binary.
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }
//
//	url := postgrestest.NewDatabase(t) // with the schema, on the binary's one server
//
//	server := postgrestest.NewServer(t) // a server of the test's own, that it may kill
package postgrestest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const (
	// startTimeout bounds the start of a server; after a crash it reads its log first.
	startTimeout = time.Minute
	// stopTimeout bounds a server's end, after which it is killed.
	stopTimeout = 20 * time.Second
	// superuser is the role of the URLs.
	superuser = "postgres"
)

// A Server is a running PostgreSQL server.
type Server struct {
	bin, data, password string
	port                int
	reserved            *os.File // a socket that keeps the port
	settings            []string
	credential          *syscall.Credential // nil: this process's own
	output              lockedBuffer

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

// NewServer starts a server of the test's own with settings, such as "max_connections=10", beside PostgreSQL's defaults; it
// ends with the test.
func NewServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newServer(t.TempDir(), settings)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newServer makes a server's data in a folder, and starts it.
func newServer(dir string, settings []string) (*Server, error) {
	s := &Server{data: filepath.Join(dir, "data"), password: rand.Text(), settings: settings}
	var err error
	if s.bin, err = findBinaries(); err != nil {
		return nil, err
	}
	if s.credential, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := s.initialize(dir); err != nil {
		return nil, err
	}
	if err := s.reserve(); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// findBinaries returns the folder of PostgreSQL's server programs: of the newest version, which Debian keeps off PATH.
func findBinaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// It may be there by a link of its own, without the other programs.
		if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
			return "", err
		}
		return filepath.Dir(initdb), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL's server is missing, and this test needs it: " +
			"`go run ./tools/dev test` installs Debian's package postgresql")
	}
	version := func(initdb string) int {
		number, err := strconv.Atoi(strings.Split(initdb, "/")[4])
		if err != nil {
			return 0
		}
		return number
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged returns the user that a server runs as where this process is root, as which PostgreSQL does not run: that of
// Debian's package.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nil is this process's own
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// initialize makes the data folder.
func (s *Server) initialize(dir string) error {
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return err
	}
	passwordFile := filepath.Join(dir, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.credential != nil {
		for _, path := range []string{s.data, passwordFile} {
			if err := os.Chown(path, int(s.credential.Uid), int(s.credential.Gid)); err != nil {
				return err
			}
		}
		// Another user has to pass, also through the folder that t.TempDir puts the test's into.
		folders := []string{dir}
		if parent := filepath.Dir(dir); parent != filepath.Clean(os.TempDir()) {
			folders = append(folders, parent)
		}
		for _, folder := range folders {
			if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // see above
				return err
			}
		}
	}
	initdb := s.command("initdb", "--pgdata="+s.data, "--username="+superuser, "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	return nil
}

// command returns a command that runs a program of PostgreSQL's.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, program), args...) // Stop and Kill end it
	cmd.Dir = s.data
	// Whoever ends this process ends the server as well, at once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// Client returns a command that runs a client program of the server's version, such as pg_dump, as this process's own user.
// Its arguments say which database: [Server.URL].
func (s *Server) Client(ctx context.Context, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
}

// reserve takes a port of the loopback interface for the server, which is nobody else's while the server is down either: the system
// gives the port of a bound socket to none that asks for any. The socket does not listen, so connections are refused, and the server
// may bind the port beside it, since both have SO_REUSEADDR.
func (s *Server) reserve() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	s.reserved = os.NewFile(uintptr(fd), "the port of PostgreSQL") // it is closed when the server is garbage
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	s.port = address.(*syscall.SockaddrInet4).Port
	return nil
}

// Start starts the server again, on the same port and data, after [Server.Kill] or [Server.Stop]; it waits until it answers.
func (s *Server) Start() error {
	args := []string{"-D", s.data, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-c", "unix_socket_directories="}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command("postgres", args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.ended = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.ended)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ends is for who ended it to judge
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			return fmt.Errorf("PostgreSQL has ended:\n%s", s.output.String())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.output.String())
		case <-tick.C:
		}
	}
}

// URL returns the URL of a database on the server, password included.
func (s *Server) URL(database string) string {
	return (&neturl.URL{
		Scheme: "postgres", User: neturl.UserPassword(superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
	}).String()
}

// Password returns the password in URLs.
func (s *Server) Password() string { return s.password }

// Output returns what the server has logged.
func (s *Server) Output() string { return s.output.String() }

// Kill ends all of the server's processes with SIGKILL. The postmaster is stopped first, so that it makes no new ones.
func (s *Server) Kill() error {
	postmaster := s.cmd.Process.Pid
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	children, err := childrenOf(postmaster)
	if err != nil {
		return err
	}
	for _, pid := range append([]int{postmaster}, children...) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill PostgreSQL: %w", err)
		}
	}
	<-s.ended
	return nil
}

// childrenOf returns the ids of a process's children, from /proc.
func childrenOf(parent int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// 1 (name) S 0 …: the name may have spaces and parentheses of its own.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(stat, "/")[2])
		if err != nil {
			return nil, err
		}
		children = append(children, pid)
	}
	return children, nil
}

// Stop ends the server: it breaks its connections, and leaves nothing to recover. It does nothing where the server has ended.
func (s *Server) Stop() error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil { // a "fast" shutdown
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("PostgreSQL did not stop within %v:\n%s", stopTimeout, s.output.String()), s.Kill())
	}
}

// A lockedBuffer is what a server has written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// String returns what was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
