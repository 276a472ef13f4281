package main

import (
	"errors"
	"io"
	"os"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/tools/dev/cluster"
)

type permissionsCommand struct {
	Role     string   `arg:"" enum:"server,client,proxy" help:"server: pulls the services' calls and answers them. client: calls them. proxy: calls all services that there are and will be, reads their descriptors, and keeps operations."`
	Services []string `arg:"" optional:"" help:"Full names of the services, such as rating.v1.UserService; none for the proxy."`
	Inbox    string   `required:"" help:"Prefix of the user's inboxes, which no other user may have (--nats-inbox-prefix)."`
	Domain   string   `help:"JetStream domain of the streams, where it is not the one that the user connects to (--nats-domain)."`
	Format   string   `enum:"json,conf,nsc" default:"json" help:"json: the value of permissions in nats-server's configuration. conf: the user, as a configuration of its own. nsc: a command that adds the user to an account."`
}

// Run prints the permissions of a NATS user.
func (c *permissionsCommand) Run() error {
	return c.write(os.Stdout)
}

// write writes the permissions in the format.
func (c *permissionsCommand) write(w io.Writer) error {
	p, err := c.permissions()
	if err != nil {
		return err
	}
	var text string
	switch c.Format {
	case "conf":
		text, err = confText(p)
	case "nsc":
		text = nscText(p)
	default:
		text, err = cluster.PermissionsText(p, "")
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// permissions returns what the user needs.
func (c *permissionsCommand) permissions() (natsgrpc.Permissions, error) {
	if (c.Role == "proxy") != (len(c.Services) == 0) {
		return natsgrpc.Permissions{}, errors.New("name the services of a server or a client, and none of the proxy's")
	}
	if c.Role == "proxy" {
		return cluster.ProxyPermissions(c.Inbox).InDomain(c.Domain), nil
	}
	services, err := findServices(c.Services)
	if err != nil {
		return natsgrpc.Permissions{}, err
	}
	if c.Role == "server" {
		return natsgrpc.ServerPermissions(c.Inbox, services...).InDomain(c.Domain), nil
	}
	return natsgrpc.ConnPermissions(c.Inbox, services...).InDomain(c.Domain), nil
}

// confText returns a configuration with one user, whose public key is a variable: nats-server takes it from its environment
// or from an assignment in the configuration.
func confText(p natsgrpc.Permissions) (string, error) {
	permissions, err := cluster.PermissionsText(p, "      ")
	return `# $NKEY is the user's public key. The seed of the key is what --nats-nkey reads.
authorization {
  users: [
    {
      nkey: $NKEY
      permissions: ` + permissions + `    }
  ]
}
`, err
}

// nscText returns a command that adds a user, whose name is a variable of the shell.
func nscText(p natsgrpc.Permissions) string {
	text := `nsc add user "$NAME"`
	for _, subject := range p.Publish {
		text += " \\\n  --allow-pub '" + subject + "'"
	}
	for _, subject := range p.Subscribe {
		text += " \\\n  --allow-sub '" + subject + "'"
	}
	if p.Responses {
		text += " \\\n  --allow-pub-response=1 --response-ttl 1m"
	}
	return text + "\n"
}
