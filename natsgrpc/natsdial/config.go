// Package natsdial connects a program to NATS as its command line says: to which servers, as which user, and trusting whose
// certificates. Config is a group of flags for kong.
//
//	type config struct {
//		NATS natsdial.Config `embed:"" group:"NATS"`
//	}
//
//	nc, err := cfg.NATS.Connect("proxy", logger)
package natsdial

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// Config says how to connect to NATS. Its flags and environment variables have the names that NATS's own tools use, but
// --nats for the URL, and a prefix before the other flags.
type Config struct {
	// URL is one URL of a NATS server, or several, separated by commas. Empty means nats.DefaultURL.
	URL string `name:"nats" env:"NATS_URL" default:"nats://127.0.0.1:4222" help:"URL of the NATS server, or several, separated by commas."`
	// Domain is the JetStream domain of the streams, "" for the one of the server that is connected to. Connect does not use
	// it; natsgrpc.WithJetStreamDomain does.
	Domain string `name:"nats-domain" env:"NATS_DOMAIN" placeholder:"NAME" help:"JetStream domain of the streams, where it is not the server's own: of a leaf node's hub."`
	Security
}

// Security is what Config has beside the URL: who the user is, and who is trusted. The zero value is a user without a
// name that trusts the system's authorities.
//
// All files but the NKey's are read anew whenever the connection is made again, so that they can be replaced while the
// program runs. Another NKey needs a restart.
type Security struct {
	// Creds is a file with the JWT and the seed of a user, as nsc writes it. It excludes NKey.
	Creds string `name:"nats-creds" env:"NATS_CREDS" placeholder:"FILE" help:"Credentials of the NATS user: a file with its JWT and its seed."`
	// NKey is a file with the seed of a user that the server knows by its public key.
	NKey string `name:"nats-nkey" env:"NATS_NKEY" placeholder:"FILE" help:"NKey of the NATS user: a file with its seed."`
	// CA is a PEM file with the authorities that the server's certificate may come from. With it nothing but TLS will do.
	CA string `name:"nats-ca" env:"NATS_CA" placeholder:"FILE" help:"Certificates of the authorities to trust for TLS, in PEM. Default: the system's."`
	// Cert and Key are PEM files with the certificate that the program shows to the server. With them nothing but TLS will do.
	Cert string `name:"nats-cert" env:"NATS_CERT" placeholder:"FILE" help:"Certificate of this program for TLS, in PEM, for a server that asks for it."`
	Key  string `name:"nats-key" env:"NATS_KEY" placeholder:"FILE" help:"Private key of the certificate, in PEM."`
	// InboxPrefix is what the subjects of replies begin with; see natsgrpc.ServerPermissions. Empty means "_INBOX".
	InboxPrefix string `name:"nats-inbox-prefix" env:"NATS_INBOX_PREFIX" placeholder:"PREFIX" help:"What the NATS user's inboxes begin with, where it may not subscribe to others. Default: _INBOX."`
}

// Validate says in one sentence what Connect cannot use: flags that do not go together, a file that cannot be read or holds
// something else. Kong calls it after parsing.
func (c Config) Validate() error {
	_, err := c.options()
	return err
}

// Redacted returns the URLs without passwords and tokens, for messages to people.
func (c Config) Redacted() string {
	servers, err := c.servers()
	if err != nil {
		return "an unknown URL"
	}
	texts := make([]string, len(servers))
	for i, server := range servers {
		if _, hasPassword := server.User.Password(); server.User != nil && !hasPassword {
			server.User = url.User("xxxxx") // NATS takes a user without a password as a token
		}
		texts[i] = server.Redacted()
	}
	return strings.Join(texts, ",")
}

// servers parses the URLs as nats.Connect does. Its error does not quote them, since they may have passwords.
func (c Config) servers() ([]*url.URL, error) {
	if c.URL == "" {
		c.URL = nats.DefaultURL
	}
	var servers []*url.URL
	for text := range strings.SplitSeq(c.URL, ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		server, err := url.Parse(text)
		if err != nil || server.Host == "" {
			return nil, errors.New("--nats is not a URL; special characters in a user or a password must be percent-encoded")
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// options returns the flags as options of nats.Connect that were tried.
func (c Config) options() ([]nats.Option, error) {
	if _, err := c.servers(); err != nil {
		return nil, err
	}
	switch {
	case c.Creds != "" && c.NKey != "":
		return nil, errors.New("--nats-creds and --nats-nkey exclude each other")
	case c.Cert != "" && c.Key == "":
		return nil, errors.New("--nats-cert needs --nats-key")
	case c.Key != "" && c.Cert == "":
		return nil, errors.New("--nats-key needs --nats-cert")
	}
	var options []nats.Option
	for _, flag := range []struct {
		name, value string
		option      func() (nats.Option, error)
	}{
		{"nats-creds", c.Creds, c.credentials},
		{"nats-nkey", c.NKey, func() (nats.Option, error) { return nats.NkeyOptionFromSeed(c.NKey) }},
		{"nats-ca", c.CA, func() (nats.Option, error) { return nats.RootCAs(c.CA), nil }},
		{"nats-cert", c.Cert, func() (nats.Option, error) { return nats.ClientCert(c.Cert, c.Key), nil }},
		{"nats-inbox-prefix", c.InboxPrefix, func() (nats.Option, error) { return nats.CustomInboxPrefix(c.InboxPrefix), nil }},
	} {
		if flag.value == "" {
			continue
		}
		option, err := flag.option()
		if err == nil {
			err = option(&nats.Options{})
		}
		if err != nil {
			return nil, fmt.Errorf("cannot use --%s: %w", flag.name, err)
		}
		options = append(options, option)
	}
	return options, nil
}

// credentials returns the option for the credentials file. The option itself reads the file only when it connects.
func (c Config) credentials() (nats.Option, error) {
	var tried nats.Options
	option := nats.UserCredentials(c.Creds)
	if err := option(&tried); err != nil {
		return nil, err
	}
	if _, err := tried.UserJWT(); err != nil {
		return nil, err
	}
	_, err := tried.SignatureCB(nil)
	return option, err
}
