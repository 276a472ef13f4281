package natsgrpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ErrorDomain is the domain of the google.rpc.ErrorInfo details that natsgrpc adds to its own errors.
const ErrorDomain = "natsgrpc"

// The reasons in these details.
const (
	// ReasonQueueFull: RESOURCE_EXHAUSTED; the queue holds as many requests as it may. Comes with a RetryInfo.
	ReasonQueueFull = "QUEUE_FULL"
	// ReasonBacklog: RESOURCE_EXHAUSTED; the queue is so long that the call would wait for more than half of its time.
	// Comes with a RetryInfo.
	ReasonBacklog = "BACKLOG"
	// ReasonNoWorkers: UNAVAILABLE; the queue is there, but no server pulls from it.
	ReasonNoWorkers = "NO_WORKERS"
	// ReasonMessageTooLarge: RESOURCE_EXHAUSTED; the request or its answer is larger than the NATS server takes.
	ReasonMessageTooLarge = "MESSAGE_TOO_LARGE"
	// ReasonNoQueue: UNAVAILABLE; nobody has created the queue of this service.
	ReasonNoQueue = "NO_QUEUE"
	// ReasonNotConnected: UNAVAILABLE; there is no connection to NATS.
	ReasonNotConnected = "NOT_CONNECTED"
	// ReasonNotConfirmed: DEADLINE_EXCEEDED; the queue has not confirmed the request.
	ReasonNotConfirmed = "NOT_CONFIRMED"
	// ReasonAttemptsExhausted: INTERNAL; every attempt at the call failed.
	ReasonAttemptsExhausted = "ATTEMPTS_EXHAUSTED"
)

// The bounds of the RetryInfo of a refused request. A queue that nothing is known of gets the least.
const (
	minRetryDelay = time.Second
	maxRetryDelay = 30 * time.Second
)

// errorWithReason is a status error with an ErrorInfo detail, and further details.
func errorWithReason(code codes.Code, reason, message string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: ErrorDomain}
	st, err := status.New(code, message).WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		return status.Error(code, message)
	}
	return st.Err()
}

// ReasonOf returns the reason that this package gives for an error, "" for any other error.
func ReasonOf(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == ErrorDomain {
			return info.GetReason()
		}
	}
	return ""
}

// errQueueFull is what a queue without room says.
var errQueueFull = errors.New("natsgrpc: the queue is full")

// queueFull is the error for a request that its queue has no room for; drain is the time in which the queue empties.
func queueFull(drain time.Duration) error {
	return errorWithReason(codes.ResourceExhausted, ReasonQueueFull, errQueueFull.Error(), retryInfo(drain))
}

// retryInfo tells when to try again.
func retryInfo(delay time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(min(max(delay, minRetryDelay), maxRetryDelay))}
}

// messageTooLarge is the error for a request or an answer of size bytes, where the NATS server takes limit.
func messageTooLarge(what string, size, limit int64) error {
	return errorWithReason(codes.ResourceExhausted, ReasonMessageTooLarge,
		fmt.Sprintf("natsgrpc: the %s has %d bytes; the NATS server takes %d", what, size, limit))
}

// maxMessage is how many bytes of a status message are kept where the whole does not fit into headers.
const maxMessage = 8 << 10

// maxHeader is the size of a message's headers beyond which no stream takes it (error 10097).
const maxHeader = math.MaxUint16

// tooLarge returns the error for a request or an answer that NATS would refuse, nil for any other, and whether it is the
// size as a whole that is too large, not that of the headers.
func tooLarge(what string, msg *nats.Msg, maxPayload int64) (whole bool, err error) {
	size := msg.Size()
	if header := size - len(msg.Subject) - len(msg.Reply) - len(msg.Data); header > maxHeader {
		return false, messageTooLarge(what+"'s metadata and status", int64(header), maxHeader)
	}
	if int64(size) > maxPayload {
		return true, messageTooLarge(what, int64(size), maxPayload)
	}
	return false, nil
}

// putStatus adds st to header; OK is the absence of a status.
func putStatus(header nats.Header, st *spb.Status) error {
	if st == nil || st.Code == int32(codes.OK) {
		return nil
	}
	header[headerStatus] = []string{strconv.Itoa(int(st.Code))}
	header[headerMessage] = []string{url.PathEscape(strings.ToValidUTF8(st.Message, "\uFFFD"))}
	if len(st.Details) == 0 {
		return nil
	}
	valid := &spb.Status{Code: st.Code, Message: strings.ToValidUTF8(st.Message, "\uFFFD"), Details: st.Details}
	details, err := proto.Marshal(valid)
	if err != nil {
		return fmt.Errorf("encode status details: %w", err)
	}
	header[headerDetails] = []string{base64.RawStdEncoding.EncodeToString(details)}
	return nil
}

// takeStatus returns the status of an answer, nil for OK.
func takeStatus(header nats.Header) (*status.Status, error) {
	value := header.Get(headerStatus)
	if value == "" {
		return nil, nil
	}
	code, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("header %s: %w", headerStatus, err)
	}
	if codes.Code(code) == codes.OK {
		return nil, nil
	}
	message, err := url.PathUnescape(header.Get(headerMessage))
	if err != nil {
		message = header.Get(headerMessage)
	}
	st := &spb.Status{Code: int32(code), Message: message}
	if encoded := header.Get(headerDetails); encoded != "" {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", headerDetails, err)
		}
		full := &spb.Status{}
		if err := proto.Unmarshal(raw, full); err != nil {
			return nil, fmt.Errorf("header %s: %w", headerDetails, err)
		}
		st.Details = full.Details
	}
	return status.FromProto(st), nil
}
