package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/codingflow/rating/proxy/jsonwire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// testee answers the requests of the suite's runner. The protocol is conformance/conformance.proto in the protobuf
// repository.
type testee struct {
	files             *protoregistry.Files
	request, response protoreflect.MessageDescriptor
	codecs            *jsonwire.Codecs
	// discarding are the codecs of the category JSON_IGNORE_UNKNOWN_PARSING_TEST.
	discarding *jsonwire.Codecs
}

// newTestee returns a testee whose messages are in files, those of the protocol included.
func newTestee(files *protoregistry.Files) (*testee, error) {
	t := &testee{files: files}
	var err error
	if t.request, err = t.message("conformance.ConformanceRequest"); err != nil {
		return nil, err
	}
	if t.response, err = t.message("conformance.ConformanceResponse"); err != nil {
		return nil, err
	}
	types := jsonwire.WithResolver(dynamicpb.NewTypes(files))
	if t.codecs, err = jsonwire.New(types); err != nil {
		return nil, err
	}
	t.discarding, err = jsonwire.New(types, jsonwire.WithDiscardUnknown())
	return t, err
}

// message finds the descriptor of a message.
func (t *testee) message(name protoreflect.FullName) (protoreflect.MessageDescriptor, error) {
	descriptor, err := t.files.FindDescriptorByName(name)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	message, ok := descriptor.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a message", name)
	}
	return message, nil
}

// serve answers requests until there are no more. Each request and each response follows its length in bytes: 4 bytes,
// little endian.
func (t *testee) serve(in io.Reader, out io.Writer) error {
	for {
		var size uint32
		if err := binary.Read(in, binary.LittleEndian, &size); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the length of a request: %w", err)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		answer, err := t.answer(data)
		if err != nil {
			return err
		}
		framed := append(binary.LittleEndian.AppendUint32(nil, uint32(len(answer))), answer...)
		if _, err := out.Write(framed); err != nil {
			return fmt.Errorf("write a response: %w", err)
		}
	}
}

// answer returns the response to a request, both in their wire form.
func (t *testee) answer(data []byte) ([]byte, error) {
	request := dynamicpb.NewMessage(t.request)
	if err := proto.Unmarshal(data, request); err != nil {
		return nil, fmt.Errorf("decode a request: %w", err)
	}
	result, content := t.run(request)
	response := dynamicpb.NewMessage(t.response)
	field := t.response.Fields().ByName(result)
	if field.Kind() == protoreflect.BytesKind {
		response.Set(field, protoreflect.ValueOfBytes(content))
	} else {
		response.Set(field, protoreflect.ValueOfString(string(content)))
	}
	answer, err := proto.Marshal(response)
	if err != nil {
		return nil, fmt.Errorf("encode a response: %w", err)
	}
	return answer, nil
}

// run does what a request asks for. It returns the field of the response that tells how it went, and what belongs there.
func (t *testee) run(request protoreflect.Message) (result protoreflect.Name, content []byte) {
	fields := t.request.Fields()
	enum := func(name protoreflect.Name) protoreflect.Name {
		field := fields.ByName(name)
		return field.Enum().Values().ByNumber(request.Get(field).Enum()).Name()
	}
	failed := func(result protoreflect.Name, err error) (protoreflect.Name, []byte) {
		return result, []byte(strings.ToValidUTF8(err.Error(), "\uFFFD"))
	}

	message, err := t.message(protoreflect.FullName(request.Get(fields.ByName("message_type")).String()))
	if err != nil {
		return failed("runtime_error", err)
	}
	codecs := t.codecs
	if enum("test_category") == "JSON_IGNORE_UNKNOWN_PARSING_TEST" {
		codecs = t.discarding
	}
	codec, err := codecs.Message(message)
	if err != nil {
		return failed("runtime_error", err)
	}

	var wire []byte
	output := enum("requested_output_format")
	payload := request.WhichOneof(t.request.Oneofs().ByName("payload"))
	switch {
	case payload.Name() == "json_payload" && (output == "JSON" || output == "PROTOBUF"):
		if wire, err = codec.AppendWire(nil, []byte(request.Get(payload).String())); err != nil {
			return failed("parse_error", err)
		}
	case payload.Name() == "protobuf_payload" && output == "JSON":
		wire = request.Get(payload).Bytes()
	default:
		return "skipped", []byte("no JSON is read or written")
	}
	if output == "PROTOBUF" {
		return "protobuf_payload", wire
	}
	json, err := codec.AppendJSON(nil, wire)
	if err != nil { // that wire is malformed counts as this too: all cases of it are from binary to binary
		return failed("serialize_error", err)
	}
	return "json_payload", json
}
