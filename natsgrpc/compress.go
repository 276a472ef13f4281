package natsgrpc

import (
	"bytes"
	"io"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

// compress returns data as a compressor makes it; without one, or if there is nothing to compress, data itself.
func compress(compressor encoding.Compressor, data []byte) ([]byte, error) {
	if compressor == nil || len(data) == 0 {
		return data, nil
	}
	var buf bytes.Buffer
	w, err := compressor.Compress(&buf)
	if err == nil {
		if _, err = w.Write(data); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while compressing: %v", err)
	}
	return buf.Bytes(), nil
}

// compressorOf returns the compressor with a name that came in a header, nil for none.
//
// Errors: UNIMPLEMENTED where this program does not have it.
func compressorOf(name string) (encoding.Compressor, error) {
	if name == "" || name == encoding.Identity {
		return nil, nil
	}
	compressor := encoding.GetCompressor(name)
	if compressor == nil {
		return nil, status.Errorf(codes.Unimplemented, "grpc: Decompressor is not installed for grpc-encoding %q", name)
	}
	return compressor, nil
}

// decompress returns what compress was given, if it has no more than limit bytes.
func decompress(compressor encoding.Compressor, data []byte, limit int) ([]byte, error) {
	if compressor == nil || len(data) == 0 {
		return data, nil
	}
	r, err := compressor.Decompress(bytes.NewReader(data))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: failed to decompress the message: %v", err)
	}
	bound := int64(limit)
	if bound < math.MaxInt64 {
		bound++
	}
	message, err := io.ReadAll(io.LimitReader(r, bound))
	switch {
	case err != nil:
		return nil, status.Errorf(codes.Internal, "grpc: failed to read decompressed data: %v", err)
	case len(message) > limit:
		return nil, status.Errorf(codes.ResourceExhausted, "grpc: received message after decompression larger than max %d", limit)
	}
	return message, nil
}
