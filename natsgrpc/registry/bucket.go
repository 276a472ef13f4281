package registry

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
)

const (
	// bucket is the name of the key-value bucket; prefix begins its subjects.
	bucket = "DESCRIPTORS"
	prefix = "$KV." + bucket + "."

	// Lease is how long an instance that does not renew its lease is taken to live: three times the interval in which it
	// renews, so that a lost message or a slow moment costs nothing.
	Lease = 15 * time.Second
	// MaxValue bounds a stored value, in bytes: with its headers it fits into NATS's default max_payload of 1 MiB.
	MaxValue = 960 << 10
	// MaxSet bounds an encoded FileDescriptorSet, in bytes, decompressed.
	MaxSet = 8 << 20

	// markerTTL is how long the markers of removed and expired keys stay, for watchers to see.
	markerTTL = 10 * time.Minute
	// maxMessage is what the stream takes: a value and its headers.
	maxMessage = 1 << 20
	// maxBytes bounds the bucket.
	maxBytes = 256 << 20
	// maxVersions is how many versions of a service are looked at, the newest ones.
	maxVersions = 16
)

// Stream is the configuration of the bucket's stream, as NATS's key-value buckets are.
func Stream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        "KV_" + bucket,
		Description: "Descriptors of the services, managed by natsgrpc",
		Subjects:    []string{prefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxBytes:    maxBytes,
		MaxMsgSize:  maxMessage,
		Replicas:    1,
		Duplicates:  2 * time.Minute,
		AllowDirect: true,
		AllowRollup: true,
		DenyDelete:  true,
		AllowMsgTTL: true,

		MaxMsgsPerSubject:      1,
		SubjectDeleteMarkerTTL: markerTTL,
	}
}

// Subjects is where the values of a service are: all of them, as a wildcard.
func Subjects(service protoreflect.FullName) string {
	return prefix + descriptors.Token(service) + ".>"
}

// The kinds of keys.
const (
	kindVersion  = "version"
	kindInstance = "instance"
	kindLatest   = "latest"
)

// key is a key of the bucket.
type key struct {
	service, kind, version, instance string
}

func (k key) String() string {
	text := k.service + "." + k.kind
	for _, part := range []string{k.version, k.instance} {
		if part != "" {
			text += "." + part
		}
	}
	return text
}

// parseKey reads a key; ok is false for one of no kind that is known here.
func parseKey(text string) (_ key, ok bool) {
	parts := strings.Split(text, ".")
	for _, part := range parts[1:] {
		if len(part) > maxToken {
			return key{}, false
		}
	}
	switch {
	case len(parts) == 3 && parts[1] == kindVersion:
		return key{service: parts[0], kind: kindVersion, version: parts[2]}, true
	case len(parts) == 4 && parts[1] == kindInstance:
		return key{service: parts[0], kind: kindInstance, version: parts[2], instance: parts[3]}, true
	case len(parts) == 2 && parts[1] == kindLatest:
		return key{service: parts[0], kind: kindLatest}, true
	}
	return key{}, false
}

// maxToken bounds versions and instances in keys.
const maxToken = 64
