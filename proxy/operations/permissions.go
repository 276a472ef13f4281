package operations

import (
	"github.com/nats-io/nats.go/jetstream"

	"github.com/codingflow/rating/natsgrpc"
)

// Permissions returns what a proxy's NATS user needs for operations, beside natsgrpc.ConnPermissions for the same inbox: to
// read and write the records in their bucket, which somebody else has made (see [Stream]).
func Permissions(inbox string) natsgrpc.Permissions {
	const api = jetstream.DefaultAPIPrefix
	return natsgrpc.Permissions{
		Publish: []string{
			prefix + ">",
			api + "DIRECT.GET." + streamName,
			api + "DIRECT.GET." + streamName + "." + prefix + ">",
			api + "STREAM.INFO." + streamName,
		},
		Subscribe: []string{inbox + ".>"},
	}
}
