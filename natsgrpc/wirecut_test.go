package natsgrpc_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// wire is a way to a NATS server that can be cut and mended: connections over it break, and new ones fail until then.
type wire struct {
	listener net.Listener
	to       string
	copying  sync.WaitGroup
	holding  sync.RWMutex // see hold

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]struct{}
}

func newWire(t testing.TB, ns *server.Server) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, to: ns.Addr().String(), conns: map[net.Conn]struct{}{}}
	w.copying.Go(w.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
		w.copying.Wait()
	})
	return w
}

// connect returns a NATS connection over the wire that is closed when the test ends.
func (w *wire) connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://"+w.listener.Addr().String(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.IgnoreDiscoveredServers())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		isCut := w.isCut
		w.mu.Unlock()
		far, err := net.Dial("tcp", w.to)
		if isCut || err != nil || !w.keep(near, far) {
			_ = near.Close()
			if err == nil {
				_ = far.Close()
			}
			continue
		}
		w.copying.Go(func() { pipe(near, far, far) })
		w.copying.Go(func() { pipe(far, near, held{near, &w.holding}) })
	}
}

// keep notes a connection, unless the wire is cut by now.
func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range conns {
		w.conns[conn] = struct{}{}
	}
	return !w.isCut
}

// pipe copies what one end sends into the other.
func pipe(from, to net.Conn, into io.Writer) {
	_, _ = io.Copy(into, from) // ends when either is closed
	_ = from.Close()
	_ = to.Close()
}

// hold holds back what the NATS server sends, until release.
func (w *wire) hold()    { w.holding.Lock() }
func (w *wire) release() { w.holding.Unlock() }

// held is a connection to which nothing is written while the lock is held.
type held struct {
	to      net.Conn
	holding *sync.RWMutex
}

func (h held) Write(p []byte) (int, error) {
	h.holding.RLock()
	defer h.holding.RUnlock()
	return h.to.Write(p)
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for conn := range w.conns {
		_ = conn.Close()
	}
	clear(w.conns)
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}
