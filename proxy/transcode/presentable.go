package transcode

import (
	"slices"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

// Bounds of what is told of an error, in bytes. What comes through a queue is within them, see natsgrpc; another
// transport may take 16 MiB.
const (
	maxMessage = 8 << 10
	maxDetails = 64 << 10 // of all details together, encoded or as JSON, what is more
)

// hiddenMessage stands for the messages of errors that nobody has made for clients.
const hiddenMessage = "internal error"

// outageMessages stand for the messages of these codes where the error has no details: grpc-go puts there what befell
// the connection, with addresses.
var outageMessages = map[codes.Code]string{
	codes.Unavailable:      "the service is unavailable",
	codes.DeadlineExceeded: "the call took too long",
	codes.Canceled:         "the call was cancelled",
}

// Presentable returns what clients may know of a status, whatever the protocol they speak. The code stays, but one that
// does not exist becomes UNKNOWN.
//
// Of UNKNOWN, INTERNAL and DATA_LOSS, where plain errors and panics of handlers end up, nothing else is told. UNAVAILABLE,
// DEADLINE_EXCEEDED and CANCELLED keep their message only if a detail is left, and the transport's own errors (an
// ErrorInfo with the domain "natsgrpc") get one that tells nothing of NATS. Other messages stay, up to 8 KiB.
//
// Of the details google.rpc.DebugInfo goes, wherever it is, and so does each that is of an unknown type, holds one, or is
// malformed. Known are the types linked in and those given. A detail that does not fit into 64 KiB together with those
// before it goes too.
func Presentable(st *status.Status, types ...Types) *status.Status {
	return presentable(st, append(chainedTypes(slices.Clone(types)), protoregistry.GlobalTypes))
}

func presentable(st *status.Status, types Types) *status.Status {
	switch code := st.Code(); {
	case code == codes.Unknown, code == codes.Internal, code == codes.DataLoss:
		return status.New(code, hiddenMessage)
	case code > codes.Unauthenticated:
		return status.New(codes.Unknown, hiddenMessage)
	}
	original := st.Proto()
	shown := &spb.Status{
		Code:    original.GetCode(),
		Message: boundMessage(original.GetMessage()),
		Details: presentableDetails(original.GetDetails(), types),
	}
	if reason := transportReason(status.FromProto(shown)); reason != "" {
		shown.Message = transportMessage(reason)
	} else if outage, ok := outageMessages[st.Code()]; ok && len(shown.Details) == 0 {
		shown.Message = outage
	}
	return status.FromProto(shown)
}

func boundMessage(message string) string {
	message = toValidUTF8(message)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…" // a character that is cut goes
	}
	return message
}

func presentableDetails(details []*anypb.Any, types Types) []*anypb.Any {
	var shown []*anypb.Any
	room := maxDetails
	for _, detail := range details {
		size := len(detail.GetValue())
		if _, err := (clientTypes{types}).FindMessageByURL(detail.GetTypeUrl()); err != nil || size > room {
			continue // before there is work with it
		}
		if data, ok := detailJSON(detail, types); ok && len(data) <= room {
			shown = append(shown, detail)
			size = max(size, len(data))
		}
		room -= size // of what is not shown too, since it was work
	}
	return shown
}
