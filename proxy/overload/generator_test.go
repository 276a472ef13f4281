//go:build integration && linux

package overload

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// generatorRole is a process that sends requests and prints what became of them: records in one line of JSON.
type generatorRole struct {
	URL      string
	Duration time.Duration
	Deadline time.Duration // of each request
	// Callers makes a closed loop of as many callers, each a client of its own.
	Callers int
	// Clients makes an open loop.
	Clients []client
}

// client is what one client of an open loop does.
type client struct {
	Address string  // its own, such as 127.0.0.2
	Rate    float64 // requests per second
}

// record is what became of a request. The fields are short since there are many.
type record struct {
	Client int           `json:"c"`
	Due    time.Duration `json:"d"` // since the start
	Lag    time.Duration `json:"l"` // from due to being sent
	Took   time.Duration `json:"t"` // from due to the end of the answer
	Status int           `json:"s"` // 0 without an answer
	Retry  int           `json:"r"` // Retry-After in seconds, 0 without
}

// maxConnections bounds the connections of a client, below what the proxy takes of one: those beyond would be closed, which
// is another test's matter. What waits for one is late by that, and its times say so.
const maxConnections = 500

// extra is how much longer a client waits than it says, so that it sees the proxy's own 504.
const extra = 5 * time.Second

func (r *generatorRole) play(ctx context.Context) error {
	g := &generator{role: r, start: time.Now()}
	if r.Callers > 0 {
		g.closedLoop(ctx)
	} else {
		g.openLoop(ctx)
	}
	g.group.Wait()
	for _, c := range g.clients {
		c.CloseIdleConnections()
	}
	return json.NewEncoder(os.Stdout).Encode(g.records)
}

type generator struct {
	role    *generatorRole
	start   time.Time
	clients []*http.Client
	group   sync.WaitGroup

	mu      sync.Mutex
	records []record
}

// add adds a client with a local address.
func (g *generator) add(address string) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	g.clients = append(g.clients, &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: maxConnections, DisableCompression: true,
	}})
}

func (g *generator) closedLoop(ctx context.Context) {
	for i := range g.role.Callers {
		g.add(addressOf(i))
	}
	for i := range g.role.Callers {
		g.group.Go(func() {
			for time.Since(g.start) < g.role.Duration && ctx.Err() == nil {
				g.send(ctx, i, time.Now())
			}
		})
	}
}

// openLoop sends requests when they are due. Their times are those of a Poisson process for all clients together, each of
// which is a client's by chance in proportion to its rate: that makes each client a Poisson process of its own.
func (g *generator) openLoop(ctx context.Context) {
	var total float64
	sums := make([]float64, len(g.role.Clients))
	for i, c := range g.role.Clients {
		g.add(c.Address)
		total += c.Rate
		sums[i] = total
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for due := time.Duration(0); due < g.role.Duration && ctx.Err() == nil; {
		due += time.Duration(chance.ExpFloat64() / total * float64(time.Second))
		at := chance.Float64() * total
		i := 0
		for sums[i] < at {
			i++
		}
		time.Sleep(time.Until(g.start.Add(due)))
		g.group.Go(func() { g.send(ctx, i, g.start.Add(due)) })
	}
}

// send makes one request of a client and records it.
func (g *generator) send(ctx context.Context, client int, due time.Time) {
	made := record{Client: client, Due: due.Sub(g.start), Lag: time.Since(due)}
	made.Status, made.Retry = g.get(ctx, g.clients[client])
	made.Took = time.Since(due)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.records = append(g.records, made)
}

func (g *generator) get(ctx context.Context, client *http.Client) (status, retry int) {
	ctx, cancel := context.WithTimeout(ctx, g.role.Deadline+extra)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.role.URL, nil)
	if err != nil {
		return 0, 0
	}
	request.Header.Set("Request-Timeout", strconv.FormatFloat(g.role.Deadline.Seconds(), 'f', -1, 64))
	response, err := client.Do(request)
	if err != nil {
		return 0, 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, 0
	}
	retry, _ = strconv.Atoi(response.Header.Get("Retry-After"))
	return response.StatusCode, retry
}

// addressOf returns the i-th address of the loopback network, from 127.0.1.1 on.
func addressOf(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250) }
