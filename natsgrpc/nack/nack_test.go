package nack_test

import (
	"reflect"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack"
	"github.com/codingflow/rating/natsgrpc/nack/nacktest"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

var echo = pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService")

func TestWhatNACKMakesOfTheResourcesIsWhatServicesVerify(t *testing.T) {
	resources := []nack.Resource{nack.Account(nack.Metadata{Name: "nats"}, "nats-nack", "seed", "nats://nats:4222")}
	for _, config := range natsgrpc.Streams(echo) {
		resource, err := nack.Stream(nack.Metadata{}, "nats", config)
		require.NoError(t, err)
		resources = append(resources, resource)
	}
	for _, queue := range natsgrpc.Queues(echo) {
		stream, err := nack.Stream(nack.Metadata{}, "nats", queue.Stream)
		require.NoError(t, err)
		consumer, err := nack.Consumer(nack.Metadata{}, "nats", queue.Stream.Name, queue.Consumer)
		require.NoError(t, err)
		resources = append(resources, stream, consumer)
	}
	text, err := nack.Encode(resources...)
	require.NoError(t, err)

	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.ErrorIs(t, natsgrpc.Verify(t.Context(), js, echo), natsgrpc.ErrQueues)
	names := nacktest.Apply(t, nc, text)
	require.NoError(t, natsgrpc.Verify(t.Context(), js, echo))
	nacktest.Apply(t, nc, text) // again, as an update
	require.NoError(t, natsgrpc.Verify(t.Context(), js, echo))
	require.Equal(t, []string{
		"Account nats", "Stream responses", "Stream dead", "Stream parts", "Stream kv-descriptors",
		"Stream qry-natsgrpctest-v1-echoservice-0", "Consumer qry-natsgrpctest-v1-echoservice-0-workers",
		"Stream cmd-natsgrpctest-v1-echoservice-0", "Consumer cmd-natsgrpctest-v1-echoservice-0-workers",
	}, names)
}

// Each setting of JetStream's is in the resource, or refused.
func TestNoSettingIsDroppedInSilence(t *testing.T) {
	text := func(resource nack.Resource, err error) (string, error) {
		if err != nil {
			return "", err
		}
		encoded, err := nack.Encode(resource)
		return string(encoded), err
	}
	stream := func(c jetstream.StreamConfig) (string, error) { return text(nack.Stream(nack.Metadata{}, "nats", c)) }
	consumer := func(c jetstream.ConsumerConfig) (string, error) {
		return text(nack.Consumer(nack.Metadata{}, "nats", "QUEUE", c))
	}
	t.Run("stream", func(t *testing.T) {
		eachSetting(t, jetstream.StreamConfig{Name: "STREAM"}, stream, "nack: stream STREAM: ", map[string]bool{
			"Name": true, "Description": true, "Subjects": true, "Retention": true, "MaxMsgs": true, "MaxBytes": true, "Discard": true,
			"DiscardNewPerSubject": true, "MaxAge": true, "MaxMsgsPerSubject": true, "MaxMsgSize": true, "Storage": true, "Replicas": true,
			"Duplicates": true, "DenyDelete": true, "DenyPurge": true, "AllowRollup": true, "AllowDirect": true, "AllowMsgTTL": true,
			"SubjectDeleteMarkerTTL": true,
		})
	})
	t.Run("consumer", func(t *testing.T) {
		eachSetting(t, jetstream.ConsumerConfig{Durable: "workers"}, consumer, "nack: consumer workers of stream QUEUE: ", map[string]bool{
			"Durable": true, "Description": true, "AckPolicy": true, "AckWait": true, "MaxDeliver": true, "BackOff": true,
			"FilterSubject": true, "MaxWaiting": true, "MaxAckPending": true, "DeliverPolicy": true, "FilterSubjects": true, "DeliverSubject": true,
		})
	})
}

// eachSetting renders base with one setting changed after the other.
func eachSetting[C any](t *testing.T, base C, render func(C) (string, error), refused string, carried map[string]bool) {
	plain, err := render(base)
	require.NoError(t, err)
	for i := range reflect.TypeFor[C]().NumField() {
		changed := base
		field := reflect.ValueOf(&changed).Elem().Field(i)
		name := reflect.TypeFor[C]().Field(i).Name
		change(t, name, field)
		text, err := render(changed)
		if !carried[name] {
			require.EqualError(t, err, refused+name+" is not carried")
			continue
		}
		require.NoError(t, err, name)
		require.NotEqual(t, plain, text, name)
	}
}

// change sets a setting to another value than it has by default.
func change(t *testing.T, name string, field reflect.Value) {
	t.Helper()
	if field.Kind() == reflect.Struct {
		change(t, name, field.Field(0))
		return
	}
	other := 2 // than the least number of replicas
	if field.Type().PkgPath() != "" {
		other = 1 // a duration, or the second of an enumeration
	}
	switch {
	case field.Kind() == reflect.Bool:
		field.SetBool(true)
	case field.Kind() == reflect.String:
		field.SetString(field.String() + "x")
	case field.CanInt():
		field.SetInt(int64(other))
	case field.CanUint():
		field.SetUint(uint64(other))
	case field.Kind() == reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case field.Kind() == reflect.Map:
		field.Set(reflect.MakeMap(field.Type()))
	case field.Kind() == reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	default:
		require.Fail(t, "how is a setting of this kind changed?", "%s is a %v", name, field.Kind())
	}
}

func TestAPolicyThatNACKDoesNotKnowIsRefused(t *testing.T) {
	for want, config := range map[string]jetstream.StreamConfig{
		"nack: stream X: Retention 7 is not carried": {Name: "X", Retention: 7},
		"nack: stream X: Discard 7 is not carried":   {Name: "X", Discard: 7},
		"nack: stream X: Storage 7 is not carried":   {Name: "X", Storage: 7},
	} {
		_, err := nack.Stream(nack.Metadata{}, "nats", config)
		require.EqualError(t, err, want)
	}
	for want, config := range map[string]jetstream.ConsumerConfig{
		"nack: consumer x of stream X: DeliverPolicy 4 is not carried": {Durable: "x", DeliverPolicy: jetstream.DeliverByStartTimePolicy},
		"nack: consumer x of stream X: AckPolicy 7 is not carried":     {Durable: "x", AckPolicy: 7},
		"nack: a consumer of stream X has no durable name":             {},
	} {
		_, err := nack.Consumer(nack.Metadata{}, "nats", "X", config)
		require.EqualError(t, err, want)
	}
}
