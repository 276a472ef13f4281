// Package jsonwire translates between the JSON form of protobuf messages and their wire form, without building messages:
// straight from one sequence of bytes to the other, by plans that are compiled from descriptors.
//
//	codecs, err := jsonwire.New(jsonwire.WithResolver(types))
//	rating, err := codecs.Message(descriptor)
//	wire, err := rating.AppendWire(nil, []byte(`{"comment":"good"}`))
//	text, err := rating.AppendJSON(nil, wire)
//
// What is accepted and what is written is what google.golang.org/protobuf/encoding/protojson accepts and writes: the
// mapping of https://protobuf.dev/programming-guides/json with the well-known types, for proto2, proto3 and editions.
package jsonwire
