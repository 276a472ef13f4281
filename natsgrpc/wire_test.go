package natsgrpc

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proto/descriptors"
)

func TestSubjects(t *testing.T) {
	svc := descriptors.Token("rating.v1.UserService")
	require.Equal(t, "rating_v1_UserService", svc)
	require.Equal(t, "qry.rating_v1_UserService.0.GetUser.id", requestSubject(&method{kind: query, service: svc, name: "GetUser"}, "id"))
	require.Equal(t, "cmd.rating_v1_UserService.0.CreateUser.id", requestSubject(&method{kind: command, service: svc, name: "CreateUser"}, "id"))
	require.Equal(t, "rsp.rating_v1_UserService.id.conn", responseSubject(svc, "id", "conn"))
	require.Equal(t, "rep.rating_v1_UserService.conn.7", replySubject(svc, "conn", "7"))
	require.Equal(t, "alive.rating_v1_UserService", aliveSubject(svc))
	for i, want := range []string{"a", "b", "c", "", ""} {
		require.Equal(t, want, tokenAt("a.b.c", i), "token %d", i)
	}
	require.Equal(t, "c", lastToken("a.b.c"))
	require.Equal(t, "a", lastToken("a"))
}

func TestValidToken(t *testing.T) {
	for token, want := range map[string]bool{
		"a": true, "A-Z_0=": true, strings.Repeat("x", 128): true,
		"": false, "a.b": false, "*": false, ">": false, "a b": false, "a\n": false, "é": false, strings.Repeat("x", 129): false,
	} {
		require.Equal(t, want, validToken(token), "%q", token)
	}
}

func TestMalformedHeadersAreErrors(t *testing.T) {
	_, err := takeMetadata(nats.Header{"Md-x-bin": {"?"}}, prefixMetadata)
	require.EqualError(t, err, "header Md-x-bin: illegal base64 data at input byte 0")
	_, _, err = takeDeadline(nats.Header{headerDeadline: {"soon"}})
	require.ErrorContains(t, err, "header Natsgrpc-Deadline: ")
	for _, header := range []nats.Header{
		{headerStatus: {"x"}},
		{headerStatus: {"-1"}},
		{headerStatus: {"5"}, headerDetails: {"?"}},
		{headerStatus: {"5"}, headerDetails: {"/w"}},
	} {
		_, err := takeStatus(header)
		require.Error(t, err, "%v", header)
	}
}

func TestPaddedBase64IsReadToo(t *testing.T) {
	md, err := takeMetadata(nats.Header{"Md-x-bin": {"AA=="}}, prefixMetadata)
	require.NoError(t, err)
	require.Equal(t, metadata.MD{"x-bin": {"\x00"}}, md)
}

func TestSpacesAtTheEndsOfMetadataAreKept(t *testing.T) {
	for value, want := range map[string]string{"": "", "a b": "a b", " a": "%20a", "a  ": "a%20%20", "  ": "%20%20", "50% ": "50%25%20"} {
		require.Equal(t, want, escapeValue(value))
		header := nats.Header{}
		require.NoError(t, putMetadata(header, prefixMetadata, metadata.MD{"key": {value}}))
		md, err := takeMetadata(header, prefixMetadata)
		require.NoError(t, err)
		require.Equal(t, []string{value}, md["key"])
	}
	_, err := takeMetadata(nats.Header{"Md-key": {"%zz"}}, prefixMetadata)
	require.EqualError(t, err, `header Md-key: invalid URL escape "%zz"`)
}

func TestForbiddenMetadataIsRefused(t *testing.T) {
	for key, want := range map[string]string{
		"":        "there is an empty key in the header",
		"Upper":   `header key "Upper" contains illegal characters not in [0-9a-z-_.]`,
		"a b":     `header key "a b" contains illegal characters not in [0-9a-z-_.]`,
		"newline": `header key "newline" contains value with non-printable ASCII characters`,
	} {
		require.EqualError(t, putMetadata(nats.Header{}, prefixMetadata, metadata.MD{key: {"a\nb"}}), want)
	}
}

func TestPubAckErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		msg    *nats.Msg
		code   codes.Code
		reason string
		taken  bool
		full   bool
	}{
		{"stored", &nats.Msg{Data: []byte(`{"stream":"S","seq":1}`)}, codes.OK, "", false, false},
		{"duplicate", &nats.Msg{Data: []byte(`{"stream":"S","seq":1,"duplicate": true}`)}, codes.OK, "", false, false},
		{"in the queue already", &nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}`)}, codes.OK, "", true, false},
		{"in the queue already, replicated", &nats.Msg{Data: []byte(`{"error":{"code":400,"err_code":10158,"description":"x"}}`)}, codes.OK, "", true, false},
		{"full", &nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}`)}, codes.OK, "", false, true},
		{"full of bytes", &nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`)}, codes.OK, "", false, true},
		{"no stream", &nats.Msg{Header: nats.Header{"Status": {"503"}}}, codes.Unavailable, ReasonNoQueue, false, false},
		{"another error", &nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10039,"description":"jetstream not enabled"}}`)}, codes.Unavailable, ReasonNoQueue, false, false},
		{"malformed", &nats.Msg{Data: []byte(`{"error"`)}, codes.Internal, "", false, false},
	} {
		ack := readPubAck(c.msg)
		err := ack.err
		require.Equal(t, c.taken, ack.taken, c.name)
		require.Equal(t, c.name == "duplicate", ack.duplicate, c.name)
		require.Equal(t, c.name == "duplicate", ack.sequence == 1, c.name)
		if c.full {
			require.ErrorIs(t, err, errQueueFull)
			continue
		}
		require.Equal(t, c.code, status.Code(err), c.name)
		if c.reason != "" {
			require.Contains(t, status.Convert(err).Proto().String(), c.reason, c.name)
		}
	}
}
