package natsgrpc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// difference is one setting of a stream or consumer that is not what the options make it.
type difference struct {
	setting   string
	want, got any
}

func (d difference) String() string {
	return fmt.Sprintf("%s is %v, want %v", d.setting, d.got, d.want)
}

// differences joins differences for a person to read.
type differences []difference

func (ds differences) String() string {
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.String()
	}
	return strings.Join(texts, "; ")
}

// add notes a setting that differs.
func add[T comparable](ds *differences, setting string, want, got T) {
	if want != got {
		*ds = append(*ds, difference{setting, want, got})
	}
}

// compareStream returns in which of the settings that natsgrpc relies on a stream differs. What an operator may choose
// freely, such as the description, placement or compression, is not compared.
func compareStream(want, got jetstream.StreamConfig) differences {
	var ds differences
	if !slices.Equal(want.Subjects, got.Subjects) {
		ds = append(ds, difference{"subjects", want.Subjects, got.Subjects})
	}
	add(&ds, "retention", want.Retention, got.Retention)
	add(&ds, "discard", want.Discard, got.Discard)
	add(&ds, "discard_new_per_subject", want.DiscardNewPerSubject, got.DiscardNewPerSubject)
	add(&ds, "max_msgs", unlimited(want.MaxMsgs), unlimited(got.MaxMsgs))
	add(&ds, "max_msgs_per_subject", unlimited(want.MaxMsgsPerSubject), unlimited(got.MaxMsgsPerSubject))
	add(&ds, "max_bytes", unlimited(want.MaxBytes), unlimited(got.MaxBytes))
	add(&ds, "max_age", want.MaxAge, got.MaxAge)
	add(&ds, "storage", want.Storage, got.Storage)
	add(&ds, "num_replicas", want.Replicas, got.Replicas)
	add(&ds, "duplicate_window", want.Duplicates, got.Duplicates)
	add(&ds, "allow_msg_ttl", want.AllowMsgTTL, got.AllowMsgTTL)
	add(&ds, "allow_direct", want.AllowDirect, got.AllowDirect)
	add(&ds, "allow_rollup_hdrs", want.AllowRollup, got.AllowRollup)
	add(&ds, "max_msg_size", unlimited(int64(want.MaxMsgSize)), unlimited(int64(got.MaxMsgSize)))
	add(&ds, "subject_delete_marker_ttl", want.SubjectDeleteMarkerTTL, got.SubjectDeleteMarkerTTL)
	return ds
}

// compareConsumer is compareStream for consumers.
func compareConsumer(want, got jetstream.ConsumerConfig) differences {
	var ds differences
	add(&ds, "ack_policy", want.AckPolicy, got.AckPolicy)
	add(&ds, "ack_wait", want.AckWait, got.AckWait)
	add(&ds, "max_deliver", unlimited(int64(want.MaxDeliver)), unlimited(int64(got.MaxDeliver)))
	add(&ds, "max_ack_pending", unlimited(int64(want.MaxAckPending)), unlimited(int64(got.MaxAckPending)))
	add(&ds, "max_waiting", want.MaxWaiting, got.MaxWaiting)
	add(&ds, "backoff", len(want.BackOff), len(got.BackOff))
	add(&ds, "filter_subject", want.FilterSubject, got.FilterSubject)
	add(&ds, "filter_subjects", len(want.FilterSubjects), len(got.FilterSubjects))
	add(&ds, "deliver_subject", want.DeliverSubject, got.DeliverSubject)
	return ds
}

// unlimited maps JetStream's two ways to say "no limit" to one.
func unlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}
