package natsgrpc

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
)

func FuzzAnswerHeaders(f *testing.F) {
	f.Add("5", "not%20found", "CAU", "x", "y")
	f.Add("", "%", "=", "-bin", "AA==")
	f.Fuzz(func(t *testing.T, code, message, details, key, value string) {
		header := nats.Header{headerStatus: {code}, headerMessage: {message}, headerDetails: {details}, prefixMetadata + key: {value}}
		st, err := takeStatus(header)
		if err == nil && st != nil {
			again := nats.Header{}
			require.NoError(t, putStatus(again, st.Proto()))
			same, err := takeStatus(again)
			require.NoError(t, err)
			require.Equal(t, st.Code(), same.Code())
		}
		_, _ = takeMetadata(header, prefixMetadata)
	})
}

func FuzzMetadataComesBack(f *testing.F) {
	f.Add("key", "value")
	f.Add("key-bin", "\x00\r\n")
	f.Fuzz(func(t *testing.T, key, value string) {
		header := nats.Header{}
		if putMetadata(header, prefixMetadata, metadata.MD{key: {value}}) != nil || reservedKey(key) {
			return
		}
		for name, values := range header {
			for _, v := range append(values, name) {
				require.True(t, printable(v), "%q would break the header", v)
			}
		}
		md, err := takeMetadata(header, prefixMetadata)
		require.NoError(t, err)
		require.Equal(t, []string{value}, md[key])
	})
}

func FuzzPubAck(f *testing.F) {
	f.Add([]byte(`{"stream":"S","seq":1}`))
	f.Add([]byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = readPubAck(&nats.Msg{Data: data})
	})
}

func FuzzSubjectTokens(f *testing.F) {
	f.Add("rsp.a.b.c", 2)
	f.Fuzz(func(t *testing.T, subject string, i int) {
		if i < 0 || i > 100 {
			return
		}
		require.NotContains(t, tokenAt(subject, i), ".")
		require.NotContains(t, lastToken(subject), ".")
	})
}
