package rpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/metadata"
)

// header is a header that passes, in its two spellings.
type header struct {
	http, metadata string
	binary         bool // base64 on the outside, bytes in metadata
}

// binarySuffix ends the names of metadata whose values are any bytes.
const binarySuffix = "-bin"

// reservedHeaders are those that HTTP or one of the protocols interprets.
var reservedHeaders = map[string]bool{
	"accept-encoding": true, "connection": true, "content-encoding": true, "content-length": true, "content-type": true,
	"date": true, "host": true, "keep-alive": true, "te": true, "trailer": true, "transfer-encoding": true,
	"upgrade": true, "user-agent": true,
}

// nameCharacters are what names of metadata are made of.
const nameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_."

func addHeaders(to *[]header, names []string) error {
	for _, name := range names {
		lower := strings.ToLower(name)
		switch {
		case lower == "":
			return errors.New("header without a name")
		case strings.Trim(lower, nameCharacters) != "":
			return fmt.Errorf("header %q is no name of gRPC metadata", name)
		case reservedHeaders[lower], strings.HasPrefix(lower, "grpc-"), strings.HasPrefix(lower, "connect-"), strings.HasPrefix(lower, "trailer-"):
			return fmt.Errorf("header %q cannot be forwarded", name)
		}
		*to = append(*to, header{
			http:     textproto.CanonicalMIMEHeaderKey(name),
			metadata: lower,
			binary:   strings.HasSuffix(lower, binarySuffix),
		})
	}
	return nil
}

// outgoing returns the metadata to send with a call. An error is the client's fault.
func (o *options) outgoing(from http.Header) (metadata.MD, error) {
	var md metadata.MD
	for _, name := range o.requestHeaders {
		for _, value := range from[name.http] {
			values, err := name.decode(value)
			if err != nil {
				return nil, err
			}
			if md == nil {
				md = metadata.MD{}
			}
			md[name.metadata] = append(md[name.metadata], values...)
		}
	}
	return md, nil
}

// decode returns the metadata values of a header line: several if it joins binary ones by commas.
func (h *header) decode(line string) ([]string, error) {
	if !h.binary {
		// grpc-go fails such a call as INTERNAL.
		if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			return nil, fmt.Errorf("header %s has characters other than printable ASCII", h.http)
		}
		return []string{line}, nil
	}
	var values []string
	for encoded := range strings.SplitSeq(line, ",") {
		value, err := connect.DecodeBinaryHeader(strings.TrimSpace(encoded))
		if err != nil {
			return nil, fmt.Errorf("header %s is not base64", h.http)
		}
		values = append(values, string(value))
	}
	return values, nil
}

// incoming adds the metadata that clients get to headers or trailers.
func (o *options) incoming(to http.Header, md metadata.MD) {
	for _, name := range o.responseHeaders {
		for _, value := range md[name.metadata] {
			if name.binary {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			to[name.http] = append(to[name.http], value)
		}
	}
}
