package natsgrpc

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The headers of the wire. Their meaning stands in the package's comment.
const (
	headerVersion  = "Natsgrpc-Version"
	headerReplyTo  = "Natsgrpc-Reply-To"
	headerDeadline = "Natsgrpc-Deadline"
	headerAttempts = "Natsgrpc-Attempts"
	headerSubject  = "Natsgrpc-Subject"
	headerStream   = "Natsgrpc-Stream"
	headerDigest   = "Natsgrpc-Digest"
	headerParts    = "Natsgrpc-Parts"
	headerBacklog  = "Natsgrpc-Backlog"
	headerEncoding = "Grpc-Encoding"
	headerTTL      = "Nats-TTL"
	headerStatus   = "Grpc-Status"
	headerMessage  = "Grpc-Message"
	headerDetails  = "Grpc-Status-Details-Bin"

	prefixMetadata = "Md-" // of a request, or of an answer's header
	prefixTrailer  = "Tr-" // of an answer's trailer
)

// binarySuffix ends the keys of metadata whose values are any bytes.
const binarySuffix = "-bin"

// putMetadata adds md to header, each key behind prefix. Binary values travel in base64, as in gRPC over HTTP/2.
func putMetadata(header nats.Header, prefix string, md metadata.MD) error {
	for key, values := range md {
		if reservedKey(key) {
			continue
		}
		if err := validateKey(key); err != nil {
			return err
		}
		for _, value := range values {
			if strings.HasSuffix(key, binarySuffix) {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			} else if !printable(value) {
				return fmt.Errorf("header key %q contains value with non-printable ASCII characters", key)
			} else {
				value = escapeValue(value)
			}
			header[prefix+key] = append(header[prefix+key], value)
		}
	}
	return nil
}

// takeMetadata returns what putMetadata put into header behind prefix.
func takeMetadata(header nats.Header, prefix string) (metadata.MD, error) {
	var md metadata.MD
	for name, values := range header {
		key, found := strings.CutPrefix(name, prefix)
		if !found {
			continue
		}
		if md == nil {
			md = metadata.MD{}
		}
		for _, value := range values {
			if !strings.HasSuffix(key, binarySuffix) {
				value, err := url.PathUnescape(value)
				if err != nil {
					return nil, fmt.Errorf("header %s: %w", name, err)
				}
				md[key] = append(md[key], value)
				continue
			}
			decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
			md[key] = append(md[key], string(decoded))
		}
	}
	return md, nil
}

// escapeValue percent-encodes what a header line loses, the spaces at both ends, and the percent sign.
func escapeValue(value string) string {
	inner := strings.Trim(value, " ")
	if len(inner) == len(value) && !strings.Contains(value, "%") {
		return value
	}
	left := len(value) - len(strings.TrimLeft(value, " "))
	right := len(value) - left - len(inner)
	return strings.Repeat("%20", left) + strings.ReplaceAll(inner, "%", "%25") + strings.Repeat("%20", right)
}

// reservedKey reports whether gRPC keeps a metadata key to itself; such keys are not sent, as in grpc-go.
func reservedKey(key string) bool {
	switch key {
	case "content-type", "user-agent", "te", "grpc-timeout", "grpc-encoding", "grpc-status", "grpc-message", "grpc-status-details-bin":
		return true
	}
	return strings.HasPrefix(key, ":")
}

// keyCharacters are the characters that keys of metadata are made of.
const keyCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_."

// validateKey applies gRPC's rule for the keys of metadata: lower-case letters, digits, '-', '_' and '.'.
func validateKey(key string) error {
	if key == "" {
		return fmt.Errorf("there is an empty key in the header")
	}
	for i := range len(key) {
		if strings.IndexByte(keyCharacters, key[i]) < 0 {
			return fmt.Errorf("header key %q contains illegal characters not in [0-9a-z-_.]", key)
		}
	}
	return nil
}

// printable reports whether s holds printable ASCII only, so that it cannot break out of its header line.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// formatDeadline returns an absolute deadline, in nanoseconds since the Unix epoch.
func formatDeadline(deadline time.Time) string { return strconv.FormatInt(deadline.UnixNano(), 10) }

// takeDeadline returns the deadline of a request and whether it has one.
func takeDeadline(header nats.Header) (time.Time, bool, error) {
	value := header.Get(headerDeadline)
	if value == "" {
		return time.Time{}, false, nil
	}
	nanoseconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("header %s: %w", headerDeadline, err)
	}
	return time.Unix(0, nanoseconds), true, nil
}

// wrongAnswer is the error of a caller whose answer breaks the wire's rules.
func wrongAnswer(err error) error {
	return status.Errorf(codes.Internal, "natsgrpc: malformed answer: %v", err)
}
