package operations

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

// record is what the bucket has of an operation.
type record struct {
	// Method is the full name of the method, with dots, and Response that of the message that it returns.
	Method   protoreflect.FullName `json:"method"`
	Response protoreflect.FullName `json:"response"`
	// CreateTime is when the operation was first started, Deadline when its command fails.
	CreateTime time.Time `json:"create_time"`
	Deadline   time.Time `json:"deadline"`

	id       string
	stored   time.Time // when the record was written
	revision uint64
}

// operationKey is the key of an operation of a principal, both of which are 52 characters of A-Z and 2-7.
func operationKey(principal, id string) string { return principal + "." + id }

// parseRecord reads a value of the bucket.
func parseRecord(key string, value []byte, stored time.Time, revision uint64) (*record, error) {
	_, id, _ := strings.Cut(key, ".")
	r := &record{id: id, stored: stored, revision: revision}
	if err := json.Unmarshal(value, r); err != nil {
		return nil, fmt.Errorf("operations: record %s: %w", key, err)
	}
	return r, nil
}

// path is the method as gRPC calls it.
func (r *record) path() string {
	return "/" + string(r.Method.Parent()) + "/" + string(r.Method.Name())
}

// name is the operation's resource name.
func (r *record) name() string { return namePrefix + r.id }

// metadata is what the operation tells of itself.
func (r *record) metadata() (*anypb.Any, error) {
	return anypb.New(&operationsv1.OperationMetadata{
		Method:     string(r.Method),
		CreateTime: timestamppb.New(r.CreateTime),
		Deadline:   timestamppb.New(r.Deadline),
	})
}

// namePrefix begins the resource names of operations.
const namePrefix = "operations/"

// idLength is the length of an operation's id, which is of the characters of base32.
const idLength = 52

// parseName returns the id of a resource name, and false for one that no operation has.
func parseName(name string) (id string, ok bool) {
	id, ok = strings.CutPrefix(name, namePrefix)
	return id, ok && len(id) == idLength && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
