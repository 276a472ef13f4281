package transcode

import (
	"bytes"
	"encoding/json"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

// detailJSON returns a detail of an error as compact JSON, and false if clients get none.
func detailJSON(detail *anypb.Any, types Types) (json.RawMessage, bool) {
	if detail.GetTypeUrl() == "" { // which protojson has as {}
		return nil, false
	}
	data, err := protojson.MarshalOptions{Resolver: clientTypes{types}}.Marshal(detail)
	if err != nil {
		return nil, false
	}
	var compact bytes.Buffer // protojson's white space varies from build to build
	if err := json.Compact(&compact, data); err != nil {
		return nil, false
	}
	return compact.Bytes(), true
}

// clientTypes are types without google.rpc.DebugInfo, which so is found neither as a detail nor in the Any of another.
type clientTypes struct{ Types }

var debugInfo = (*errdetails.DebugInfo)(nil).ProtoReflect().Descriptor().FullName()

func (t clientTypes) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	found, err := t.Types.FindMessageByURL(url)
	if err == nil && found.Descriptor().FullName() == debugInfo {
		return nil, protoregistry.NotFound
	}
	return found, err
}
