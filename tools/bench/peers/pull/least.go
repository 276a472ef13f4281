package pull

import (
	"math/rand/v2"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// leastName is the name of a balancer that takes the instance with the fewest calls in flight of all. grpc-go's own,
// least_request_experimental, looks at some that it takes by chance.
const leastName = "least_of_all"

// registerLeast makes the balancer known to grpc-go, which wants that before any connection is made.
var registerLeast = sync.OnceFunc(func() { balancer.Register(leastBuilder{}) })

type leastBuilder struct{}

func (leastBuilder) Name() string { return leastName }

func (leastBuilder) Build(cc balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	b := &leastBalancer{ClientConn: cc, flights: resolver.NewEndpointMap[*flights]()}
	b.Balancer = endpointsharding.NewBalancer(b, options, balancer.Get(pickfirst.Name).Build, endpointsharding.Options{})
	return b
}

// leastBalancer has a child for each instance, which connects to it, and picks among those that are connected.
type leastBalancer struct {
	balancer.ClientConn
	balancer.Balancer

	mu      sync.Mutex
	flights *resolver.EndpointMap[*flights]
}

// flights counts the calls in flight at one instance.
type flights struct{ n int }

// UpdateState is called by the children.
func (b *leastBalancer) UpdateState(state balancer.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.flights
	b.flights = resolver.NewEndpointMap[*flights]()
	p := &leastPicker{mu: &b.mu}
	for _, child := range endpointsharding.ChildStatesFromPicker(state.Picker) {
		if child.State.ConnectivityState != connectivity.Ready {
			continue
		}
		count, found := known.Get(child.Endpoint)
		if !found {
			count = new(flights)
		}
		b.flights.Set(child.Endpoint, count)
		p.pickers, p.counts = append(p.pickers, child.State.Picker), append(p.counts, count)
	}
	if len(p.pickers) > 0 {
		state = balancer.State{Picker: p, ConnectivityState: connectivity.Ready}
	}
	b.ClientConn.UpdateState(state)
}

// leastPicker picks the instance with the fewest calls in flight, one of them by chance if there are several.
type leastPicker struct {
	pickers []balancer.Picker
	mu      *sync.Mutex
	counts  []*flights // guarded by mu, which the balancer's pickers share
}

// Pick is called for each call.
func (p *leastPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := rand.IntN(len(p.counts))
	least := first
	for i := range p.counts {
		if at := (first + i) % len(p.counts); p.counts[at].n < p.counts[least].n {
			least = at
		}
	}
	result, err := p.pickers[least].Pick(info)
	if err != nil {
		return result, err
	}
	count, done := p.counts[least], result.Done
	count.n++
	result.Done = func(info balancer.DoneInfo) {
		p.mu.Lock()
		count.n--
		p.mu.Unlock()
		if done != nil {
			done(info)
		}
	}
	return result, nil
}
