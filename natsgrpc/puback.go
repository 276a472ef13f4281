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
}

var (
	ackHasError = []byte(`"error"`)
	// ackDuplicate is there only where it is true. A NATS server writes a space behind it, or none, and so the value is
	// left out.
	ackDuplicate = []byte(`"duplicate":`)
)

// readPubAck reads a PubAck.
func readPubAck(msg *nats.Msg) pubAck {
	if len(msg.Data) == 0 && msg.Header.Get(statusHeader) == noResponders {
		return pubAck{err: errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: no queue takes this call: its service was never started here")}
	}
	if !bytes.Contains(msg.Data, ackHasError) {
		return pubAck{duplicate: bytes.Contains(msg.Data, ackDuplicate)}
	}
	var ack struct {
		Error *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &ack); err != nil {
		return pubAck{err: wrongAnswer(fmt.Errorf("PubAck: %w", err))}
	}
	switch {
	case ack.Error == nil:
		return pubAck{}
	case ack.Error.ErrCode == errCodeSubjectTaken, strings.Contains(ack.Error.Description, "messages per subject"):
		return pubAck{taken: true}
	case ack.Error.ErrCode == errCodeStoreFailed && strings.HasPrefix(ack.Error.Description, "maximum "):
		return pubAck{err: errQueueFull}
	}
	return pubAck{err: errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: the queue refused the call")}
}
