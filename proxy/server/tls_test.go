package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// secret is a folder with a certificate and its key that is mounted as Kubernetes mounts a secret: both files are links to
// ..data, which is a link to a folder, and an update swaps that link.
type secret struct {
	folder    string
	authority *x509.CertPool
	version   int
}

func newSecret(t *testing.T) *secret {
	t.Helper()
	s := &secret{folder: t.TempDir(), authority: x509.NewCertPool()}
	for _, name := range []string{"tls.crt", "tls.key"} {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), s.file(name)))
	}
	return s
}

func (s *secret) file(name string) string { return filepath.Join(s.folder, name) }

func (s *secret) load(t *testing.T) *Certificate {
	t.Helper()
	certificate, err := LoadCertificate(s.file("tls.crt"), s.file("tls.key"))
	require.NoError(t, err)
	certificate.interval = time.Millisecond
	return certificate
}

// put swaps in what the files have from now on.
func (s *secret) put(t *testing.T, cert, key []byte) {
	t.Helper()
	s.version++
	version := fmt.Sprintf("..%d", s.version)
	require.NoError(t, os.Mkdir(s.file(version), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(s.file(version), "tls.crt"), cert, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.file(version), "tls.key"), key, 0o600))
	require.NoError(t, os.Symlink(version, s.file("..next")))
	require.NoError(t, os.Rename(s.file("..next"), s.file("..data")))
}

// issue makes a certificate for 127.0.0.1 that names a subject and ends at a time, and its key.
func (s *secret) issue(t *testing.T, subject string, end time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: subject},
		NotBefore:    end.Add(-90 * 24 * time.Hour),
		NotAfter:     end,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s.authority.AddCert(parsed)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// inTwoMonths is when the certificates of these tests end that are not about their end.
func inTwoMonths() time.Time { return time.Now().Add(60 * 24 * time.Hour) }

// subject returns what the certificate of a new connection names.
func (s *secret) subject(t *testing.T, r *running) string {
	t.Helper()
	conn, err := tls.Dial("tcp", r.address, &tls.Config{RootCAs: s.authority})
	require.NoError(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestACertificateIsReplacedUnderConnections(t *testing.T) {
	s := newSecret(t)
	cert, key := s.issue(t, "first", inTwoMonths())
	s.put(t, cert, key)
	var log lines
	server := newServer(t, &users{}, Config{Certificate: s.load(t), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := run(t, server)

	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority}, MaxConnsPerHost: 1, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
		transport.Protocols.SetHTTP2(protocol == "HTTP/2.0")
		defer transport.CloseIdleConnections()
		get := func() string {
			response, err := (&http.Client{Transport: transport}).Get("https://" + r.address + "/api/users")
			require.NoError(t, err)
			defer response.Body.Close()
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			require.Equal(t, 200, response.StatusCode)
			require.Equal(t, protocol, response.Proto)
			return response.TLS.PeerCertificates[0].Subject.CommonName
		}
		before := get()
		next := before + " " + protocol
		cert, key := s.issue(t, next, inTwoMonths())
		s.put(t, cert, key)
		require.Eventually(t, func() bool { return s.subject(t, r) == next }, 10*time.Second, time.Millisecond)
		require.Equal(t, before, get(), "the connection goes on")
		transport.CloseIdleConnections()
		require.Equal(t, next, get())
	}
	require.Len(t, log.with(`level=INFO msg="certificate replaced" expires=`), 2)
	r.stop()
	require.NoError(t, <-r.done)
}

// A pair that is broken is told once, and the old one stays until there is one that works.
func TestABrokenPairKeepsTheOldCertificate(t *testing.T) {
	s := newSecret(t)
	cert, key := s.issue(t, "good", inTwoMonths())
	_, otherKey := s.issue(t, "other", inTwoMonths())
	s.put(t, cert, key)
	var log lines
	r := run(t, newServer(t, &users{}, Config{Certificate: s.load(t), Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	broken := []struct {
		spoil func()
		want  string
	}{
		{func() { s.put(t, cert, otherKey) }, "tls: private key does not match public key"},
		{func() { s.put(t, cert[:len(cert)/2], key) }, "tls: failed to find any PEM data in certificate input"},
		{func() { s.put(t, nil, nil) }, "tls: failed to find any PEM data in certificate input"},
		{func() { require.NoError(t, os.Remove(s.file("..data"))) }, "read certificate: open "},
	}
	for i, b := range broken {
		b.spoil()
		require.Eventually(t, func() bool { return len(log.with("the certificate cannot be replaced; the old one stays")) > i }, 10*time.Second, time.Millisecond)
		require.Equal(t, "good", s.subject(t, r))
	}
	cert, key = s.issue(t, "better", inTwoMonths())
	s.put(t, cert, key)
	require.Eventually(t, func() bool { return s.subject(t, r) == "better" }, 10*time.Second, time.Millisecond)
	told := log.with("the certificate cannot be replaced; the old one stays")
	require.Len(t, told, len(broken), "each once")
	for i, b := range broken {
		require.Contains(t, told[i], b.want)
	}
	r.stop()
	require.NoError(t, <-r.done)
}

func TestTheEndOfACertificateIsToldOnce(t *testing.T) {
	end := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Second).UTC()
	s := newSecret(t)
	cert, key := s.issue(t, "a", end)
	s.put(t, cert, key)
	certificate := s.load(t)
	var log lines
	logger := slog.New(slog.NewTextHandler(&log, nil))
	check := func(now time.Time, soon, over int) {
		t.Helper()
		certificate.checkExpiry(logger, now)
		require.Len(t, log.with(`level=WARN msg="the certificate expires soon" expires=`+end.Format("2006-01-02T15:04:05.000Z")), soon)
		require.Len(t, log.with(`level=ERROR msg="the certificate has expired; clients refuse it" expired=`+end.Format("2006-01-02T15:04:05.000Z")), over)
	}
	check(end.Add(-expiryWarning), 0, 0)
	check(end.Add(-expiryWarning+time.Second), 1, 0)
	check(end, 1, 0)
	check(end.Add(time.Second), 1, 1)
	check(end.Add(time.Hour), 1, 1)

	end = end.Add(time.Hour)
	cert, key = s.issue(t, "b", end)
	s.put(t, cert, key)
	changed, err := certificate.reload()
	require.NoError(t, err)
	require.True(t, changed)
	check(end.Add(time.Second), 0, 1)
}

func TestLoadCertificateSaysWhatIsWrong(t *testing.T) {
	_, err := LoadCertificate("/no/such/cert", "/no/such/key")
	require.EqualError(t, err, "read certificate: open /no/such/cert: no such file or directory\nopen /no/such/key: no such file or directory")
	s := newSecret(t)
	s.put(t, []byte("x"), []byte("y"))
	_, err = LoadCertificate(s.file("tls.crt"), s.file("tls.key"))
	require.EqualError(t, err, "read certificate "+s.file("tls.crt")+" with key "+s.file("tls.key")+": tls: failed to find any PEM data in certificate input")
}

// What is not TLS 1.2 or 1.3 gets no further than the handshake, and does not fill the log.
func TestTLSRefusesWhatIsNot(t *testing.T) {
	s := newSecret(t)
	cert, key := s.issue(t, "a", inTwoMonths())
	s.put(t, cert, key)
	var log lines
	r := run(t, newServer(t, &users{}, Config{Certificate: s.load(t), Logger: slog.New(slog.NewTextHandler(&log, nil))}))

	status, body, err := r.send(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")()
	require.NoError(t, err)
	require.Equal(t, 400, status)
	require.Equal(t, "Client sent an HTTP request to an HTTPS server.\n", body)

	_, err = tls.Dial("tcp", r.address, &tls.Config{RootCAs: s.authority, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.ErrorContains(t, err, "protocol version not supported")
	_, err = tls.Dial("tcp", r.address, &tls.Config{RootCAs: s.authority, NextProtos: []string{"spdy/1"}})
	require.ErrorContains(t, err, "no application protocol")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn, err := tls.Dial("tcp", r.address, &tls.Config{RootCAs: s.authority, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
		require.NoError(t, err)
		require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
		require.NoError(t, conn.Close())
	}
	r.stop()
	require.NoError(t, <-r.done)
	require.Empty(t, log.with("TLS handshake error"))
}

// The order to come by TLS only goes to those who have, here or to a proxy that is trusted.
func TestHSTS(t *testing.T) {
	s := newSecret(t)
	cert, key := s.issue(t, "a", inTwoMonths())
	s.put(t, cert, key)
	config := Config{HSTS: 24 * time.Hour, Certificate: s.load(t), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	server := newServer(t, &users{}, config)
	header := func(headers ...string) string {
		return do(server, "GET", "/nothing", headers...).Header().Get("Strict-Transport-Security")
	}
	require.Empty(t, header())
	require.Empty(t, header("X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: http"))
	require.Equal(t, "max-age=86400", header("X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https"))

	r := run(t, server)
	conn, err := tls.Dial("tcp", r.address, &tls.Config{RootCAs: s.authority})
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "max-age=86400", response.Header.Get("Strict-Transport-Security"))
	r.stop()
	require.NoError(t, <-r.done)
}
