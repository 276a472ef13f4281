// Package nacktest does in tests what NACK's controller does in Kubernetes, so far as package nack renders its resources.
package nacktest

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	// timeout bounds a request to JetStream.
	timeout = 5 * time.Second
	// These are JetStream's error codes for what is missing.
	streamNotFound   = 10059
	consumerNotFound = 10014
)

// Apply makes or updates what the resources in a YAML stream say, over a connection that may do what NACK's may. It returns
// their kinds and names in order.
//
// It follows internal/controller of github.com/nats-io/nack at f6dad09 (after 0.22.4), with the defaults of its custom resource
// definitions and of the jsm.go that it uses. A resource with a field that is not known here fails the test, and so does one
// without preventDelete.
func Apply(t *testing.T, nc *nats.Conn, resources []byte) (names []string) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(string(resources)))
	for {
		var resource struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string `yaml:"kind"`
			Metadata   struct {
				Name string `yaml:"name"`
			} `yaml:"metadata"`
			Spec yaml.Node `yaml:"spec"`
		}
		err := decoder.Decode(&resource)
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(t, err)
		require.Equal(t, "jetstream.nats.io/v1beta2", resource.APIVersion)
		names = append(names, resource.Kind+" "+resource.Metadata.Name)
		switch resource.Kind {
		case "Stream":
			applyStream(t, nc, resource.Spec)
		case "Consumer":
			applyConsumer(t, nc, resource.Spec)
		default:
			require.Equal(t, "Account", resource.Kind)
		}
	}
}

func applyStream(t *testing.T, nc *nats.Conn, node yaml.Node) {
	t.Helper()
	spec := stream{Retention: "limits", MaxMsgs: -1, MaxBytes: -1, Discard: "old", MaxMsgSize: -1, Storage: "memory", Replicas: 1}
	decode(t, node, &spec)
	require.True(t, spec.PreventDelete)
	change := "STREAM.UPDATE."
	if request(t, nc, "STREAM.INFO."+spec.Name, nil, streamNotFound) {
		change = "STREAM.CREATE."
	}
	request(t, nc, change+spec.Name, struct {
		jetstream.StreamConfig
		Pedantic bool `json:"pedantic"` // JetStream refuses what it would change
	}{spec.config(t), true})
}

func applyConsumer(t *testing.T, nc *nats.Conn, node yaml.Node) {
	t.Helper()
	spec := consumer{DeliverPolicy: "all", AckPolicy: "none", AckWait: "1ns"}
	decode(t, node, &spec)
	require.True(t, spec.PreventDelete)
	name := spec.StreamName + "." + spec.DurableName
	request(t, nc, "CONSUMER.INFO."+name, nil, consumerNotFound)
	if spec.FilterSubject != "" {
		name += "." + spec.FilterSubject
	}
	request(t, nc, "CONSUMER.CREATE."+name, struct {
		Stream   string                   `json:"stream_name"`
		Config   jetstream.ConsumerConfig `json:"config"`
		Pedantic bool                     `json:"pedantic"`
	}{spec.StreamName, spec.config(t), true})
}

// decode decodes a spec, in which nothing may be that is not known.
func decode(t *testing.T, node yaml.Node, spec any) {
	t.Helper()
	text, err := yaml.Marshal(&node)
	require.NoError(t, err)
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(spec))
}

// request sends a request to JetStream's API. It reports whether JetStream has answered with the one error that may be.
func request(t *testing.T, nc *nats.Conn, subject string, body any, may ...jetstream.ErrorCode) bool {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
	}
	msg, err := nc.Request(jetstream.DefaultAPIPrefix+subject, data, timeout)
	require.NoError(t, err, subject)
	var response struct {
		Error *jetstream.APIError `json:"error"`
	}
	require.NoError(t, json.Unmarshal(msg.Data, &response))
	if response.Error != nil && slices.Contains(may, response.Error.ErrorCode) {
		return true
	}
	require.Nil(t, response.Error, "%s: %s", subject, msg.Data)
	return false
}

// stream is NACK's StreamSpec. The values are its definition's defaults.
type stream struct {
	Account                string   `yaml:"account"`
	PreventDelete          bool     `yaml:"preventDelete"`
	Name                   string   `yaml:"name"`
	Description            string   `yaml:"description"`
	Subjects               []string `yaml:"subjects"`
	Retention              string   `yaml:"retention"`
	Storage                string   `yaml:"storage"`
	Replicas               int      `yaml:"replicas"`
	MaxMsgs                int64    `yaml:"maxMsgs"`
	MaxMsgsPerSubject      int64    `yaml:"maxMsgsPerSubject"`
	MaxBytes               int64    `yaml:"maxBytes"`
	MaxMsgSize             int32    `yaml:"maxMsgSize"`
	MaxAge                 string   `yaml:"maxAge"`
	DuplicateWindow        string   `yaml:"duplicateWindow"`
	Discard                string   `yaml:"discard"`
	DiscardPerSubject      bool     `yaml:"discardPerSubject"`
	DenyDelete             bool     `yaml:"denyDelete"`
	DenyPurge              bool     `yaml:"denyPurge"`
	AllowRollup            bool     `yaml:"allowRollup"`
	AllowDirect            bool     `yaml:"allowDirect"`
	AllowMsgTTL            bool     `yaml:"allowMsgTtl"`
	SubjectDeleteMarkerTTL string   `yaml:"subjectDeleteMarkerTtl"`
}

// config is streamSpecToConfig upon jsm.DefaultStream.
func (s stream) config(t *testing.T) jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name: s.Name, Description: s.Description, Subjects: s.Subjects, Replicas: s.Replicas, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardOld, MaxConsumers: -1, MaxMsgs: s.MaxMsgs, MaxMsgsPerSubject: -1, MaxBytes: s.MaxBytes,
		MaxMsgSize: s.MaxMsgSize, MaxAge: 365 * 24 * time.Hour, Storage: jetstream.FileStorage,
		DenyDelete: s.DenyDelete, DenyPurge: s.DenyPurge, AllowDirect: s.AllowDirect, AllowRollup: s.AllowRollup,
		DiscardNewPerSubject: s.DiscardPerSubject, AllowMsgTTL: s.AllowMsgTTL,
	}
	switch s.Retention {
	case "interest":
		config.Retention = jetstream.InterestPolicy
	case "workqueue":
		config.Retention = jetstream.WorkQueuePolicy
	}
	if s.MaxMsgsPerSubject > 0 {
		config.MaxMsgsPerSubject = s.MaxMsgsPerSubject
	}
	if s.Storage == "memory" {
		config.Storage = jetstream.MemoryStorage
	}
	if s.Discard == "new" {
		config.Discard = jetstream.DiscardNew
	}
	setDuration(t, &config.MaxAge, s.MaxAge)
	setDuration(t, &config.Duplicates, s.DuplicateWindow)
	setDuration(t, &config.SubjectDeleteMarkerTTL, s.SubjectDeleteMarkerTTL)
	return config
}

// consumer is NACK's ConsumerSpec.
type consumer struct {
	Account        string   `yaml:"account"`
	PreventDelete  bool     `yaml:"preventDelete"`
	StreamName     string   `yaml:"streamName"`
	DurableName    string   `yaml:"durableName"`
	Description    string   `yaml:"description"`
	DeliverPolicy  string   `yaml:"deliverPolicy"`
	DeliverSubject string   `yaml:"deliverSubject"`
	FilterSubject  string   `yaml:"filterSubject"`
	FilterSubjects []string `yaml:"filterSubjects"`
	AckPolicy      string   `yaml:"ackPolicy"`
	AckWait        string   `yaml:"ackWait"`
	BackOff        []string `yaml:"backoff"`
	MaxDeliver     int      `yaml:"maxDeliver"`
	MaxAckPending  int      `yaml:"maxAckPending"`
	MaxWaiting     int      `yaml:"maxWaiting"`
}

// config is consumerSpecToConfig upon jsm.DefaultConsumer.
func (c consumer) config(t *testing.T) jetstream.ConsumerConfig {
	config := jetstream.ConsumerConfig{
		Name: c.DurableName, Durable: c.DurableName, Description: c.Description, DeliverSubject: c.DeliverSubject,
		MaxAckPending: int(uint(c.MaxAckPending)), MaxWaiting: int(uint(c.MaxWaiting)), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 30 * time.Second, FilterSubject: c.FilterSubject, FilterSubjects: c.FilterSubjects,
	}
	switch c.AckPolicy {
	case "none":
		config.AckPolicy = jetstream.AckNonePolicy
	case "all":
		config.AckPolicy = jetstream.AckAllPolicy
	}
	switch c.DeliverPolicy {
	case "last":
		config.DeliverPolicy = jetstream.DeliverLastPolicy
	case "new":
		config.DeliverPolicy = jetstream.DeliverNewPolicy
	case "lastPerSubject":
		config.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	}
	setDuration(t, &config.AckWait, c.AckWait)
	if c.MaxDeliver != 0 {
		config.MaxDeliver = c.MaxDeliver
	}
	for _, text := range c.BackOff {
		var wait time.Duration
		setDuration(t, &wait, text)
		config.BackOff = append(config.BackOff, wait)
	}
	return config
}

// setDuration sets a setting where a resource has it.
func setDuration(t *testing.T, setting *time.Duration, text string) {
	t.Helper()
	if text == "" {
		return
	}
	var err error
	*setting, err = time.ParseDuration(text)
	require.NoError(t, err)
}
