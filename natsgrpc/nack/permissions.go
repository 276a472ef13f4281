package nack

import (
	"github.com/nats-io/nats.go/jetstream"

	"github.com/codingflow/rating/natsgrpc"
)

// Permissions returns what the NATS user of NACK's controller needs in an account: to look at, make and update streams and
// consumers. It may delete none of them, and neither read, write nor remove a message by itself; but who may make a consumer can
// have it deliver what is in a stream to any subject.
//
// It owns the inboxes below _INBOX, so no other user of the account should have any there.
func Permissions() natsgrpc.Permissions {
	const api = jetstream.DefaultAPIPrefix
	return natsgrpc.Permissions{
		Publish: []string{
			api + "CONSUMER.CREATE.*.>", api + "CONSUMER.INFO.*.*",
			api + "STREAM.CREATE.*", api + "STREAM.INFO.*", api + "STREAM.UPDATE.*",
		},
		Subscribe: []string{"_INBOX.>"},
	}
}
