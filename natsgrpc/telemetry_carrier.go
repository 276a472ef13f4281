package natsgrpc

import (
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"
)

// Compile-time proof that the context of a trace travels in headers.
var _ propagation.TextMapCarrier = carrier{}

// carrier is a request's headers as a propagator sees them: its fields are metadata of the call, so that any server, and any
// interceptor, can read them.
type carrier struct{ header nats.Header }

// Get returns the first value of a key, "" if it has none.
func (c carrier) Get(key string) string {
	name := prefixMetadata + strings.ToLower(key)
	values := c.header[name]
	if len(values) == 0 {
		return ""
	}
	md, err := takeMetadata(nats.Header{name: values[:1]}, prefixMetadata)
	if err != nil {
		return "" // a trace that begins anew is better than a call that fails
	}
	return md[strings.ToLower(key)][0]
}

// Set replaces a key's values, also those that the caller's metadata has. What metadata cannot hold is left out.
func (c carrier) Set(key, value string) {
	key = strings.ToLower(key)
	delete(c.header, prefixMetadata+key)
	_ = putMetadata(c.header, prefixMetadata, metadata.MD{key: {value}}) // likewise
}

// Keys returns the keys of all metadata.
func (c carrier) Keys() []string {
	var keys []string
	for name := range c.header {
		if key, found := strings.CutPrefix(name, prefixMetadata); found {
			keys = append(keys, key)
		}
	}
	return keys
}
