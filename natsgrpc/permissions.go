package natsgrpc

import (
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proto/descriptors"
)

// Permissions are the subjects that a NATS user may use; everything else is denied to it. Written into the server's
// configuration, or into the user's JWT, they are the least that a component can work with.
//
// They are no wall between users of one account who mean harm. NATS does not check reply subjects, and JetStream publishes
// its answers with its own rights: who may pull from one queue can have the "no messages" of that pull delivered to any
// subject, $JS.API.STREAM.DELETE.<stream> or the answer to another's call included. Services that do not trust each other
// need accounts of their own.
type Permissions struct {
	// Publish and Subscribe are subjects, which may have wildcards.
	Publish, Subscribe []string
	// Responses lets the user answer to the reply subject of a message that it got, once, within a minute.
	Responses bool
}

// ServerPermissions returns what a [Server] of services needs that verifies its queues ([WithVerifyOnly]): to look at and
// pull from its own queues, to acknowledge what it pulled or to hand it to another server of the service, to answer for its
// own services, and to publish their descriptors ([WithPublishedDescriptors]). It can neither read nor write another service's queue, nor create, change or
// delete a stream or a consumer, nor read a message directly, but for its own services' answers, the parts of their large
// messages and their descriptors.
//
// The connection's inboxes must begin with inbox (nats.CustomInboxPrefix), which no other user may subscribe to.
func ServerPermissions(inbox string, services ...protoreflect.ServiceDescriptor) Permissions {
	p := Permissions{Subscribe: []string{inbox + ".>"}, Responses: true}
	registryStream := registry.Stream().Name
	streams := []string{responsesStream, deadStream, partsStream, registryStream}
	for _, service := range services {
		token, published := descriptors.Token(service.FullName()), registry.Subjects(service.FullName())
		p.Publish = append(p.Publish, "rsp."+token+".>", "rep."+token+".>", "dead."+token+".>", "part."+token+".>",
			"seek."+token+".>", "hand."+token+".>",
			directGet(partsStream, "part."+token+".>"), directGet(responsesStream, "rsp."+token+".>"),
			published, directGet(registryStream, published))
		p.Subscribe = append(p.Subscribe, aliveSubject(token), cancelSubject(token), "str."+token+".>", "seek."+token+".>", "hand."+token+".>")
		for _, queue := range Queues(service) {
			consumer := queue.Stream.Name + "." + queue.Consumer.Durable
			streams = append(streams, queue.Stream.Name)
			p.Publish = append(p.Publish,
				jetstream.DefaultAPIPrefix+"CONSUMER.MSG.NEXT."+consumer,
				jetstream.DefaultAPIPrefix+"CONSUMER.INFO."+consumer,
				"$JS.ACK."+consumer+".>",
				"$JS.ACK.*.*."+consumer+".>") // with the domain and the account's hash, as newer servers have it
		}
	}
	for _, stream := range streams {
		p.Publish = append(p.Publish, jetstream.DefaultAPIPrefix+"STREAM.INFO."+stream)
	}
	return p.sorted()
}

// ConnPermissions returns what a [Conn] needs that calls services: to put requests into their queues, to look up where
// these are, and to receive answers. It can neither pull nor answer, nor look at another service's messages.
//
// The subjects of answers name the connection, not the user, so a user with these permissions could receive the answers
// to other connections' calls of the same services.
func ConnPermissions(inbox string, services ...protoreflect.ServiceDescriptor) Permissions {
	p := Permissions{Subscribe: []string{inbox + ".>", "rsp.*.*.*", "rep.*.*.*"}}
	for _, service := range services {
		token := descriptors.Token(service.FullName())
		p.Publish = append(p.Publish, "str."+token+".>", "part."+token+".>", aliveSubject(token), cancelSubject(token),
			directGet(responsesStream, "rsp."+token+".>"), directGet(partsStream, "part."+token+".>"))
		for _, queue := range Queues(service) {
			p.Publish = append(p.Publish, queue.Stream.Subjects...)
			if queue.kind == command {
				p.Publish = append(p.Publish, directGet(queue.Stream.Name, queue.Stream.Subjects[0]))
			}
		}
	}
	return p.sorted()
}

// ProxyPermissions returns what a [Conn] needs that calls whatever services there are, those that come later too, beside a
// registry.Watcher that finds them: ConnPermissions for all services, and to read their descriptors, for which it makes
// consumers of the bucket. It can write no descriptors.
func ProxyPermissions(inbox string) Permissions {
	descriptors := registry.Stream().Name
	return Permissions{
		Subscribe: []string{inbox + ".>", "rsp.*.*.*", "rep.*.*.*"},
		Publish: []string{
			"qry.>", "cmd.>", "str.>", "part.>", "alive.*", "cancel.*",
			directGet(responsesStream, "rsp.>"), directGet(partsStream, "part.>"), directGet("*", "cmd.>"),
			jetstream.DefaultAPIPrefix + "STREAM.INFO." + descriptors,
			jetstream.DefaultAPIPrefix + "CONSUMER.CREATE." + descriptors + ".>",
			jetstream.DefaultAPIPrefix + "CONSUMER.DELETE." + descriptors + ".>",
			"$JS.FC." + descriptors + ".>", // the flow control of a consumer
		},
	}.sorted()
}

// InDomain returns the permissions of a user whose streams are in a JetStream domain ([WithJetStreamDomain]), not in the
// one that the user connects to.
func (p Permissions) InDomain(domain string) Permissions {
	publish := make([]string, len(p.Publish))
	for i, subject := range p.Publish {
		publish[i] = subject
		if rest, api := strings.CutPrefix(subject, jetstream.DefaultAPIPrefix); api {
			publish[i] = domainOption(domain).api() + rest
		} else if domain != "" && strings.HasPrefix(subject, "$KV.") { // what NATS has for buckets of another domain
			publish[i] = domainOption(domain).api() + subject
		}
	}
	p.Publish = publish
	return p.sorted()
}

// directGet is where the last message of a stream on a subject is asked for.
func directGet(stream, subject string) string {
	return jetstream.DefaultAPIPrefix + "DIRECT.GET." + stream + "." + subject
}

func (p Permissions) sorted() Permissions {
	slices.Sort(p.Publish)
	slices.Sort(p.Subscribe)
	return p
}
