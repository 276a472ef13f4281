package once

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// ErrReused says that a request id was recorded with another digest. Its text may be shown to the caller.
var ErrReused = errors.New("the request id was used for another request")

// A Request identifies what is to be done once.
type Request struct {
	// ID is the request's id, unique among all requests that are recorded in one table. A request whose ID is empty is not
	// recorded: it acts each time.
	ID string
	// Digest is the SHA-256 of what the request asks for, so that an id which comes with another body is noticed.
	Digest [sha256.Size]byte
}

// NewRequest returns the Request that has an id and asks for what msg says. The digest covers the message's type, which
// stands for the method, and its deterministic encoding.
//
// That encoding is the same in all versions of a program which know the same fields of the message. A rerun by a version
// that knows more of the fields in it may be an [ErrReused]; where that matters, hash the bytes as they came.
func NewRequest(id string, msg proto.Message) (Request, error) {
	digest := sha256.New()
	digest.Write([]byte(msg.ProtoReflect().Descriptor().FullName()))
	digest.Write([]byte{0})
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
	if err != nil {
		return Request{}, fmt.Errorf("once: encode request: %w", err)
	}
	digest.Write(body)
	req := Request{ID: id}
	digest.Sum(req.Digest[:0])
	return req, nil
}
