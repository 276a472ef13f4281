package natsdial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Connect connects to NATS under a name that the server's monitoring shows. Options in extra come last.
//
// A connection that was made is made again for ever when it is lost, the first time at once, even while the server refuses the user: its
// credentials may be about to be replaced. What happens to it is logged, never with a password. An error is one sentence
// for the person who typed the command: what is wrong with a flag, the server cannot be reached, it refuses the user, its
// certificate is not trusted.
func (c Config) Connect(name string, logger *slog.Logger, extra ...nats.Option) (*nats.Conn, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	options = append(options, nats.Name(name), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				logger.Warn("disconnected from NATS", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			logger.Info("connected to NATS again", "connection", name, "nats", nc.ConnectedAddr())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { logError(logger, name, sub, err) }))
	nc, err := nats.Connect(c.URL, append(options, extra...)...)
	if err != nil {
		return nil, c.failure(err)
	}
	return nc, nil
}

// firstReconnect is the longest wait before the first try.
const firstReconnect = 50 * time.Millisecond

// reconnectDelay returns how long to wait before all addresses are tried again, of which the first round is 1: little at first,
// since behind one address there may be other servers, as there are behind a Service of Kubernetes, and the calls of the
// meantime fail; then twice as long each time, to nats.DefaultReconnectWait. Half of it is chance: not all clients come at once.
func reconnectDelay(round int) time.Duration {
	most := min(firstReconnect<<min(round-1, 10), nats.DefaultReconnectWait)
	return most/2 + rand.N(most/2)
}

// logError logs what goes wrong beside any call.
func logError(logger *slog.Logger, name string, sub *nats.Subscription, err error) {
	logger = logger.With("connection", name, "error", err)
	switch {
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		dropped, _ := sub.Dropped() // fails where the subscription has ended
		logger.Error("NATS messages came faster than they were handled, and were dropped", "subject", sub.Subject, "dropped", dropped)
	case errors.Is(err, nats.ErrPermissionViolation):
		logger.Error("NATS denies this user a subject")
	case refusesUser(err):
		logger.Error("NATS refuses this user")
	default:
		logger.Error("an error from NATS")
	}
}

// failure returns the sentence for an error of nats.Connect.
func (c Config) failure(err error) error {
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	operation, _ := errors.AsType[*net.OpError](err)
	alert := operation != nil && operation.Op == "remote error" // crypto/tls does not export the type of alerts
	var what string
	switch {
	case unknownAuthority:
		what = "has a certificate that is not trusted; give its authority's with --nats-ca"
	case badCertificate:
		what = "has a certificate that is not valid"
	case alert || errors.Is(err, nats.ErrTLS):
		what = "broke TLS off; it may want a certificate that it trusts, with --nats-cert and --nats-key"
	case errors.Is(err, nats.ErrSecureConnWanted):
		what = "has no TLS, which --nats-ca, --nats-cert and tls:// ask for"
	case refusesUser(err):
		what = c.refusal()
	default:
		return fmt.Errorf("cannot reach NATS at %s: %w", c.Redacted(), err)
	}
	return fmt.Errorf("NATS at %s %s: %w", c.Redacted(), what, err)
}

// refusal says which user a server refuses.
func (c Config) refusal() string {
	switch {
	case c.Creds != "":
		return "refuses the user in --nats-creds"
	case c.NKey != "":
		return "refuses the user in --nats-nkey"
	case strings.Contains(c.URL, "@"):
		return "refuses the user in --nats"
	default:
		return "wants a user; give one with --nats-creds, --nats-nkey, or in the URL"
	}
}

// refusesUser reports whether a server said err about the user.
func refusesUser(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}
