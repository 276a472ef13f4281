package server

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/codingflow/rating/proxy/admission"
)

// refusalLog is how often refused connections are logged, at the most.
const refusalLog = time.Minute

// connections are those that are open. It bounds them in total and for each client.
type connections struct {
	total, perClient int
	// exempt tells the addresses that are not one client's.
	exempt func(netip.Addr) bool
	logger *slog.Logger

	mu      sync.Mutex
	open    int
	clients map[netip.Prefix]int
	refused uint64
	told    time.Time // when refusals were logged last
	untold  int       // refusals since
}

// limit returns a listener whose connections are counted, and closed at once where there are too many: no memory is spent on
// them, and unlike one that waits in the backlog a client notices.
func (c *connections) limit(listener net.Listener) net.Listener {
	return &countedListener{Listener: listener, connections: c}
}

// admit counts a connection if there is room for it.
func (c *connections) admit(client netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.open >= c.total:
		c.refuse(slog.String("limit", "total"))
		return false
	case client.IsValid() && c.clients[client] >= c.perClient:
		c.refuse(slog.String("limit", "client"), slog.String("client", client.String()))
		return false
	}
	c.open++
	if client.IsValid() {
		c.clients[client]++
	}
	return true
}

// refuse counts a refused connection, and logs it unless that was done a moment ago.
func (c *connections) refuse(why ...any) {
	c.refused++
	c.untold++
	if time.Since(c.told) < refusalLog {
		return
	}
	c.logger.Warn("connections refused", append(why, slog.Int("refused", c.untold), slog.Int("open", c.open))...)
	c.told, c.untold = time.Now(), 0
}

func (c *connections) leave(client netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if !client.IsValid() {
		return
	}
	if c.clients[client]--; c.clients[client] == 0 {
		delete(c.clients, client)
	}
}

// client returns whose connection it is by its address, and the zero value for one that belongs to many clients, or to
// nobody that is known.
func (c *connections) client(conn net.Conn) netip.Prefix {
	address := peer(conn.RemoteAddr().String())
	if !address.IsValid() || c.exempt(address) {
		return netip.Prefix{}
	}
	return admission.Network(address)
}

type countedListener struct {
	net.Listener
	connections *connections
}

func (l *countedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := l.connections.client(conn)
		if l.connections.admit(client) {
			return &countedConn{Conn: conn, leave: sync.OnceFunc(func() { l.connections.leave(client) })}, nil
		}
		_ = conn.Close() // nothing was sent that could be lost
	}
}

type countedConn struct {
	net.Conn
	leave func()
}

func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite closes the sending side only. net/http does so where a client may still be sending what is not read: an answer
// such as 413 would be lost by a reset.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
