package store

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A Request identifies a command, so that it acts once however often it runs.
type Request struct {
	// ID is the request's id, unique among all commands of all methods. Empty for a request without one.
	ID string
	// Digest is the SHA-256 of what the request asks for.
	Digest [sha256.Size]byte
}

// NewRequest returns the Request that has an id and asks for what msg says. The digest covers the message's type, which
// stands for the method, and its deterministic encoding.
func NewRequest(id string, msg proto.Message) (Request, error) {
	digest := sha256.New()
	digest.Write([]byte(msg.ProtoReflect().Descriptor().FullName()))
	digest.Write([]byte{0})
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
	if err != nil {
		return Request{}, fmt.Errorf("encode request: %w", err)
	}
	digest.Write(body)
	req := Request{ID: id}
	digest.Sum(req.Digest[:0])
	return req, nil
}
