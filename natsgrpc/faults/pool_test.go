package faults_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pool keeps a number of workers running: one that ends is replaced at once.
type pool struct {
	t    *testing.T
	role workerRole

	group    sync.WaitGroup
	stopping chan struct{}

	mu       sync.Mutex
	workers  []*process
	replaced int
}

// startPool starts n workers and waits until they are ready. They are killed when the test ends.
func startPool(t *testing.T, n int, r workerRole) *pool {
	t.Helper()
	p := &pool{t: t, role: r, stopping: make(chan struct{}), workers: make([]*process, n)}
	for i := range n {
		p.workers[i] = start(t, role{Worker: &p.role}, nil)
		p.group.Go(func() { p.keep(i) })
	}
	t.Cleanup(func() {
		close(p.stopping)
		for i := range n {
			p.worker(i).kill()
		}
		p.group.Wait()
	})
	return p
}

// keep replaces one worker whenever it ends.
func (p *pool) keep(i int) {
	for {
		<-p.worker(i).exited
		p.mu.Lock()
		select {
		case <-p.stopping:
			p.mu.Unlock()
			return
		default:
		}
		p.workers[i] = launch(p.t, role{Worker: &p.role}, nil)
		p.replaced++
		p.mu.Unlock()
	}
}

// worker returns the i-th worker that runs now.
func (p *pool) worker(i int) *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.workers[i]
}

// kill kills the i-th worker and waits until its replacement is ready.
func (p *pool) kill(i int) {
	p.t.Helper()
	victim := p.worker(i)
	victim.kill()
	require.Eventually(p.t, func() bool { return p.worker(i) != victim }, patience, time.Millisecond)
	p.worker(i).awaitReady(p.t)
}

// replacements returns how many workers have ended so far.
func (p *pool) replacements() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replaced
}
