package faults

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/codingflow/rating/proxy/server"
)

// identity makes a certificate for 127.0.0.1 as the server takes it, and what its clients trust.
func identity(t testing.TB) (*server.Certificate, *x509.CertPool) {
	t.Helper()
	known := httptest.NewTLSServer(http.NotFoundHandler()) // it has a certificate with a long life
	defer known.Close()
	key, err := x509.MarshalPKCS8PrivateKey(known.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: known.Certificate().Raw}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	certificate, err := server.LoadCertificate(certFile, keyFile)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(known.Certificate())
	return certificate, trusted
}

// overBoth runs a test of HTTP/2 with TLS and without, each on a proxy of its own.
func overBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("h2c", func(t *testing.T) { test(t, newDefaultWorld(t, server.Config{})) })
	t.Run("TLS", func(t *testing.T) {
		certificate, trusted := identity(t)
		w := newDefaultWorld(t, server.Config{Certificate: certificate})
		w.trusted = trusted
		test(t, w)
	})
}

// http2Conn is a connection whose client writes the frames that it likes.
type http2Conn struct {
	net.Conn
	*http2.Framer
	t      testing.TB
	writer *bufio.Writer
	block  bytes.Buffer
	hpack  *hpack.Encoder
}

// dialHTTP2 opens a connection that has begun as it should.
func (w *world) dialHTTP2(t testing.TB) *http2Conn {
	t.Helper()
	c := &http2Conn{Conn: w.dialProtocol(http2.NextProtoTLS), t: t}
	c.writer = bufio.NewWriterSize(c.Conn, 16<<10)
	c.Framer = http2.NewFramer(c.writer, bufio.NewReader(c.Conn))
	c.AllowIllegalWrites = true
	c.hpack = hpack.NewEncoder(&c.block)
	_, err := c.writer.WriteString(http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, c.WriteSettings())
	require.NoError(t, c.WriteWindowUpdate(0, 1<<30)) // for the bodies of all answers
	require.NoError(t, c.writer.Flush())
	return c
}

// get returns the headers of a GET, encoded. They hold as long as no others are.
func (c *http2Conn) get(path string) []byte { return c.encode(http.MethodGet, path) }

// post returns those of the upload of a stream.
func (c *http2Conn) post(path string) []byte {
	return c.encode(http.MethodPost, path, hpack.HeaderField{Name: "content-type", Value: "application/x-ndjson"})
}

func (c *http2Conn) encode(method, path string, more ...hpack.HeaderField) []byte {
	c.block.Reset()
	for _, field := range append([]hpack.HeaderField{
		{Name: ":method", Value: method}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path}, {Name: ":authority", Value: "x"},
	}, more...) {
		require.NoError(c.t, c.hpack.WriteField(field))
	}
	return c.block.Bytes()
}

// literal returns a header that no table has, encoded.
func (c *http2Conn) literal(name string, length int) []byte {
	c.block.Reset()
	require.NoError(c.t, c.hpack.WriteField(hpack.HeaderField{Name: name, Value: strings.Repeat("a", length), Sensitive: true}))
	return c.block.Bytes()
}

// request begins a GET that has no body.
func (c *http2Conn) request(stream uint32, path string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.get(path), EndStream: true, EndHeaders: true})
}

// flood writes frames until the server has closed the connection, or there were n of them. It tells how many there were.
func (c *http2Conn) flood(n int, next func(n int) error) <-chan int {
	done := make(chan int, 1)
	go func() {
		sent := 0
		for ; sent < n; sent++ {
			if err := next(sent); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					c.t.Errorf("the connection takes no more after %d frames, and stays open", sent)
				}
				break
			}
		}
		_ = c.writer.Flush() // the server may be gone
		done <- sent
	}()
	return done
}

// goAway reads frames until the server closes the connection, and returns the error code of its last GOAWAY, and false if it
// sent none.
func (c *http2Conn) goAway() (code http2.ErrCode, ok bool) {
	c.t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			require.NotErrorIs(c.t, err, os.ErrDeadlineExceeded, "the connection stays open")
			return code, ok
		}
		if last, is := frame.(*http2.GoAwayFrame); is {
			code, ok = last.ErrCode, true
		}
	}
}

// settle sends what was written, and reads until as many frames have come that answer: those of a type, and with HTTP's data
// those that end a stream, since one whose end is still to come counts for the server's limit.
func (c *http2Conn) settle(n int, kind http2.FrameType) {
	c.t.Helper()
	require.NoError(c.t, c.SetDeadline(time.Now().Add(soon)))
	require.NoError(c.t, c.writer.Flush())
	for n > 0 {
		frame, err := c.ReadFrame()
		require.NoError(c.t, err)
		header := frame.Header()
		if header.Type == kind && (kind != http2.FrameData || header.Flags.Has(http2.FlagDataEndStream)) {
			n--
		}
	}
}

// closeWrite says that nothing more is sent.
func (c *http2Conn) closeWrite() { _ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// dialProtocol opens a connection for a protocol, with TLS if the proxy speaks it. It is closed when the test ends.
func (w *world) dialProtocol(protocol string) net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	require.NoError(w.t, err)
	if w.trusted != nil {
		conn = tls.Client(conn, &tls.Config{RootCAs: w.trusted, ServerName: "127.0.0.1", NextProtos: []string{protocol}})
	}
	w.t.Cleanup(func() { conn.Close() })
	require.NoError(w.t, conn.SetDeadline(time.Now().Add(soon)))
	return conn
}
