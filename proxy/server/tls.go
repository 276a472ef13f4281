package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// reloadInterval is how often the files of a certificate are read. Kubernetes takes up to a minute to change them.
	reloadInterval = 10 * time.Second
	// expiryWarning is how long before its end a certificate is complained of, once: renewal has failed for a while, since it
	// is due at a third of the life, which is a month of Let's Encrypt's.
	expiryWarning = 7 * 24 * time.Hour
)

// Certificate is a chain of certificates and its key, from two files in PEM. While a server with it serves, the files are
// read every 10 seconds: what has changed is used for new connections, and those that are open go on. A pair that is broken
// is logged and not used. The files may be links that are swapped, as in the volumes of Kubernetes' secrets. It is for one
// server.
type Certificate struct {
	certFile, keyFile string
	interval          time.Duration
	current           atomic.Pointer[tls.Certificate]
	// cert and key are what the files held, or why they could not be read, so that each fault is told once.
	cert, key []byte
	expiry    expiryState
}

// expiryState is what was logged about the end of the current certificate.
type expiryState int

const (
	lasting expiryState = iota
	expiring
	expired
)

// LoadCertificate reads a certificate and its key.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, interval: reloadInterval}
	if _, err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// reload reads the files, and reports whether what they hold is new and used.
func (c *Certificate) reload() (bool, error) {
	cert, certErr := os.ReadFile(c.certFile)
	key, keyErr := os.ReadFile(c.keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		text := []byte(err.Error())
		if bytes.Equal(text, c.cert) {
			return false, nil
		}
		c.cert, c.key = text, nil
		return false, fmt.Errorf("read certificate: %w", err)
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	c.cert, c.key = cert, key
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("read certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	c.expiry = lasting
	return true, nil
}

// watch reloads the files until ctx ends.
func (c *Certificate) watch(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		c.checkExpiry(logger, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := c.reload()
		if err != nil {
			logger.Error("the certificate cannot be replaced; the old one stays", slog.String("error", err.Error()))
		}
		if changed {
			logger.Info("certificate replaced", slog.Time("expires", c.current.Load().Leaf.NotAfter))
		}
	}
}

// checkExpiry logs once that the current certificate ends soon, and once that it has.
func (c *Certificate) checkExpiry(logger *slog.Logger, now time.Time) {
	end := c.current.Load().Leaf.NotAfter
	switch {
	case now.After(end) && c.expiry != expired:
		c.expiry = expired
		logger.Error("the certificate has expired; clients refuse it", slog.Time("expired", end))
	case now.After(end.Add(-expiryWarning)) && c.expiry == lasting:
		c.expiry = expiring
		logger.Warn("the certificate expires soon", slog.Time("expires", end))
	}
}

// config returns what new connections are made with. Below TLS 1.2 there is nothing that is still safe (RFC 8996); 1.3 is
// preferred by the protocol itself.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// withHSTS tells browsers that have come by TLS to come by nothing else for a time (RFC 6797), unless that is 0.
func withHSTS(maxAge time.Duration, next http.Handler) http.Handler {
	if maxAge == 0 {
		return next
	}
	value := "max-age=" + strconv.FormatInt(int64(maxAge/time.Second), 10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSecure(r) {
			w.Header().Set("Strict-Transport-Security", value)
		}
		next.ServeHTTP(w, r)
	})
}
