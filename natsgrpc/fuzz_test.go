package natsgrpc

import (
	"testing"
	"time"

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

func FuzzParts(f *testing.F) {
	f.Add("token 3 100")
	f.Add("token 4096 2147483647")
	f.Add("a.b -1 x")
	f.Fuzz(func(t *testing.T, value string) {
		p, divided, err := takeParts(nats.Header{headerParts: {value}})
		if err != nil || !divided {
			require.Zero(t, p)
			return
		}
		require.True(t, validToken(p.token))
		require.True(t, p.count >= 1 && p.count <= maxParts && p.bytes >= 0)
		again, _, err := takeParts(nats.Header{headerParts: {p.String()}})
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

func FuzzDelivery(f *testing.F) {
	f.Add("$JS.ACK.QRY_svc_0.workers.2.10.30.1700000000000000001.4")
	f.Add("$JS.ACK.hub.HASH.QRY_svc_0.workers.2.10.30.1700000000000000001.4.x")
	f.Add("$JS.ACK.a.b.9223372036854775808.1.1.1.18446744073709551615")
	f.Fuzz(func(t *testing.T, subject string) {
		d := parseDelivery(subject)
		require.GreaterOrEqual(t, d.attempt, 0)
		require.GreaterOrEqual(t, d.pending, 0)
		require.Positive(t, (&method{backoff: 1}).backoffAfter(d.attempt))
	})
}

func FuzzBacklog(f *testing.F) {
	f.Add("cmd.svc.0 5 7", "cmd.svc.0 6 9")
	f.Add("cmd.svc.0 2147483647 18446744073709551615", "cmd.svc.0 2147483647 0")
	f.Fuzz(func(t *testing.T, first, second string) {
		c := &Conn{}
		used := c.queues.named("cmd.svc.0")
		for _, value := range []string{first, second} {
			c.observe(&nats.Msg{Header: nats.Header{headerBacklog: {value}}})
		}
		wait, _ := used.wait(used.at)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		delay := retryInfo(wait).GetRetryDelay().AsDuration()
		require.True(t, delay >= minRetryDelay && delay <= maxRetryDelay, "%v", delay)
	})
}
