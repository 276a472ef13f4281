package natsgrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
)

const (
	// noResponders is the status of a message that nobody, and so no stream, is subscribed to.
	noResponders = "503"
	// notFound is the status of a look-up that finds nothing.
	notFound = "404"
	// sequenceHeader is where a message that was looked up has its number in the stream.
	sequenceHeader = "Nats-Sequence"
	// statusHeader is where nats.go puts the status of a message's header line.
	statusHeader = "Status"

	// errCodeStoreFailed is JetStream's error code for a message that the stream does not store; the description tells why.
	errCodeStoreFailed = 10077
	// errCodeSubjectTaken is the same for one message per subject, where the check is made in process (replicas 3).
	errCodeSubjectTaken = 10158
)

// pubAck is what a stream said of a message that was published to it.
type pubAck struct {
	err       error // the message was refused; for a caller, it shows nothing of the server's insides
	taken     bool  // a queue has a message with this subject already
	duplicate bool  // the stream has had a message with this Nats-Msg-Id in its window of duplicates

	sequence uint64 // of that message, if it is a duplicate
}

// The errors of requests that no queue has taken, beside errQueueFull.
var (
	errNoQueue = errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: no queue takes this call: its service was never started here")
	errRefused = errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: the queue refused the call")
)

// Most PubAcks have neither and need no decoder.
var (
	ackHasError  = []byte(`"error"`)
	ackDuplicate = []byte(`"duplicate"`) // a NATS server writes a space before its value, or none
)

// readPubAck reads a PubAck.
func readPubAck(msg *nats.Msg) pubAck {
	if len(msg.Data) == 0 && msg.Header.Get(statusHeader) == noResponders {
		return pubAck{err: errNoQueue}
	}
	if !bytes.Contains(msg.Data, ackHasError) && !bytes.Contains(msg.Data, ackDuplicate) {
		return pubAck{}
	}
	var ack struct {
		Sequence  uint64 `json:"seq"`
		Duplicate bool   `json:"duplicate"`
		Error     *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &ack); err != nil {
		return pubAck{err: wrongAnswer(fmt.Errorf("PubAck: %w", err))}
	}
	switch {
	case ack.Error == nil && ack.Duplicate:
		return pubAck{duplicate: true, sequence: ack.Sequence}
	case ack.Error == nil:
		return pubAck{}
	case ack.Error.ErrCode == errCodeSubjectTaken, strings.Contains(ack.Error.Description, "messages per subject"):
		return pubAck{taken: true}
	case ack.Error.ErrCode == errCodeStoreFailed && strings.HasPrefix(ack.Error.Description, "maximum "):
		return pubAck{err: errQueueFull}
	}
	return pubAck{err: errRefused}
}
