package cluster

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack"
	"github.com/codingflow/rating/proxy/operations"
)

const (
	// account is the Account that all streams and consumers name: NACK connects to server, as the user in secret.
	account = "nats"
	server  = "nats://nats.rating.svc.cluster.local:4222" // NACK is in another namespace
	secret  = "nats-nack"
	seed    = "seed"
)

const queuesHeader = `# Made by ` + "`go run ./tools/dev generate`" + ` of the options in the protos; do not edit.
#
# The streams and consumers that NACK makes. Deleting one of these resources deletes nothing in NATS (preventDelete). Replicas
# are the least there must be: the component replicated raises them.
`

// queues returns the resources of all that dev up makes by itself: the queues of services, the streams that they share, and the
// proxy's bucket of operations.
func queues(served []serving) ([]byte, error) {
	var services []protoreflect.ServiceDescriptor
	for _, program := range served {
		services = append(services, program.services...)
	}
	metadata := nack.Metadata{Labels: map[string]string{"app.kubernetes.io/component": "queues"}}
	named := metadata
	named.Name = account
	resources := []nack.Resource{nack.Account(named, secret, seed, server)}
	for _, config := range append(natsgrpc.Streams(services...), operations.Stream()) {
		stream, err := nack.Stream(metadata, account, config)
		if err != nil {
			return nil, err
		}
		resources = append(resources, stream)
	}
	for _, service := range services {
		for _, queue := range natsgrpc.Queues(service) {
			stream, err := nack.Stream(metadata, account, queue.Stream)
			if err != nil {
				return nil, err
			}
			consumer, err := nack.Consumer(metadata, account, queue.Stream.Name, queue.Consumer)
			if err != nil {
				return nil, err
			}
			resources = append(resources, stream, consumer)
		}
	}
	text, err := nack.Encode(resources...)
	return append([]byte(queuesHeader), text...), err
}
