package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// Compile-time proof that generated clients work on a Conn.
var _ grpc.ClientConnInterface = (*Conn)(nil)

// Conn refuses unary calls that would wait for too long, as the package comment says. Streams pass: they are few, and what they
// wait for is not in proportion to what is in the queue. It is safe for concurrent use.
type Conn struct {
	grpc.ClientConnInterface
	options ConnOptions
	methods sync.Map // full name → *calls
}

// ConnOptions say what a [Conn] goes by. All are required.
type ConnOptions struct {
	// ExpectedWait returns how long a call of a method ("/package.Service/Method") that begins now would wait before a
	// service takes it, and false if that is not known.
	ExpectedWait func(method string) (time.Duration, bool)
	// MaxWait is how long it may; twice as long if its client has no other call of the method in flight.
	MaxWait time.Duration
	// Client returns whose call a context is of.
	Client func(context.Context) Client
}

// NewConn returns a Conn over another. It fails if an option is missing.
func NewConn(conn grpc.ClientConnInterface, options ConnOptions) (*Conn, error) {
	if conn == nil || options.ExpectedWait == nil || options.Client == nil {
		return nil, errors.New("admission: a connection without all of its options")
	}
	if options.MaxWait <= 0 {
		return nil, fmt.Errorf("admission: longest wait %v is not positive", options.MaxWait)
	}
	return &Conn{ClientConnInterface: conn, options: options}, nil
}

// Invoke makes a unary call, or returns a status error of this package.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	client, calls := c.options.Client(ctx), c.calls(method)
	wait, _ := c.options.ExpectedWait(method)
	if err := calls.enter(client, wait, c.options.MaxWait); err != nil {
		return err
	}
	defer calls.leave(client)
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// calls returns those of a method.
func (c *Conn) calls(method string) *calls {
	if known, ok := c.methods.Load(method); ok {
		return known.(*calls)
	}
	known, _ := c.methods.LoadOrStore(method, &calls{inFlight: newTally()})
	return known.(*calls)
}

// calls are those of one method.
type calls struct {
	mu       sync.Mutex
	inFlight tally
}

// enter counts a call of a client that is expected to wait, or refuses it.
func (c *calls) enter(client Client, wait, longest time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.inFlight.clients[client]
	switch {
	case wait > 2*longest || wait > longest && own > 0:
		return backlog(wait - longest/2)
	case float64(own)*float64(wait) > float64(c.inFlight.total)*float64(longest-wait) && own > 0:
		return fairShare(wait - longest/2)
	}
	c.inFlight.add(client)
	return nil
}

func (c *calls) leave(client Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight.remove(client)
}
