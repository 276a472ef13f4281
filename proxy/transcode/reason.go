package transcode

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// transportDomain is the domain of the reasons in a google.rpc.ErrorInfo that the transport gives, where the connection
// is natsgrpc's. A service's own reason of the same name has another domain, and means what the service says.
const transportDomain = "natsgrpc"

// The reasons of the transport that change more than the text of an answer.
const (
	reasonQueueFull       = "QUEUE_FULL"
	reasonBacklog         = "BACKLOG"
	reasonNoWorkers       = "NO_WORKERS"
	reasonNotConnected    = "NOT_CONNECTED"
	reasonMessageTooLarge = "MESSAGE_TOO_LARGE"
	reasonKeyReused       = "IDEMPOTENCY_KEY_REUSED"
)

// transportMessages are what clients are told of the transport's errors, by their reasons. The transport's own messages
// are for operators: they tell of NATS, its queues and its limits.
var transportMessages = map[string]string{
	reasonQueueFull:       "too many requests are waiting; try again later",
	reasonBacklog:         "so many requests are waiting that the answer would come too late; try again later",
	reasonNoWorkers:       "no instance of the service is running",
	"NO_QUEUE":            "the service takes no requests at the moment",
	reasonNotConnected:    "the service cannot be reached at the moment",
	reasonMessageTooLarge: "the request or its answer is too large",
	"PARTS_LOST":          "a part of the request or of its answer was lost",
	"NOT_CONFIRMED":       "the request was not accepted in time",
	"STREAM_NOT_CLAIMED":  "the service had no room for the stream",
	"STREAM_BROKEN":       "the stream is broken",
	reasonKeyReused:       "the idempotency key was used for a request with another body",
}

// transportMessage returns what clients are told of an error with a reason of the transport.
func transportMessage(reason string) string {
	if message, ok := transportMessages[reason]; ok {
		return message
	}
	return "the call failed" // a reason of a later version
}

// transportReason returns the reason of an error that the transport made itself, "" for any other.
func transportReason(st *status.Status) string {
	info := &errdetails.ErrorInfo{}
	if readDetail(st, info) && info.GetDomain() == transportDomain {
		return info.GetReason()
	}
	return ""
}

// readDetail reads the first detail of the type of into, and reports whether there is a valid one.
func readDetail(st *status.Status, into proto.Message) bool {
	for _, detail := range st.Proto().GetDetails() {
		if detail.MessageIs(into) {
			return detail.UnmarshalTo(into) == nil
		}
	}
	return false
}
