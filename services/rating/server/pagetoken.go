package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A page token is, in base64url without padding:
//
//	byte 0      the version of this layout
//	bytes 1-16  the head of the SHA-256 of the query and the name
//	bytes 17-   the name of the page before's last resource
//
// The hash ties a token to its query and finds damage. It is no secret: a token opens nothing that its query does not.
const (
	pageTokenVersion = 1
	pageTokenHash    = 16
)

// errPageToken is the answer to a token that newPageToken did not return for the same query.
var errPageToken = invalidError{fieldViolation("page_token", "is not a token that this method gave for the same query")}

// newPageToken returns the token of the page after a name.
func newPageToken(req listRequest, name string) (string, error) {
	hash, err := hashQuery(req, name)
	if err != nil {
		return "", err
	}
	token := append([]byte{pageTokenVersion}, hash...)
	return base64.RawURLEncoding.EncodeToString(append(token, name...)), nil
}

// parsePageToken returns the name after which the page starts that a request asks for; "" for the first page.
func parsePageToken(req listRequest) (string, error) {
	if req.GetPageToken() == "" {
		return "", nil
	}
	token, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil || len(token) < 1+pageTokenHash || token[0] != pageTokenVersion {
		return "", errPageToken
	}
	name := string(token[1+pageTokenHash:])
	hash, err := hashQuery(req, name)
	if err != nil {
		return "", err
	}
	// Decoding skips line breaks and spare bits: only the one encoding is right.
	if !bytes.Equal(hash, token[1:1+pageTokenHash]) ||
		base64.RawURLEncoding.EncodeToString(token) != req.GetPageToken() {
		return "", errPageToken
	}
	return name, nil
}

// hashQuery returns the hash of a name and of all fields of a list request that must be the same for the next page.
func hashQuery(req listRequest, name string) ([]byte, error) {
	query := proto.Clone(req)
	fields := query.ProtoReflect().Descriptor().Fields()
	query.ProtoReflect().Clear(fields.ByName("page_size"))
	query.ProtoReflect().Clear(fields.ByName("page_token"))
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(query)
	if err != nil {
		return nil, fmt.Errorf("encode query: %w", err)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%d\x00%s", query.ProtoReflect().Descriptor().FullName(), len(body), body)
	hash.Write([]byte(name))
	return hash.Sum(nil)[:pageTokenHash], nil
}
