package gatewaytest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	transcodetestv1 "github.com/codingflow/rating/proto/transcodetest/v1"
)

// difference is a way in which transcode and grpc-gateway do not do the same. It has one of the two functions.
type difference struct {
	name, reason string
	// explains reports whether this is how the outcomes of a request, which are not equal, differ.
	explains func(r request, ours, theirs outcome) bool
	// align makes the messages of two calls to the same method alike, as far as they differ in this way.
	align func(r request, ours, theirs proto.Message)
}

// differences are all that there are. The first that explains a request is its difference.
var differences = []difference{
	{
		name:     "map parameter",
		reason:   "http.proto has no parameters for maps; grpc-gateway takes name[key]=value, or a name twice for key and value",
		explains: refused(`unknown query parameter "[^"]*\[|the field is a map`),
	},
	{
		name:     "field of a well-known type",
		reason:   "a Timestamp is one text in JSON (proto3 JSON), not a message with seconds; grpc-gateway takes both",
		explains: refused(`unknown query parameter "([a-z_]+\.)*(found_time|age|update_mask|\w+_value|create_time)\.`),
	},
	{
		name:     "unknown parameter",
		reason:   "a misspelt filter that is ignored lists everything; grpc-gateway ignores it",
		explains: refused(`unknown query parameter`),
	},
	{
		name:     "misplaced parameter",
		reason:   "http.proto gives each field one place, the path, the body or the query; grpc-gateway ignores it elsewhere",
		explains: refused(`is refused: (the field is in the (path|body)|all fields are in)`),
	},
	{
		name:     "message parameter",
		reason:   "a message has a parameter for each of its fields (http.proto); grpc-gateway ignores one where the path binds some of them",
		explains: refused(`the field is a message, give its fields`),
	},
	{
		name:     "empty message",
		reason:   "a google.protobuf.Empty has nothing to say; grpc-gateway takes any text for it",
		explains: refused(`the field is a google.protobuf.Empty`),
	},
	{
		name:     "text of a bool",
		reason:   "proto3 JSON has true and false; grpc-gateway takes what strconv.ParseBool does (1, t, TRUE)",
		explains: refused(`is not a valid bool`),
	},
	{
		name:     "text of a number",
		reason:   "proto3 JSON has JSON's numbers; grpc-gateway takes what strconv.ParseFloat does (.5, +1, 01)",
		explains: refused(`is not a valid (double|float)`),
	},
	{
		name:     "text of a duration",
		reason:   "proto3 JSON has seconds with an s; grpc-gateway takes what time.ParseDuration does (1h30m)",
		explains: refused(`is not a valid google.protobuf.Duration`),
	},
	{
		name:     "text of a timestamp",
		reason:   "proto3 JSON has at most nine digits of a second; grpc-gateway cuts further ones off",
		explains: refused(`is not a valid google.protobuf.Timestamp`),
	},
	{
		name:     "text of a mask",
		reason:   "an empty path, or one with other characters, names no field; grpc-gateway passes it on",
		explains: refused(`is not a valid google.protobuf.FieldMask`),
	},
	{
		name:     "invalid UTF-8",
		reason:   "the client is at fault, not the server: 400; grpc-gateway fails to encode the call",
		explains: refused(`is not valid UTF-8`),
	},
	{
		name:   "open enum",
		reason: "an enum of proto3 takes any number, in JSON too; grpc-gateway takes declared ones in parameters",
		explains: func(_ request, ours, theirs outcome) bool {
			return ours.called() && theirs.refused() && undeclared.MatchString(theirs.message)
		},
	},
	{
		name:   "long duration",
		reason: "a Duration has up to 10,000 years; grpc-gateway reads it as a time.Duration, which has 292",
		explains: func(_ request, ours, theirs outcome) bool {
			return ours.called() && theirs.refused() && strings.Contains(theirs.message, "time: invalid duration")
		},
	},
	{
		name:   "list value",
		reason: "a google.protobuf.ListValue is JSON like a Struct; grpc-gateway takes Struct and Value in parameters",
		explains: func(_ request, ours, theirs outcome) bool {
			return ours.called() && theirs.refused() && strings.Contains(theirs.message, `unsupported message type: "google.protobuf.ListValue"`)
		},
	},
	{
		name:   "JSON names in a mask",
		reason: "proto3 JSON writes masks in lowerCamelCase, a message has them in snake_case; grpc-gateway does not translate parameters",
		align: func(_ request, _, theirs proto.Message) {
			for i, path := range maskOf(theirs).GetPaths() {
				maskOf(theirs).Paths[i] = capitals.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) })
			}
		},
	},
	{
		name:   "semicolon",
		reason: "a semicolon is a character like any other (URL Standard); grpc-gateway's parser refuses it",
		explains: func(_ request, _, theirs outcome) bool {
			return theirs.refused() && theirs.message == "invalid semicolon separator in query"
		},
	},
	{
		name:   "HEAD",
		reason: "HEAD is GET without the body (RFC 9110); grpc-gateway wants a binding for it",
		explains: func(r request, ours, theirs outcome) bool {
			return r.method() == http.MethodHead && ours.status != http.StatusNotFound && theirs.status == http.StatusNotImplemented
		},
	},
	{
		name:   "OPTIONS",
		reason: "OPTIONS tells the allowed methods (RFC 9110); grpc-gateway wants a binding for it",
		explains: func(r request, ours, theirs outcome) bool {
			return r.method() == http.MethodOptions && ours.status == http.StatusNoContent && theirs.status == http.StatusNotImplemented
		},
	},
	{
		name:   "method not allowed",
		reason: "the path exists, the method does not: 405 with Allow (RFC 9110); grpc-gateway answers 501",
		explains: func(_ request, ours, theirs outcome) bool {
			return ours.status == http.StatusMethodNotAllowed && theirs.status == http.StatusNotImplemented
		},
	},
	{
		name:   "dot segment",
		reason: "clients remove dot segments before they send (RFC 3986), so one that comes is a trick, before a verb too; grpc-gateway takes it",
		explains: func(r request, ours, theirs outcome) bool {
			return dotSegment.MatchString(r.path()) && (ours.unrouted() ||
				strings.HasSuffix(ours.call.method, "/GetFile") && strings.HasSuffix(theirs.call.method, "/PeekFile"))
		},
	},
	{
		name:   "empty segment",
		reason: "`*` matches one segment (http.proto), and an empty id names nothing; grpc-gateway's `*` matches an empty one",
		explains: func(r request, ours, theirs outcome) bool {
			return ours.unrouted() &&
				(theirs.called() || theirs.refused() || theirs.status == http.StatusNotImplemented) && emptySegment.MatchString(r.path())
		},
	},
	{
		name:   "verb after a slash",
		reason: "`**` matches no segment before a verb too; grpc-gateway takes the verb for a segment",
		explains: func(r request, ours, theirs outcome) bool {
			return strings.HasSuffix(r.path(), "/:peek") && strings.HasSuffix(ours.call.method, "/PeekFile") && strings.HasSuffix(theirs.call.method, "/GetFile")
		},
	},
	{
		name:   "escaped slash",
		reason: "%2F stays in a variable of several segments (http.proto); grpc-gateway keeps it in `**` only",
		align: func(r request, ours, theirs proto.Message) {
			if escapedSlash.MatchString(r.path()) {
				for _, name := range append(boundNames(ours), boundNames(theirs)...) {
					*name = escapedSlash.ReplaceAllString(*name, "/")
				}
			}
		},
	},
	{
		name:   "escaped literal",
		reason: "%73 is s wherever it stands (RFC 3986); grpc-gateway compares literals and verbs as they are written",
		explains: func(r request, ours, theirs outcome) bool {
			return strings.Contains(r.path(), "%") && ours.status != http.StatusNotFound &&
				(theirs.status == http.StatusNotFound || ours.call.method != theirs.call.method)
		},
	},
	{
		name:   "precedence",
		reason: "the more specific template goes first, whatever the order of the methods; grpc-gateway takes the one registered last",
		explains: func(_ request, ours, theirs outcome) bool {
			return strings.Contains(ours.call.method, "/Overlap") && strings.HasSuffix(theirs.call.method, "/OverlapDeep")
		},
	},
	{
		name:   "content type",
		reason: "a page of another site may send any text, but not application/json (CORS); grpc-gateway reads any",
		explains: func(_ request, ours, theirs outcome) bool {
			return ours.status == http.StatusUnsupportedMediaType && theirs.called()
		},
	},
	{
		name:   "POST for GET",
		reason: "a form must not reach a GET; grpc-gateway takes one for the other where only GET is bound",
		explains: func(r request, ours, theirs outcome) bool {
			return r.method() == http.MethodPost && ours.status == http.StatusMethodNotAllowed && theirs.called()
		},
	},
	{
		name:     "body without use",
		reason:   "a body that no field takes is a mistake; grpc-gateway does not read it",
		explains: refused(`takes no body`),
	},
	{
		name:     "data after the body",
		reason:   "two JSON values are not one (RFC 8259); grpc-gateway reads the first",
		explains: refused(`after top-level value`),
	},
	{
		name:     "blank body",
		reason:   "white space is no JSON (RFC 8259); grpc-gateway takes it for no body",
		explains: refused(`unexpected end of JSON input`),
	},
	{
		name:     "unknown JSON",
		reason:   "an unknown field or enum value, or an Any without a type, is an error in proto3 JSON; grpc-gateway discards it by default",
		explains: refused(`unknown field|invalid value for enum|missing "@type" field`),
	},
	{
		name:   "null body",
		reason: "null leaves a field unset (proto3 JSON); grpc-gateway refuses it for a message",
		explains: func(r request, ours, theirs outcome) bool {
			return r.body() == "null" && ours.called() && theirs.refused()
		},
	},
	{
		name:   "empty list",
		reason: "an empty list as answer is []; grpc-gateway's is null",
		explains: func(_ request, ours, theirs outcome) bool {
			list, ok := ours.answer.([]any)
			return ok && len(list) == 0 && theirs.status == http.StatusOK && theirs.answer == nil && sameCall(ours, theirs)
		},
	},
	{
		name:   "no body",
		reason: "without a body its field is unset, and nothing is to be updated; grpc-gateway sets an empty message",
		align: func(r request, ours, theirs proto.Message) {
			if r.body() != "" {
				return
			}
			theirs.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
				if !ours.ProtoReflect().Has(field) && field.Message() != nil && !field.IsList() && !field.IsMap() && proto.Size(value.Message().Interface()) == 0 {
					theirs.ProtoReflect().Clear(field)
				}
				return true
			})
		},
	},
	{
		name:   "outputs in a mask",
		reason: "who sends back what he has read means to change neither outputs nor the name (AIP-203); grpc-gateway puts all in the mask",
		align: func(r request, _, theirs proto.Message) {
			if mask := maskOf(theirs); mask != nil && r.method() == http.MethodPatch {
				mask.Paths = slices.DeleteFunc(mask.Paths, func(path string) bool { return path == "name" || isOutput(theirs, path) })
			}
		},
	},
	{
		name:   "order of a mask",
		reason: "the paths of an inferred mask are in the body's order; grpc-gateway sorts them",
		align: func(r request, ours, theirs proto.Message) {
			if r.method() == http.MethodPatch {
				slices.Sort(maskOf(ours).GetPaths())
				slices.Sort(maskOf(theirs).GetPaths())
			}
		},
	},
	{
		name:   "message not told",
		reason: "messages of these codes are made by libraries and tell what is inside; grpc-gateway passes them on",
		explains: func(_ request, ours, theirs outcome) bool {
			hidden := []string{"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
			return sameCall(ours, theirs) && ours.status == theirs.status && ours.code == theirs.code && slices.Contains(hidden, ours.code)
		},
	},
	{
		name:   "answer without JSON",
		reason: "an answer that JSON cannot hold is the server's fault: INTERNAL; grpc-gateway says UNKNOWN, and why",
		explains: func(_ request, ours, theirs outcome) bool {
			return sameCall(ours, theirs) && ours.status == http.StatusInternalServerError && ours.status == theirs.status &&
				ours.code == "INTERNAL" && theirs.code == "UNKNOWN"
		},
	},
	{
		name:   "unknown code",
		reason: "a code that does not exist is UNKNOWN; grpc-gateway passes it on",
		explains: func(_ request, ours, theirs outcome) bool {
			return sameCall(ours, theirs) && ours.status == theirs.status && ours.code == "UNKNOWN" && theirs.code == ""
		},
	},
}

var (
	capitals     = regexp.MustCompile(`[A-Z]`)
	escapedSlash = regexp.MustCompile(`(?i)%2f`)
	dotSegment   = regexp.MustCompile(`(?i)/(\.|%2e){1,2}(/|:|$)`)
	emptySegment = regexp.MustCompile(`//|/$|/:`)
	undeclared   = regexp.MustCompile(`" is not a valid value|error: -?\d+ is not valid`)
)

// refused explains a 400 whose message matches a pattern, for what grpc-gateway accepts.
func refused(pattern string) func(request, outcome, outcome) bool {
	compiled := regexp.MustCompile(pattern)
	return func(_ request, ours, theirs outcome) bool {
		return ours.refused() && compiled.MatchString(ours.message) && theirs.accepted()
	}
}

func (o outcome) called() bool { return o.call.method != "" }

// accepted reports whether the request was found to be right. Then there was a call, or one that grpc-go refused to send.
func (o outcome) accepted() bool {
	return o.called() || strings.HasPrefix(o.message, "grpc: error while marshaling: ")
}

// refused reports whether the request itself was found to be wrong.
func (o outcome) refused() bool { return o.status == http.StatusBadRequest && !o.called() }

// unrouted reports whether no binding was found.
func (o outcome) unrouted() bool {
	return o.status == http.StatusNotFound || o.status == http.StatusMethodNotAllowed
}

// sameCall reports whether both made the same call.
func sameCall(ours, theirs outcome) bool {
	return ours.called() && ours.call.method == theirs.call.method && proto.Equal(ours.call.request, theirs.call.request)
}

// maskOf returns the update_mask of a request, nil without one.
func maskOf(message proto.Message) *fieldmaskpb.FieldMask {
	masked, ok := message.(interface{ GetUpdateMask() *fieldmaskpb.FieldMask })
	if !ok {
		return nil
	}
	return masked.GetUpdateMask()
}

// boundNames returns the names in a request that a variable of several segments, but not `**`, may have bound.
func boundNames(message proto.Message) []*string {
	switch m := message.(type) {
	case *transcodetestv1.Specimen:
		names := []*string{&m.Name}
		if m.GetPart() != nil {
			names = append(names, &m.Part.Name, &m.Part.Id)
		}
		return names
	case *ratingv1.GetUserRequest:
		return []*string{&m.Name}
	case *ratingv1.DeleteServiceRequest:
		return []*string{&m.Name}
	default:
		return nil
	}
}

// isOutput reports whether a path of an update mask leads to an OUTPUT_ONLY or IDENTIFIER field of the updated resource,
// which is the request's first field.
func isOutput(request proto.Message, path string) bool {
	message := request.ProtoReflect().Descriptor().Fields().Get(0).Message()
	if message == nil {
		message = (*transcodetestv1.Part)(nil).ProtoReflect().Descriptor()
	}
	for name := range strings.SplitSeq(path, ".") {
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return false
		}
		behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		if slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) || slices.Contains(behaviors, annotations.FieldBehavior_IDENTIFIER) {
			return true
		}
		message = field.Message()
		if message == nil {
			return false
		}
	}
	return false
}

func (r request) method() string {
	method, _, _, _ := r.parts()
	return method
}

func (r request) path() string {
	_, target, _, _ := r.parts()
	path, _, _ := strings.Cut(target, "?")
	return path
}

func (r request) body() string {
	_, _, body, _ := r.parts()
	return body
}

// explain returns the name of the difference between two outcomes, empty if they are equal, and false if none explains it.
// Where it takes several to make two requests alike it returns them all.
func explain(r request, ours, theirs outcome) (string, bool) {
	if ours.equal(theirs) {
		return "", true
	}
	var aligning []difference
	for _, d := range differences {
		if d.align != nil {
			aligning = append(aligning, d)
		}
		if d.explains != nil && d.explains(r, ours, theirs) || d.align != nil && aligned(r, ours, theirs, d) {
			return d.name, true
		}
	}
	if aligned(r, ours, theirs, aligning...) {
		return "several", true
	}
	return "", false
}

// aligned reports whether both called the same method with requests that differ, but only in these ways. The answers then
// differ too where they hold the request.
func aligned(r request, ours, theirs outcome, by ...difference) bool {
	if !ours.called() || ours.call.method != theirs.call.method || sameCall(ours, theirs) {
		return false
	}
	ours.call.request, theirs.call.request = proto.Clone(ours.call.request), proto.Clone(theirs.call.request)
	for _, d := range by {
		d.align(r, ours.call.request, theirs.call.request)
	}
	return sameCall(ours, theirs)
}
