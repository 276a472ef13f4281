package natsgrpc

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAHandOverNamesARequestAndADeliveryOfItsQueue(t *testing.T) {
	queue := Queue{
		Stream:   jetstream.StreamConfig{Name: "CMD_svc_0"},
		Consumer: jetstream.ConsumerConfig{Durable: "workers"},
	}
	for ack, want := range map[string]bool{
		"$JS.ACK.CMD_svc_0.workers.1.2.3.4.5":               true,
		"$JS.ACK.hub.hash.CMD_svc_0.workers.1.2.3.4.5":      true,
		"$JS.ACK.hub.hash.CMD_svc_0.workers.1.2.3.4.5.more": true,

		"$JS.ACK.CMD_svc_0.workers":                    false,
		"$JS.ACK.CMD_svc_0.workers.0.2.3.4.5":          false,
		"$JS.ACK.CMD_svc_0.workers.x.2.3.4.5":          false,
		"$JS.ACK.CMD_svc_0.others.1.2.3.4.5":           false,
		"$JS.ACK.QRY_svc_0.workers.1.2.3.4.5":          false,
		"$JS.ACK.hub.hash.QRY_svc_0.workers.1.2.3.4.5": false,
		"$JS.API.STREAM.DELETE.CMD_svc_0":              false,
		"rsp.svc.id.conn":                              false,
		"x":                                            false,
	} {
		request, reply := splitHandOver(offerSubject("svc", "server", "n") + ".cmd.svc.0.Method.id." + ack)
		require.Equal(t, "cmd.svc.0.Method.id", request)
		require.Equal(t, ack, reply)
		require.Equal(t, want, isDelivery(reply, queue), ack)
	}
	request, reply := splitHandOver("hand.svc.server.n.cmd.svc.0.Method.id")
	require.Empty(t, request+reply)
}

// What a server says that offers slots is where requests are published.
func TestAnOfferNamesASubjectOfItsService(t *testing.T) {
	for subject, want := range map[string]bool{
		"hand.svc.server.1": true,

		"":                             false,
		"hand":                         false,
		"hand.svc.server":              false,
		"hand.svc.server.1.x":          false,
		"hand.svc.*.1":                 false,
		"hand.svc.server.>":            false,
		"hand.svc..1":                  false,
		"hand.other.server.1":          false,
		"rsp.svc.server.1":             false,
		"$JS.API.STREAM.DELETE.x":      false,
		"hand.svc." + long + ".1":      false,
		"hand.svc.server.1\r\nPUB x 0": false,
	} {
		require.Equal(t, want, isOfferSubject("svc", subject), subject)
	}
}

var long = strings.Repeat("x", 129)
