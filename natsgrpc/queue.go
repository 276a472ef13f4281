package natsgrpc

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proto/descriptors"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
)

// The defaults of a queue, as natsgrpc.v1.Queue states them.
const (
	defaultReplicas      = 1
	defaultMaxPending    = 10_000
	defaultMaxBytes      = 64 << 20
	defaultQueryMaxAge   = 2 * time.Minute
	defaultCommandMaxAge = 24 * time.Hour
	defaultAckWait       = 5 * time.Second
	minAckWait           = time.Second
)

const (
	// consumerName is the name of each queue's only consumer.
	consumerName = "workers"
	// maxDuplicateWindow and duplicateMargin bound the window in which a repeated publish is known as one: the longest time
	// that a caller of the queue repeats a request without a PubAck. It carries no idempotency, and costs the NATS server some
	// hundred bytes of memory for each command in it.
	maxDuplicateWindow = 2 * time.Minute
	duplicateMargin    = 10 * time.Second
	// maxWaitingPulls is how many pulls may wait at a queue. A server has about five out at a time.
	maxWaitingPulls = 4096
)

// The stream that keeps the answers to commands.
const (
	responsesStream   = "RESPONSES"
	responsesMaxAge   = time.Hour
	responsesMaxBytes = 1 << 30
)

// Queue is the stream and the consumer of one of a service's two queues.
type Queue struct {
	Stream   jetstream.StreamConfig
	Consumer jetstream.ConsumerConfig

	kind    kind
	service string // the service's subject token
	shard   string
	methods map[string]*method
}

// slots is the share of a service's slots that a worker of this queue has: the shards divide them, and each has at least one.
func (q Queue) slots(all int) int {
	shards := 1
	for _, m := range q.methods {
		shards = m.shards
	}
	return (all + shards - 1) / shards
}

// Queues computes the queues of a service from its options: those of its queries and then those of its commands, each
// only if the service has such methods, and one for each shard. With [Streams] it is all that a cluster must have for a
// service: everything that creates, renders or verifies streams and consumers uses these two.
func Queues(service protoreflect.ServiceDescriptor) []Queue {
	delivery := serviceDeliveryOf(service)
	var queues []Queue
	for _, k := range []kind{query, command} {
		methods := map[string]*method{}
		for i := range service.Methods().Len() {
			if m := newMethod(service.Methods().Get(i)); m.kind == k {
				methods[m.name] = m
			}
		}
		if len(methods) == 0 {
			continue
		}
		options := queueOptions(delivery, k)
		for shard := range shardsOf(options) {
			queues = append(queues, newQueue(k, descriptors.Token(service.FullName()), strconv.Itoa(shard), options, methods))
		}
	}
	return queues
}

func newQueue(k kind, service, shard string, options *natsgrpcv1.Queue, methods map[string]*method) Queue {
	stream := jetstream.StreamConfig{
		Name:        streamName(k, service, shard),
		Description: "Pending calls, managed by natsgrpc",
		Subjects:    []string{string(k) + "." + service + "." + shard + ".>"},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     defaultMaxPending,
		MaxBytes:    defaultMaxBytes,
		MaxAge:      maxAgeOf(options, k),
		Replicas:    defaultReplicas,
		AllowDirect: true, // "pending" is a look-up of the request's subject

		MaxMsgsPerSubject:    1,
		DiscardNewPerSubject: true,
	}
	if k == query {
		stream.Storage = jetstream.MemoryStorage
		stream.AllowMsgTTL = true
	} else {
		stream.Storage = jetstream.FileStorage
	}
	switch options.GetStorage() {
	case natsgrpcv1.Storage_STORAGE_UNSPECIFIED:
	case natsgrpcv1.Storage_STORAGE_FILE:
		stream.Storage = jetstream.FileStorage
	case natsgrpcv1.Storage_STORAGE_MEMORY:
		stream.Storage = jetstream.MemoryStorage
	}
	if n := options.GetReplicas(); n > 0 {
		stream.Replicas = int(n)
	}
	if n := options.GetMaxPending(); n > 0 {
		stream.MaxMsgs = int64(n)
	}
	if n := options.GetMaxBytes(); n > 0 {
		stream.MaxBytes = int64(n)
	}
	var longest time.Duration   // that a caller repeats a request
	for _, m := range methods { // a request must not vanish before its caller gives up
		longest = max(longest, m.timeout, claimTimeout)
		stream.MaxAge = max(stream.MaxAge, m.timeout)
	}
	stream.Duplicates = min(longest+duplicateMargin, maxDuplicateWindow, stream.MaxAge)
	ackWait := defaultAckWait
	if d := options.GetAckWait().AsDuration(); d > 0 {
		ackWait = max(d, minAckWait)
	}
	return Queue{
		Stream: stream,
		Consumer: jetstream.ConsumerConfig{
			Durable:       consumerName,
			Description:   "The pulling workers, managed by natsgrpc",
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       ackWait,
			MaxDeliver:    -1, // natsgrpc counts the attempts: JetStream would leave the message in the queue for ever
			MaxAckPending: -1, // what is out is bounded by the workers' slots
			MaxWaiting:    maxWaitingPulls,
		},
		kind:    k,
		service: service,
		shard:   shard,
		methods: methods,
	}
}

// maxAgeOf returns how long a queue keeps a request; the longest timeout of its methods may make that longer.
func maxAgeOf(options *natsgrpcv1.Queue, k kind) time.Duration {
	if d := options.GetMaxAge().AsDuration(); d > 0 {
		return d
	}
	if k == query {
		return defaultQueryMaxAge
	}
	return defaultCommandMaxAge
}

// streamName is the name of a queue's stream: QRY_rating_v1_UserService_0.
func streamName(k kind, service, shard string) string {
	prefix := "QRY_"
	if k == command {
		prefix = "CMD_"
	}
	return prefix + service + "_" + shard
}

// Streams returns the streams that services share, whatever their number: those of answers, of dead letters and of parts,
// and the bucket of descriptors. They have as many replicas as the queue of commands that has the most, so that an answer is
// as safe as its command.
func Streams(services ...protoreflect.ServiceDescriptor) []jetstream.StreamConfig {
	streams := []jetstream.StreamConfig{Responses(), Dead(), Parts(), registry.Stream()}
	for _, service := range services {
		for _, queue := range Queues(service) {
			if queue.kind != command {
				continue
			}
			for i := range streams {
				streams[i].Replicas = max(streams[i].Replicas, queue.Stream.Replicas)
			}
		}
	}
	return streams
}

// The stream of the commands that were given up.
const (
	deadStream   = "DEAD"
	deadMaxAge   = 7 * 24 * time.Hour
	deadMaxBytes = 256 << 20
)

// Dead is the stream of dead letters: the commands of all services whose every attempt failed. They are kept for a week,
// in at most 256 MiB; see [DeadLetters].
func Dead() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              deadStream,
		Description:       "Commands that were given up, managed by natsgrpc",
		Subjects:          []string{"dead.>"},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		Storage:           jetstream.FileStorage,
		MaxAge:            deadMaxAge,
		MaxBytes:          deadMaxBytes,
		MaxMsgsPerSubject: 1,
		Replicas:          defaultReplicas,
		Duplicates:        maxDuplicateWindow,
	}
}

// Responses is the stream that keeps the answers to the commands of all services. It discards the oldest when it is
// full, so a full one never stops a service.
func Responses() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        responsesStream,
		Description: "Answers to commands, managed by natsgrpc",
		Subjects:    []string{"rsp.>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		MaxAge:      responsesMaxAge,
		MaxBytes:    responsesMaxBytes,
		Replicas:    defaultReplicas,
		Duplicates:  maxDuplicateWindow,
		AllowDirect: true,
		AllowMsgTTL: true, // of answers that are to be kept for less

		MaxMsgsPerSubject: 1, // a replay's answer replaces the kept one
	}
}

// The stream of the parts of messages that are too large for one.
const (
	partsStream   = "PARTS"
	partsMaxAge   = deadMaxAge + defaultCommandMaxAge // a dead letter may refer to them, and be replayed
	partsMaxBytes = 512 << 20
)

// Parts is the stream that holds the bodies of requests, and of answers to commands, that are larger than the NATS server's
// max_payload, in parts. Whoever has read a request frees its parts at once. Those of answers expire with them. A full
// stream refuses, so that no pending request loses a part.
func Parts() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        partsStream,
		Description: "Parts of large messages, managed by natsgrpc",
		Subjects:    []string{"part.>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxAge:      partsMaxAge,
		MaxBytes:    partsMaxBytes,
		Replicas:    defaultReplicas,
		Duplicates:  maxDuplicateWindow,
		AllowDirect: true,
		AllowMsgTTL: true,

		MaxMsgsPerSubject: 1, // an empty message frees a part
	}
}
