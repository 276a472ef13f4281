package nack_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// controller does what NACK does with resources that it has not seen before, so far as this package renders them. It is
// internal/controller of github.com/nats-io/nack at f6dad09 (after 0.24), with the defaults of its custom resource
// definitions and of the jsm.go that it uses.
type controller struct {
	t  *testing.T
	nc *nats.Conn
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

// apply makes what resources say, and returns their kinds and names in order.
func (c *controller) apply(resources []byte) (names []string) {
	c.t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(string(resources)))
	for {
		var resource struct {
			APIVersion string         `yaml:"apiVersion"`
			Kind       string         `yaml:"kind"`
			Metadata   map[string]any `yaml:"metadata"`
			Spec       yaml.Node      `yaml:"spec"`
		}
		err := decoder.Decode(&resource)
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(c.t, err)
		require.Equal(c.t, "jetstream.nats.io/v1beta2", resource.APIVersion)
		names = append(names, resource.Kind+" "+resource.Metadata["name"].(string))
		switch resource.Kind {
		case "Stream":
			spec := stream{Retention: "limits", MaxMsgs: -1, MaxBytes: -1, Discard: "old", MaxMsgSize: -1, Storage: "memory", Replicas: 1}
			c.decode(resource.Spec, &spec)
			require.True(c.t, spec.PreventDelete)
			c.request("STREAM.CREATE."+spec.Name, struct {
				jetstream.StreamConfig
				Pedantic bool `json:"pedantic"`
			}{spec.config(c.t), true})
		case "Consumer":
			spec := consumer{DeliverPolicy: "all", AckPolicy: "none", AckWait: "1ns"}
			c.decode(resource.Spec, &spec)
			require.True(c.t, spec.PreventDelete)
			c.request("CONSUMER.CREATE."+spec.StreamName+"."+spec.DurableName, map[string]any{
				"stream_name": spec.StreamName, "config": spec.config(c.t), "pedantic": true,
			})
		default:
			require.Equal(c.t, "Account", resource.Kind)
		}
	}
}

// decode decodes a spec, in which nothing may be that NACK does not know.
func (c *controller) decode(node yaml.Node, spec any) {
	c.t.Helper()
	text, err := yaml.Marshal(&node)
	require.NoError(c.t, err)
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(c.t, decoder.Decode(spec))
}

// request sends a request to JetStream, which is pedantic as NACK's are: JetStream refuses what it would change.
func (c *controller) request(subject string, request any) {
	c.t.Helper()
	data, err := json.Marshal(request)
	require.NoError(c.t, err)
	msg, err := c.nc.Request(jetstream.DefaultAPIPrefix+subject, data, 5*time.Second)
	require.NoError(c.t, err, subject)
	var response struct {
		Error *jetstream.APIError `json:"error"`
	}
	require.NoError(c.t, json.Unmarshal(msg.Data, &response))
	require.Nil(c.t, response.Error, "%s: %s", subject, msg.Data)
}
