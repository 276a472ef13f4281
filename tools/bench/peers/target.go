package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/tools/bench/barequeue"
)

// kinds are the kinds of calls that the lab makes: a query reads a rating, a command creates one.
var kinds = []struct {
	name    string
	queue   barequeue.Kind
	request string // its name in requests
}{
	{string(barequeue.Query), barequeue.Query, "get"},
	{string(barequeue.Command), barequeue.Command, "create"},
}

// instances is how many processes of the service, or workers, each target has.
const instances = 2

// The names of targets. The ratios of times and rates refer to the bare queue's, those of the front's CPU time to the proxy's.
const (
	bareTarget  = "bare queue"
	boundTarget = "HTTP bare" // the least that a proxy before the queue can cost; no peer
	proxyTarget = "proxy"
)

// targetNames are the targets' names, in the order of tables. Those of fronts are their roles. All but the bare queue have a
// front.
var targetNames = append([]string{bareTarget, boundTarget}, fronts...)

// target is one of the systems that are compared.
type target struct {
	name string
	// processes are those that take part, by what they are in measurements; the generator is not among them.
	processes map[string]*process
	// call makes a call of each kind and returns its answer.
	call map[string]roundTrip
	// json is the answer as JSON.
	json func([]byte) ([]byte, error)
}

// bench is all targets, side by side.
type bench struct {
	fleet   fleet
	senders []*sender
	nc      *nats.Conn
	targets []*target // in the order of targetNames
}

func newBench(ctx context.Context, dir string, payload int) (*bench, error) {
	b := &bench{}
	if err := b.start(ctx, dir, payload); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// close ends everything.
func (b *bench) close() error {
	for _, s := range b.senders {
		s.close()
	}
	if b.nc != nil {
		b.nc.Close()
	}
	return b.fleet.stop()
}

func (b *bench) start(ctx context.Context, dir string, payload int) error {
	server, err := b.fleet.start(ctx, "nats", "--store="+dir)
	if err != nil {
		return err
	}
	if b.nc, err = nats.Connect(server.address); err != nil {
		return err
	}
	if err := b.bare(ctx, server, payload); err != nil {
		return err
	}
	nats := "--nats=" + server.address
	queued, err := b.services(ctx, "nats-service", payload, nats)
	if err != nil {
		return err
	}
	direct, err := b.services(ctx, "grpc-service", payload)
	if err != nil {
		return err
	}
	for _, name := range fronts {
		services, arguments := direct, []string{"--grpc=" + direct[0].address, "--grpc=" + direct[1].address}
		if name == proxyTarget {
			services, arguments = queued, []string{nats}
		}
		t := newTarget(name, services)
		t.json = func(answer []byte) ([]byte, error) { return answer, nil }
		if name == proxyTarget {
			t.processes[natsPart] = server
		}
		if err := b.front(ctx, t, name, payload, arguments...); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		if err := b.agree(ctx, kind.name); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	return nil
}

// agree checks that all targets answer a kind of call alike, so that they do the same work.
func (b *bench) agree(ctx context.Context, kind string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var all []answerer
	for _, t := range b.targets {
		all = append(all, answerer{t.name, func(ctx context.Context) ([]byte, error) {
			answer, err := t.call[kind](ctx)
			if err != nil {
				return nil, err
			}
			return t.json(answer)
		}})
	}
	return agree(ctx, all)
}

// services starts the instances of a role.
func (b *bench) services(ctx context.Context, role string, payload int, arguments ...string) ([]*process, error) {
	var all []*process
	for range instances {
		p, err := b.fleet.start(ctx, role, slices.Concat(arguments, []string{"--payload=" + strconv.Itoa(payload)})...)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func newTarget(name string, services []*process) *target {
	return &target{
		name:      name,
		processes: map[string]*process{servicePart1: services[0], servicePart2: services[1]},
		call:      map[string]roundTrip{},
	}
}

// front starts a target's front, to which its calls go by HTTP, and adds the target.
func (b *bench) front(ctx context.Context, t *target, role string, payload int, arguments ...string) error {
	front, err := b.fleet.start(ctx, role, arguments...)
	if err != nil {
		return err
	}
	t.processes[frontPart] = front
	sender, err := newSender(front.address, maxInFlight)
	if err != nil {
		return err
	}
	b.senders = append(b.senders, sender)
	for _, kind := range kinds {
		request := requestNamed(kind.request, payload)
		t.call[kind.name] = func(ctx context.Context) ([]byte, error) { return sender.send(ctx, request) }
	}
	b.targets = append(b.targets, t)
	return nil
}

// bare makes the bare queues, whose requester is in this process, and the front before them. They share the workers.
func (b *bench) bare(ctx context.Context, server *process, payload int) error {
	js, err := jetstream.New(b.nc)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if err := barequeue.Create(ctx, js, kind.queue); err != nil {
			return err
		}
	}
	nats, size := "--nats="+server.address, "--payload="+strconv.Itoa(payload)
	workers, err := b.services(ctx, "bare-worker", payload, nats)
	if err != nil {
		return err
	}
	queue, bound := newTarget(bareTarget, workers), newTarget(boundTarget, workers)
	for _, t := range []*target{queue, bound} {
		t.processes[natsPart] = server
		t.json = ratingJSON
	}
	if queue.call, err = bareCalls(b.nc, payload); err != nil {
		return err
	}
	b.targets = append(b.targets, queue)
	return b.front(ctx, bound, bareFrontRole, payload, nats, size)
}

// ratingJSON turns a rating from protobuf into JSON.
func ratingJSON(answer []byte) ([]byte, error) {
	var rating ratingv1.Rating
	if err := proto.Unmarshal(answer, &rating); err != nil {
		return nil, err
	}
	return protojson.Marshal(&rating)
}
