package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A client whose headers never end, in frames of which each is empty, cannot answer the server's ping either. So its connection
// ends, though the bytes never stop.
func TestHeadersThatNeverEndAreGivenUp(t *testing.T) {
	s := newSecret(t)
	cert, key := s.issue(t, "a", inTwoMonths())
	s.put(t, cert, key)
	tests := map[string]struct {
		certificate *Certificate
		dial        func(address string) (net.Conn, error)
	}{
		"h2c": {nil, func(address string) (net.Conn, error) { return net.Dial("tcp", address) }},
		"TLS": {s.load(t), func(address string) (net.Conn, error) {
			return tls.Dial("tcp", address, &tls.Config{RootCAs: s.authority, NextProtos: []string{http2.NextProtoTLS}})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, &users{}, Config{Certificate: test.certificate})
			server.limits.ping, server.limits.pong = 50*time.Millisecond, 50*time.Millisecond
			r := run(t, server)
			conn, err := test.dial(r.address)
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			var block bytes.Buffer
			require.NoError(t, hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":method", Value: "GET"}))
			writer := bufio.NewWriterSize(conn, 16<<10)
			framer := http2.NewFramer(writer, conn)
			_, err = writer.WriteString(http2.ClientPreface)
			require.NoError(t, err)
			require.NoError(t, framer.WriteSettings())
			require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true}))
			for err == nil {
				err = framer.WriteContinuation(1, false, nil)
			}
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
			require.Eventually(t, func() bool {
				open, _ := server.Connections()
				return open == 0
			}, 10*time.Second, time.Millisecond)
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}
