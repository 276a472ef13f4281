package registry

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proto/descriptors"
)

// ErrTooLarge is wrapped by the errors about descriptors beyond [MaxValue] or [MaxSet].
var ErrTooLarge = errors.New("too large")

// maxDepth bounds how deeply messages are nested in a set: an encoding with more is not what a compiler writes.
const maxDepth = 100

// setOf returns the set of a service's file and all that it imports, sorted by path.
func setOf(service protoreflect.ServiceDescriptor) *descriptorpb.FileDescriptorSet {
	set := &descriptorpb.FileDescriptorSet{}
	descriptors.Files(service.ParentFile()).RangeFiles(func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	slices.SortFunc(set.File, func(a, b *descriptorpb.FileDescriptorProto) int {
		return strings.Compare(a.GetName(), b.GetName())
	})
	return set
}

// encodeSet returns the value of a set, and its version.
func encodeSet(set *descriptorpb.FileDescriptorSet) (value []byte, version string, err error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return nil, "", fmt.Errorf("encode descriptors: %w", err)
	}
	if len(raw) > MaxSet {
		return nil, "", fmt.Errorf("descriptors of %d bytes: %w; at most %d are published", len(raw), ErrTooLarge, MaxSet)
	}
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return nil, "", fmt.Errorf("compress descriptors: %w", err)
	}
	if _, err := writer.Write(raw); err != nil {
		return nil, "", fmt.Errorf("compress descriptors: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, "", fmt.Errorf("compress descriptors: %w", err)
	}
	if compressed.Len() > MaxValue {
		return nil, "", fmt.Errorf("descriptors of %d bytes, compressed: %w; at most %d are published", compressed.Len(), ErrTooLarge, MaxValue)
	}
	sum := sha256.Sum256(raw)
	return compressed.Bytes(), hex.EncodeToString(sum[:16]), nil
}

// gzipMagic begins a compressed value, and no encoded set.
var gzipMagic = []byte{0x1f, 0x8b}

// decodeSet reads a value.
func decodeSet(value []byte) (*descriptorpb.FileDescriptorSet, error) {
	if bytes.HasPrefix(value, gzipMagic) {
		reader, err := gzip.NewReader(bytes.NewReader(value))
		if err != nil {
			return nil, fmt.Errorf("decompress descriptors: %w", err)
		}
		if value, err = io.ReadAll(io.LimitReader(reader, MaxSet+1)); err != nil {
			return nil, fmt.Errorf("decompress descriptors: %w", err)
		}
	}
	if len(value) > MaxSet {
		return nil, fmt.Errorf("descriptors: %w; at most %d bytes are taken", ErrTooLarge, MaxSet)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(value, set); err != nil || len(set.GetFile()) == 0 {
		return nil, errors.New("not a FileDescriptorSet with files in it")
	}
	return set, nil
}
