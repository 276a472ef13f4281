// Package jsonwire translates between the JSON form of protobuf messages and their wire form, without building messages:
// straight from one sequence of bytes to the other, by plans that are compiled from descriptors.
//
//	codecs, err := jsonwire.New(jsonwire.WithResolver(types))
//	rating, err := codecs.Message(descriptor)
//	wire, err := rating.AppendWire(nil, []byte(`{"comment":"good"}`))
//	text, err := rating.AppendJSON(nil, wire)
//
// # What it agrees with
//
// What is accepted and what is written is what google.golang.org/protobuf/encoding/protojson accepts and writes, with the
// options of the same names: the mapping of https://protobuf.dev/programming-guides/json with the well-known types, for
// proto2, proto3 and editions. There are three differences:
//
//   - JSON is written compact. protojson varies its white space on purpose.
//   - Texts that are not JSON (RFC 8259) are refused. protojson takes a number without digits after its e, such as 1e for 1.
//   - On the wire fields and map entries have the order of the JSON, also in the message in a google.protobuf.Any, where
//     protojson sorts them.
//
// # How it works
//
// JSON is read once, and written to the wire as it is read. The length of a nested message is known only when it is over:
// one byte is left for it, and where that is not enough room is made at the end, for all of them in one pass.
//
// A message on the wire is gone through from tag to tag, to note where its fields are, and then written in the order of
// their declaration. Map entries are sorted by where they are.
//
// What is rare goes by way of a dynamic message and protojson, at their speed: extensions and proto1's message sets, and
// on the wire groups, messages, lists and maps in several pieces, scalars, oneofs and map keys that come twice.
//
// # Costs and limits
//
// A call makes one allocation, the output's, or none if dst has room for it: for about twice the message to write JSON,
// for as much as the JSON to write a message. JSON that is read nests up to [WithRecursionLimit] levels; messages on the
// wire nest up to 10,000, as in proto.Unmarshal, and have less than 2 GiB. The time that a call takes is in proportion to
// its input, but for two things: map keys that are out of order are sorted, and an Any is read twice, so that the time
// for Any in Any grows with the square of the levels.
package jsonwire
