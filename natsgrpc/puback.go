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
	// statusHeader is where nats.go puts the status of a message's header line.
	statusHeader = "Status"

	// errCodeStoreFailed is JetStream's error code for a message that the stream does not store; the description tells why.
	errCodeStoreFailed = 10077
	// errCodeSubjectTaken is the same for one message per subject, where the check is made in process (replicas 3).
	errCodeSubjectTaken = 10158
)

// pubAckError reads the PubAck of a published message: nil when the stream has it, else the error for a caller, which
// shows nothing of the server's insides.
func pubAckError(msg *nats.Msg) error {
	if len(msg.Data) == 0 && msg.Header.Get(statusHeader) == noResponders {
		return errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: no queue takes this call: its service was never started here")
	}
	if !bytes.Contains(msg.Data, []byte(`"error"`)) {
		return nil
	}
	var ack struct {
		Error *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &ack); err != nil {
		return wrongAnswer(fmt.Errorf("PubAck: %w", err))
	}
	switch {
	case ack.Error == nil:
		return nil
	case ack.Error.ErrCode == errCodeSubjectTaken, strings.Contains(ack.Error.Description, "messages per subject"):
		return nil // the queue has it already: this was a repeated publish
	case ack.Error.ErrCode == errCodeStoreFailed && strings.HasPrefix(ack.Error.Description, "maximum "):
		return queueFull()
	}
	return errorWithReason(codes.Unavailable, ReasonNoQueue, "natsgrpc: the queue refused the call")
}
