package natsgrpc

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
)

// The defaults of a method's delivery, as natsgrpc.v1.MethodDelivery states them.
const (
	defaultTimeout  = 10 * time.Second
	defaultAttempts = 5
	defaultBackoff  = 100 * time.Millisecond

	// minKeepAnswer is the least that JetStream counts.
	minKeepAnswer = time.Second
	// maxShards bounds the streams of one queue.
	maxShards = 256

	// maxBackoffDoublings bounds the wait between attempts to 32 times the first one.
	maxBackoffDoublings = 5
)

// Descriptors finds the descriptors of services, by full name; *protoregistry.Files is one. What it finds may change while
// calls are made: each call is by what it finds when the call begins. Where it finds a method, "pkg.Service.Method", that
// the service it finds does not have, it is one that only an older version of the service serves.
type Descriptors interface {
	FindDescriptorByName(protoreflect.FullName) (protoreflect.Descriptor, error)
}

// method is what the transport knows of an RPC.
type method struct {
	descriptor  protoreflect.MethodDescriptor
	service     string // the service's subject token
	queue       string // the name of its queue's first shard, for backlogs
	name        string
	fullName    string // "/pkg.Service/Method"
	kind        kind
	streaming   bool
	shards      int
	scaleToZero bool          // the service may have no worker for a while
	timeout     time.Duration // 0 for none
	attempts    int
	backoff     time.Duration
	keep        time.Duration // how long an answer is kept, 0 for as long as the stream of answers does

	prompt promptness    // of the answers that a Conn got
	maxAge time.Duration // how long its queue keeps a request, at least
}

// shard is the shard of the queue that holds a call: the FNV-1a hash of its id, modulo the number of shards.
func (m *method) shard(id string) string {
	if m.shards <= 1 {
		return "0"
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // never fails
	return strconv.Itoa(int(hash.Sum32() % uint32(m.shards)))
}

// newMethod reads a method's delivery from its descriptor.
func newMethod(md protoreflect.MethodDescriptor) *method {
	delivery := deliveryOf(md)
	service := serviceDeliveryOf(md.Parent())
	m := &method{
		descriptor: md,

		service:   descriptors.Token(md.Parent().FullName()),
		name:      string(md.Name()),
		fullName:  "/" + string(md.Parent().FullName()) + "/" + string(md.Name()),
		kind:      kindOf(md),
		streaming: md.IsStreamingClient() || md.IsStreamingServer(),
		timeout:   defaultTimeout,
		attempts:  defaultAttempts,
		backoff:   defaultBackoff,

		scaleToZero: service.GetScaleToZero(),
	}
	m.queue = queueName(m.kind, m.service, "0")
	options := queueOptions(service, m.kind)
	m.shards, m.maxAge = shardsOf(options), maxAgeOf(options, m.kind)
	if m.streaming { // a stream may go on for as long as both ends want
		m.timeout = 0
	}
	if d := delivery.GetTimeout().AsDuration(); d > 0 {
		m.timeout = d
	}
	if n := delivery.GetAttempts(); n > 0 {
		m.attempts = int(n)
	}
	if d := delivery.GetBackoff().AsDuration(); d > 0 {
		m.backoff = d
	}
	if d := delivery.GetKeepAnswer().AsDuration(); d > 0 {
		m.keep = min(max(d, minKeepAnswer), responsesMaxAge)
	}
	return m
}

// backoffAfter is the wait after a failed attempt, counted from 1, without jitter.
func (m *method) backoffAfter(attempt int) time.Duration {
	return m.backoff << min(max(attempt-1, 0), maxBackoffDoublings)
}

// kindOf tells queries, the methods without side effects, from commands.
func kindOf(md protoreflect.MethodDescriptor) kind {
	if descriptors.IsQuery(md) {
		return query
	}
	return command
}

// deliveryOf returns a method's natsgrpc.v1.method option, nil if it has none.
func deliveryOf(md protoreflect.MethodDescriptor) *natsgrpcv1.MethodDelivery {
	options, _ := descriptors.Options(md) // unreadable ones count as none
	delivery, _ := proto.GetExtension(options, natsgrpcv1.E_Method).(*natsgrpcv1.MethodDelivery)
	return delivery
}

// serviceDeliveryOf returns a service's natsgrpc.v1.service option, nil if it has none.
func serviceDeliveryOf(service protoreflect.Descriptor) *natsgrpcv1.ServiceDelivery {
	options, _ := descriptors.Options(service) // unreadable ones count as none
	delivery, _ := proto.GetExtension(options, natsgrpcv1.E_Service).(*natsgrpcv1.ServiceDelivery)
	return delivery
}

// queueOptions returns the options of one of a service's queues.
func queueOptions(service *natsgrpcv1.ServiceDelivery, k kind) *natsgrpcv1.Queue {
	if k == command {
		return service.GetCommands()
	}
	return service.GetQueries()
}

// shardsOf returns the number of shards of a queue.
func shardsOf(options *natsgrpcv1.Queue) int {
	return min(max(1, int(options.GetShards())), maxShards)
}

// methods finds methods by the names that generated clients use, and remembers what it has made of their descriptors. It is safe for concurrent use.
type methods struct {
	descriptors Descriptors
	known       sync.Map // full method name, as in "/pkg.Service/Method" → *method
}

// find returns the method of a full name, "/pkg.Service/Method".
func (ms *methods) find(fullName string) (*method, error) {
	service, name, ok := strings.Cut(strings.TrimPrefix(fullName, "/"), "/")
	if !ok {
		return nil, fmt.Errorf("malformed method name %q", fullName)
	}
	md, err := ms.descriptor(service, name)
	if err != nil {
		return nil, err
	}
	if known, ok := ms.known.Load(fullName); ok && known.(*method).descriptor == md {
		return known.(*method), nil
	}
	found := newMethod(md)
	ms.known.Store(fullName, found)
	return found, nil
}

// descriptor returns the descriptor of a method.
func (ms *methods) descriptor(service, name string) (protoreflect.MethodDescriptor, error) {
	found, err := ms.service(service)
	if err != nil {
		return nil, err
	}
	if md := found.Methods().ByName(protoreflect.Name(name)); md != nil {
		return md, nil
	}
	older, _ := ms.descriptors.FindDescriptorByName(found.FullName().Append(protoreflect.Name(name)))
	if md, ok := older.(protoreflect.MethodDescriptor); ok {
		return md, nil
	}
	return nil, fmt.Errorf("unknown method %s for service %s", name, service)
}

// service returns the descriptor of a service.
func (ms *methods) service(name string) (protoreflect.ServiceDescriptor, error) {
	descriptor, err := ms.descriptors.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("unknown service %s", name)
	}
	service, ok := descriptor.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a service", name)
	}
	return service, nil
}
