package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Process is a process of the experiment. It is not safe for concurrent use.
type Process interface {
	// Address is where it serves.
	Address() string
	// CPU is the user and system time that it has taken, all of it where it has ended.
	CPU() (time.Duration, error)
	// Kill ends it at once.
	Kill() error
	// Pause stops it where it is, Resume lets it go on.
	Pause() error
	Resume() error
	// Stop has it drain and end.
	Stop() error
}

// Start starts a process in a role with arguments and returns when it serves.
type Start func(ctx context.Context, role string, args ...string) (Process, error)

// The roles of processes. A program that runs an experiment must know them: the first is a NATS server with JetStream, at
// a URL, that keeps its streams in the folder of its flag --store; the second an [Instance], whose fields it has as flags.
const (
	NATSRole     = "nats"
	InstanceRole = "instance"
)

// Args are the flags of an instance.
func (i Instance) Args() []string {
	return []string{"--nats=" + i.NATS, "--slots=" + strconv.Itoa(i.Slots), "--slowdown=" + strconv.Itoa(i.Slowdown), "--done=" + i.Done}
}

// pool is the instances of a run. A disturbance changes it while calls are made.
type pool struct {
	start func(ctx context.Context, slowdown int) (Process, error)

	mu        sync.Mutex
	slowdowns []int
	instances []Process
	dead      []bool
	ended     time.Duration            // the CPU time of those that have ended
	moved     func(addresses []string) // is told when a replacement serves
}

// startPool starts an instance for each slowdown.
func startPool(ctx context.Context, slowdowns []int, start func(context.Context, int) (Process, error)) (*pool, error) {
	p := &pool{start: start, slowdowns: slowdowns, moved: func([]string) {}}
	for _, slowdown := range slowdowns {
		instance, err := start(ctx, slowdown)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.instances, p.dead = append(p.instances, instance), append(p.dead, false)
	}
	return p, nil
}

// addresses are those of the instances, the dead ones' too until they are replaced.
func (p *pool) addresses() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked()
}

func (p *pool) locked() []string {
	var all []string
	for _, instance := range p.instances {
		all = append(all, instance.Address())
	}
	return all
}

// watch has moved told of new addresses from now on.
func (p *pool) watch(moved func([]string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = moved
}

// kill ends an instance at once.
func (p *pool) kill(i int) error { return p.end(i, Process.Kill) }

// stop has an instance drain and end.
func (p *pool) stop(i int) error { return p.end(i, Process.Stop) }

func (p *pool) end(i int, how func(Process) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead[i] {
		return fmt.Errorf("instance %d is dead already", i)
	}
	p.dead[i] = true
	if err := how(p.instances[i]); err != nil {
		return err
	}
	took, err := p.instances[i].CPU()
	p.ended += took
	return err
}

// replace starts an instance in the place of a dead one.
func (p *pool) replace(ctx context.Context, i int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	instance, err := p.start(ctx, p.slowdowns[i])
	if err != nil {
		return err
	}
	p.instances[i], p.dead[i] = instance, false
	p.moved(p.locked())
	return nil
}

// pause stops an instance where it is, resume lets it go on.
func (p *pool) pause(i int) error  { return p.at(i).Pause() }
func (p *pool) resume(i int) error { return p.at(i).Resume() }

func (p *pool) at(i int) Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.instances[i]
}

// heal replaces all dead instances.
func (p *pool) heal(ctx context.Context) error {
	for i := range p.instances {
		if p.dead[i] {
			if err := p.replace(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// cpu is the CPU time of all instances that there have been.
func (p *pool) cpu() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.ended
	for i, instance := range p.instances {
		if p.dead[i] {
			continue
		}
		took, err := instance.CPU()
		if err != nil {
			return 0, err
		}
		all += took
	}
	return all, nil
}

// close ends all instances, the last started first.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for i, instance := range slices.Backward(p.instances) {
		if !p.dead[i] {
			errs = append(errs, instance.Stop())
		}
	}
	return errors.Join(errs...)
}
