package pull

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	natsgrpctestv1 "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// Policy is who decides which instance does a call.
type Policy string

// The policies. All but Pull are grpc-go's balancers, with its defaults.
const (
	// Pull is natsgrpc: an instance takes what it has a free slot for.
	Pull Policy = "pull"
	// RoundRobin is round_robin.
	RoundRobin Policy = "round-robin"
	// LeastRequest takes the instance that has the fewest of the caller's calls in flight.
	LeastRequest Policy = "least-request"
	// TwoChoices is least_request_experimental: of two by chance, the one with fewer.
	TwoChoices Policy = "two-choices"

	// PullCommands is natsgrpc with commands, which wait on disk and whose answers are kept, where Pull has queries.
	PullCommands Policy = "pull-commands"

	// The peers again, with a retry policy: a call that failed with UNAVAILABLE is tried three times in all.
	RoundRobinRetry   Policy = "round-robin+retry"
	LeastRequestRetry Policy = "least-request+retry"
	TwoChoicesRetry   Policy = "two-choices+retry"
)

// The policies that are measured side by side; the first is what the others are compared with.
var (
	// Policies are those of all loads.
	Policies = []Policy{Pull, RoundRobin, LeastRequest, TwoChoices}
	// RetryPolicies are those where instances fail.
	RetryPolicies = append(Policies[:len(Policies):len(Policies)], RoundRobinRetry, LeastRequestRetry, TwoChoicesRetry)
)

// retryPolicy is what a client that may repeat its calls would set.
const retryPolicy = `[{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.05s", "maxBackoff": "1s",
	"backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]`

// serviceConfig returns grpc-go's configuration of a policy.
func (p Policy) serviceConfig() (string, error) {
	var name string
	methods := "[]"
	switch p {
	case RoundRobinRetry, LeastRequestRetry, TwoChoicesRetry:
		methods = retryPolicy
	default:
	}
	switch p {
	case RoundRobin, RoundRobinRetry:
		name = roundrobin.Name
	case LeastRequest, LeastRequestRetry:
		name = leastName
	case TwoChoices, TwoChoicesRetry:
		name = leastrequest.Name
	default:
		return "", fmt.Errorf("policy %q: want one of grpc-go's", p)
	}
	return fmt.Sprintf(`{"loadBalancingConfig": [{%q: {}}], "methodConfig": %s}`, name, methods), nil
}

// callers are those who make the calls, each with a connection of its own.
type callers struct {
	policy  Policy
	clients []natsgrpctestv1.BenchmarkServiceClient
	closers []func() error
	// moved is told the addresses of the instances whenever they have changed.
	moved func(addresses []string)
}

// dial returns n callers of instances at addresses, or behind the NATS server.
func dial(p Policy, n int, url string, addresses []string) (*callers, error) {
	c := &callers{policy: p, moved: func([]string) {}}
	connect := c.push
	if p == Pull || p == PullCommands {
		connect = func([]string) error { return c.pull(url) }
	}
	for range n {
		if err := connect(addresses); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// pull adds a caller through the queue.
func (c *callers) pull(url string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		nc.Close()
		return err
	}
	c.add(conn, func() error { defer nc.Close(); return conn.Close() })
	return nil
}

// push adds a caller by gRPC.
func (c *callers) push(addresses []string) error {
	registerLeast()
	config, err := c.policy.serviceConfig()
	if err != nil {
		return err
	}
	instances := manual.NewBuilderWithScheme("instances")
	instances.InitialState(stateOf(addresses))
	conn, err := grpc.NewClient("instances:///", grpc.WithResolvers(instances), grpc.WithDefaultServiceConfig(config),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	conn.Connect()
	others := c.moved
	c.moved = func(addresses []string) {
		others(addresses)
		instances.UpdateState(stateOf(addresses))
	}
	c.add(conn, conn.Close)
	return nil
}

func stateOf(addresses []string) resolver.State {
	var s resolver.State
	for _, address := range addresses {
		s.Addresses = append(s.Addresses, resolver.Address{Addr: address})
	}
	return s
}

func (c *callers) add(conn grpc.ClientConnInterface, closer func() error) {
	c.clients = append(c.clients, natsgrpctestv1.NewBenchmarkServiceClient(conn))
	c.closers = append(c.closers, closer)
}

// call has a job done. The callers take turns.
func (c *callers) call(ctx context.Context, j job) error {
	client := c.clients[j.number%uint64(len(c.clients))]
	var err error
	if c.policy == PullCommands {
		_, err = client.Write(ctx, &natsgrpctestv1.WriteRequest{Payload: j.encode()})
	} else {
		_, err = client.Read(ctx, &natsgrpctestv1.ReadRequest{Payload: j.encode()})
	}
	if status.Code(err) == codes.DeadlineExceeded { // the other end has noticed it a moment sooner
		return context.DeadlineExceeded
	}
	return err
}

// close ends the connections. No call may be in flight.
func (c *callers) close() error {
	var errs []error
	for _, closer := range c.closers {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}
