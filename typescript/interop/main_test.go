//go:build integration

package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// The programs that the tests run, in the folder that build has filled.
const (
	fixture    = "typescript/natsgrpc/dist/fixture/main.js"
	moderation = "services/moderation/dist/src/main.js"
)

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// built is the folder with the TypeScript of the checkout, installed and compiled.
var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil && code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}

// build copies the TypeScript of the checkout, installs what package-lock.json pins and compiles it, once for all tests.
func build(t *testing.T) string {
	t.Helper()
	_, err := exec.LookPath("npm")
	require.NoError(t, err, "the worker needs Node: install npm, or run `go run ./tools/dev test`, which does")
	built.Do(func() { built.dir, built.err = buildIn(t.Output()) })
	require.NoError(t, built.err)
	return built.dir
}

func buildIn(log io.Writer) (string, error) {
	root, err := workspace.Find()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "typescript")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "tsconfig.json", "tsconfig.base.json", "typescript/natsgrpc", "services/moderation"} {
		if err := copySources(root.Path(filepath.FromSlash(name)), filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return dir, err
		}
	}
	for _, args := range [][]string{
		{"npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"},
		{"npm", "run", "build"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
		if err := cmd.Run(); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// copySources copies a file, or a folder without what npm and tsc make.
func copySources(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "node_modules" || entry.Name() == "dist" {
				return fs.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		data, err := os.ReadFile(path)
		if err != nil || strings.HasSuffix(path, ".tsbuildinfo") {
			return err
		}
		return errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.WriteFile(target, data, 0o600))
	})
}

// A worker is a Node process that serves.
type worker struct {
	t    *testing.T
	cmd  *exec.Cmd
	exit chan error

	mu      sync.Mutex
	awaited map[string]chan struct{} // messages of its log
}

// start runs a program until the test ends, and returns when its log says that it serves.
func start(t *testing.T, program string, args ...string) *worker {
	t.Helper()
	w := &worker{t: t, exit: make(chan error, 1), awaited: map[string]chan struct{}{}}
	w.cmd = exec.Command("node", append([]string{filepath.Join(build(t), filepath.FromSlash(program))}, args...)...)
	output, err := w.cmd.StderrPipe()
	require.NoError(t, err)
	ready := w.logged("serving")
	require.NoError(t, w.cmd.Start())
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			fmt.Fprintln(t.Output(), lines.Text())
			w.note(lines.Text())
		}
		w.exit <- w.cmd.Wait()
	}()
	t.Cleanup(func() {
		if w.cmd.ProcessState == nil {
			w.stop()
		}
	})
	natsgrpctest.Await(t, soon, "the worker", ready)
	return w
}

// logged returns a channel that is closed when the worker logs a message that begins so.
func (w *worker) logged(message string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	begin := `"msg":"` + message
	if w.awaited[begin] == nil {
		w.awaited[begin] = make(chan struct{})
	}
	return w.awaited[begin]
}

// note closes the channels of those who wait for a line.
func (w *worker) note(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for begin, found := range w.awaited {
		if strings.Contains(line, begin) {
			close(found)
			delete(w.awaited, begin)
		}
	}
}

// stop tells the worker to stop. It must drain and end well.
func (w *worker) stop() {
	w.t.Helper()
	require.NoError(w.t, w.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(w.t, natsgrpctest.Await(w.t, soon, "the end of the worker", w.exit))
}

// kill ends the worker at once.
func (w *worker) kill() {
	w.t.Helper()
	require.NoError(w.t, w.cmd.Process.Kill())
	require.Error(w.t, natsgrpctest.Await(w.t, soon, "the end of the worker", w.exit))
}

// handlers serves by gRPC what the workers of the fixture forward their calls to, and returns its address.
func handlers(t *testing.T, register func(grpc.ServiceRegistrar), options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(64<<20))...)
	register(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	t.Cleanup(func() {
		srv.Stop()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

// ensure makes the streams of services.
func ensure(t *testing.T, ns *server.Server, services ...protoreflect.ServiceDescriptor) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, services...))
	return js
}

// connect returns a connection that calls services.
func connect(t *testing.T, ns *server.Server) *natsgrpc.Conn {
	t.Helper()
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}
