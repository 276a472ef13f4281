package faults_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// link is a network between some of a scenario's processes and a NATS server, which can be cut and stalled.
type link struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mu      sync.Mutex
	open    *sync.Cond // signals that stalled has changed
	cut     bool
	stalled bool
	conns   map[net.Conn]struct{}
}

// newLink returns a link to a server that ends with the test.
func newLink(t *testing.T, to *natsRole) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{listener: listener, target: fmt.Sprintf("127.0.0.1:%d", to.Port), conns: map[net.Conn]struct{}{}}
	l.open = sync.NewCond(&l.mu)
	l.group.Go(l.accept)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		l.set(true, false)
		l.group.Wait()
	})
	return l
}

func (l *link) url() string { return "nats://" + l.listener.Addr().String() }

// set cuts the link, so that connections end and new ones are refused; stalls it, so that nothing passes and nobody is
// told; or mends it. What a stalled link has taken passes later.
func (l *link) set(cut, stalled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.stalled = cut, stalled
	if cut {
		for conn := range l.conns {
			_ = conn.Close()
		}
	}
	l.open.Broadcast()
}

func (l *link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil { // it is down
			_ = client.Close()
			continue
		}
		if !l.add(client, server) {
			_, _ = client.Close(), server.Close()
			continue
		}
		l.group.Go(func() { l.copy(client, server) })
		l.group.Go(func() { l.copy(server, client) })
	}
}

func (l *link) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	for _, conn := range conns {
		l.conns[conn] = struct{}{}
	}
	return true
}

// copy is one direction of a connection.
func (l *link) copy(to, from net.Conn) {
	_, _ = io.Copy(gate{l, to}, from) // ends when either connection does
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range []net.Conn{to, from} {
		_ = conn.Close()
		delete(l.conns, conn)
	}
}

// gate is a writer that waits while the link is stalled.
type gate struct {
	link *link
	to   io.Writer
}

func (g gate) Write(p []byte) (int, error) {
	g.link.mu.Lock()
	for g.link.stalled {
		g.link.open.Wait()
	}
	g.link.mu.Unlock()
	return g.to.Write(p)
}
