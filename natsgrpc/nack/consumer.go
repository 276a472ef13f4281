package nack

import (
	"fmt"
	"reflect"

	"github.com/nats-io/nats.go/jetstream"
)

// consumerSpec is the part of a Consumer's spec that is rendered. What is left out where it is zero has JetStream's default.
type consumerSpec struct {
	Account       string `yaml:"account"`
	PreventDelete bool   `yaml:"preventDelete"`

	StreamName     string   `yaml:"streamName"`
	DurableName    string   `yaml:"durableName"`
	Description    string   `yaml:"description"`
	DeliverPolicy  string   `yaml:"deliverPolicy"`
	DeliverSubject string   `yaml:"deliverSubject,omitempty"`
	FilterSubject  string   `yaml:"filterSubject,omitempty"`
	FilterSubjects []string `yaml:"filterSubjects,omitempty"`
	AckPolicy      string   `yaml:"ackPolicy"`
	AckWait        string   `yaml:"ackWait"`
	BackOff        []string `yaml:"backoff,omitempty"`
	MaxDeliver     int      `yaml:"maxDeliver"`
	MaxAckPending  int      `yaml:"maxAckPending"`
	MaxWaiting     int      `yaml:"maxWaiting,omitempty"`
}

// Consumer returns a Consumer for the configuration of a durable consumer of a stream, which is to be valid for JetStream. The
// account is the name of an [Account]. The name in the metadata is made of both: qry-rating-v1-userservice-0-workers.
//
// Errors: a setting that a resource of this package does not carry; a consumer that is not durable.
func Consumer(metadata Metadata, account, stream string, config jetstream.ConsumerConfig) (Resource, error) {
	spec := consumerSpec{
		Account:        account,
		PreventDelete:  true,
		StreamName:     stream,
		DurableName:    config.Durable,
		Description:    config.Description,
		DeliverPolicy:  deliverPolicies[config.DeliverPolicy],
		DeliverSubject: config.DeliverSubject,
		FilterSubject:  config.FilterSubject,
		FilterSubjects: config.FilterSubjects,
		AckPolicy:      ackPolicies[config.AckPolicy],
		AckWait:        config.AckWait.String(),
		MaxDeliver:     int(unlimited(int64(config.MaxDeliver))),
		MaxAckPending:  config.MaxAckPending,
		MaxWaiting:     config.MaxWaiting,
	}
	for _, wait := range config.BackOff {
		spec.BackOff = append(spec.BackOff, wait.String())
	}
	switch {
	case config.Durable == "":
		return Resource{}, fmt.Errorf("nack: a consumer of stream %s has no durable name", stream)
	case spec.DeliverPolicy == "":
		return Resource{}, fmt.Errorf("nack: consumer %s of stream %s: DeliverPolicy %d is not carried", spec.DurableName, stream, config.DeliverPolicy)
	case spec.AckPolicy == "":
		return Resource{}, fmt.Errorf("nack: consumer %s of stream %s: AckPolicy %d is not carried", spec.DurableName, stream, config.AckPolicy)
	}
	for _, carried := range []any{
		&config.Durable, &config.Description, &config.DeliverPolicy, &config.DeliverSubject, &config.FilterSubject, &config.FilterSubjects,
		&config.AckPolicy, &config.AckWait, &config.BackOff, &config.MaxDeliver, &config.MaxAckPending, &config.MaxWaiting,
	} {
		reflect.ValueOf(carried).Elem().SetZero()
	}
	if err := nothingLeft(config); err != nil {
		return Resource{}, fmt.Errorf("nack: consumer %s of stream %s: %w", spec.DurableName, stream, err)
	}
	metadata.Name = label(stream + "-" + spec.DurableName)
	return Resource{apiVersion, "Consumer", metadata, spec}, nil
}

// Those that say all there is to say.
var (
	deliverPolicies = map[jetstream.DeliverPolicy]string{
		jetstream.DeliverAllPolicy: "all", jetstream.DeliverLastPolicy: "last", jetstream.DeliverNewPolicy: "new",
		jetstream.DeliverLastPerSubjectPolicy: "lastPerSubject",
	}
	ackPolicies = map[jetstream.AckPolicy]string{
		jetstream.AckExplicitPolicy: "explicit", jetstream.AckAllPolicy: "all", jetstream.AckNonePolicy: "none",
	}
)
