//go:build integration && linux

package overload

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// factor is how many times the capacity is offered.
const factor = 10

// size is how much a scenario does and what it asks for.
type size struct {
	slots    int
	work     time.Duration
	deadline time.Duration
	measure  time.Duration // of the capacity
	warmUp   time.Duration // of the load, not looked at: the queue grows until the first answers tell of it
	load     time.Duration // after that

	goodput    float64       // at least, of the capacity
	refusal    time.Duration // at most, 99 of 100
	admitted   time.Duration // at most, 99 of 100
	lag        time.Duration // of the generator at most, 99 of 100
	fairness   float64       // share of the polite clients' requests that are answered, at least
	proxyBytes int64         // at most
	natsBytes  int64         // at most
}

func sizes() size {
	if full() {
		return size{
			slots: 16, work: 50 * time.Millisecond, deadline: 5 * time.Second,
			measure: 10 * time.Second, warmUp: 5 * time.Second, load: time.Minute,
			goodput: 0.95, refusal: 50 * time.Millisecond, admitted: 1500 * time.Millisecond, lag: 20 * time.Millisecond, fairness: 0.99,
			proxyBytes: 256 << 20, natsBytes: 256 << 20,
		}
	}
	// What follows has room for a race detector, and for others on both cores.
	return size{
		slots: 8, work: 200 * time.Millisecond, deadline: 5 * time.Second,
		measure: 3 * time.Second, warmUp: 6 * time.Second, load: 5 * time.Second,
		goodput: 0.5, refusal: 2 * time.Second, admitted: 5 * time.Second, lag: 2 * time.Second, fairness: 0.8,
		proxyBytes: 512 << 20, natsBytes: 1 << 30,
	}
}

// system is what is tested.
type system struct {
	size     size
	url      string
	nats     *process
	proxy    *process
	capacity float64
}

// newSystem starts a NATS server, a service and a proxy, and measures the capacity.
func newSystem(t *testing.T, size size) *system {
	t.Helper()
	require.GreaterOrEqual(t, runtime.NumCPU(), 2, "the load and what bears it need a core each")
	s := &system{size: size}
	s.nats = startRole(t, serverCore, role{NATS: &natsRole{StoreDir: t.TempDir()}})
	natsURL := s.nats.line(t, startTimeout)
	startRole(t, serverCore, role{Service: &serviceRole{URL: natsURL, Slots: size.slots, Work: size.work}}).line(t, startTimeout)

	binary := filepath.Join(t.TempDir(), "proxy")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/codingflow/rating/proxy")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	address := freeAddress(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "log")) // of each request, as in earnest
	require.NoError(t, err)
	defer log.Close()
	s.proxy = start(t, serverCore, nil, log, binary, "--nats", natsURL, "--listen", address)
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, startTimeout, 10*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
	s.url = "http://" + address + "/api/users/ada"

	r := newReport(s.generate(t, &generatorRole{Callers: 4 * size.slots, Duration: size.measure}), size.measure/5, size.measure, size.deadline)
	require.Zero(t, r.refused+r.late+r.failed, "the capacity cannot be measured: %v", r)
	s.capacity = r.perSecond
	t.Logf("capacity: %d slots of %v make %.1f/s; measured %.1f/s\n  %v", size.slots, size.work,
		float64(size.slots)/size.work.Seconds(), s.capacity, r)
	return s
}

// generate runs a generator and returns what became of its requests.
func (s *system) generate(t *testing.T, r *generatorRole) []record {
	t.Helper()
	r.URL, r.Deadline = s.url, s.size.deadline
	generator := startRole(t, generatorCore, role{Generator: r})
	line := generator.line(t, 3*r.Duration+r.Deadline+extra+startTimeout) // a late generator is to say how late it was
	<-generator.exited
	require.True(t, generator.cmd.ProcessState.Success(), "the generator has failed")
	var records []record
	require.NoError(t, json.Unmarshal([]byte(line), &records))
	return records
}

// overload offers the clients' load and returns what became of it, as a report on the requests of each of the groups that
// the client numbers are divided into at the bounds, and of all.
func (s *system) overload(t *testing.T, clients []client, bounds ...int) (all report, groups []report) {
	t.Helper()
	watch := s.watchMemory(t)
	from, to := s.size.warmUp, s.size.warmUp+s.size.load
	records := s.generate(t, &generatorRole{Clients: clients, Duration: to})
	memory := watch()
	divided := make([][]record, len(bounds)+1)
	for _, made := range records {
		group := 0
		for group < len(bounds) && made.Client >= bounds[group] {
			group++
		}
		divided[group] = append(divided[group], made)
	}
	for _, group := range divided {
		groups = append(groups, newReport(group, from, to, s.size.deadline))
	}
	all = newReport(records, from, to, s.size.deadline)
	t.Logf("offered %.0f/s for %v: goodput %.1f %% of the capacity\n  %v\n  memory: %v", float64(all.sent)/s.size.load.Seconds(), s.size.load,
		100*all.perSecond/s.capacity, all, memory)
	require.LessOrEqual(t, all.lag.at(990), s.size.lag, "the generator was late: the run proves nothing")
	require.Zero(t, all.failed)
	require.GreaterOrEqual(t, all.perSecond/s.capacity, s.size.goodput)
	require.LessOrEqual(t, all.refusals.at(990), s.size.refusal)
	require.LessOrEqual(t, all.admitted.at(990), s.size.admitted)
	require.Zero(t, all.retries[0], "a refusal has no Retry-After")
	require.LessOrEqual(t, memory.proxy[len(memory.proxy)-1], s.size.proxyBytes)
	require.LessOrEqual(t, memory.nats[len(memory.nats)-1], s.size.natsBytes)
	return all, groups
}

// A hundred clients that want the same.
func TestTenTimesTheCapacityOfManyClients(t *testing.T) {
	s := newSystem(t, sizes())
	clients := make([]client, 100)
	for i := range clients {
		clients[i] = client{Address: addressOf(i), Rate: factor * s.capacity / float64(len(clients))}
	}
	s.overload(t, clients)
}

// A client that alone wants almost ten times the capacity, beside fifty that together want half of it.
func TestTenTimesTheCapacityOfOneNoisyClient(t *testing.T) {
	s := newSystem(t, sizes())
	const polite, wanted = 50, 0.5
	clients := make([]client, polite, polite+1)
	for i := range clients {
		clients[i] = client{Address: addressOf(i), Rate: wanted * s.capacity / polite}
	}
	clients = append(clients, client{Address: addressOf(polite), Rate: (factor - wanted) * s.capacity})
	_, groups := s.overload(t, clients, polite)
	t.Logf("polite: %v\nnoisy: %v", groups[0], groups[1])
	require.GreaterOrEqual(t, groups[0].success(), s.size.fairness, "the noisy client starves the others")
}

// memory is how much two processes had resident over time, in bytes.
type memory struct{ proxy, nats []int64 }

func (m memory) String() string {
	text := ""
	for _, of := range []struct {
		name  string
		bytes []int64
	}{{"proxy", m.proxy}, {"NATS", m.nats}} {
		text += of.name
		for i := range 6 {
			text += fmt.Sprintf(" %d", of.bytes[i*(len(of.bytes)-1)/5]>>20)
		}
		text += " MiB; "
	}
	return text
}

// watchMemory looks at the memory of the proxy and the NATS server twice a second until the function that it returns is
// called.
func (s *system) watchMemory(t *testing.T) func() memory {
	t.Helper()
	var seen memory
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			seen.proxy = append(seen.proxy, s.proxy.memory(t))
			seen.nats = append(seen.nats, s.nats.memory(t))
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() memory {
		close(stop)
		<-done
		return seen
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
