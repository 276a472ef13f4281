package cluster

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack"
	"github.com/codingflow/rating/proxy/operations"
)

const usersHeader = `# Made by ` + "`go run ./tools/dev generate`" + ` of what the programs need; do not edit. nats.conf includes it.
#
# The public key of each user is a variable of the environment. Each has inboxes of its own: %s; NACK
# can have none but _INBOX, so people use another prefix: --nats-inbox-prefix _INBOX_admin.
`

// users returns the NATS users of the account that all of it runs in, as its part of nats-server's configuration.
func users(served []serving) ([]byte, error) {
	type user struct {
		about, key string
		may        natsgrpc.Permissions
	}
	all := []user{{"the proxies", key("proxy"), ProxyPermissions(inbox("proxy"))}}
	inboxes := []string{inbox("proxy")}
	for _, program := range served {
		all = append(all, user{
			"the " + program.name + " service", key(program.name), natsgrpc.ServerPermissions(inbox(program.name), program.services...),
		})
		inboxes = append(inboxes, inbox(program.name))
	}
	all = append(all, user{"NACK's controller, which makes and changes the queues but cannot delete them", key("nack"), nack.Permissions()})
	var text strings.Builder
	fmt.Fprintf(&text, usersHeader, strings.Join(inboxes, ", "))
	text.WriteString("users: [\n")
	for _, user := range all {
		permissions, err := PermissionsText(user.may, "    ")
		if err != nil {
			return nil, err
		}
		text.WriteString("  # " + user.about + "\n  {\n    nkey: $" + user.key + "\n    permissions: " + permissions + "  }\n")
	}
	text.WriteString("  # people: everything in the account\n  {nkey: $ADMIN_NKEY}\n]\n")
	return []byte(text.String()), nil
}

// ProxyPermissions returns what the NATS user of proxies needs that call all services, read their descriptors and keep operations.
func ProxyPermissions(inbox string) natsgrpc.Permissions {
	p := natsgrpc.ProxyPermissions(inbox)
	p.Publish = append(p.Publish, operations.Permissions(inbox).Publish...) // the inbox is there
	return p.InDomain("")
}

// PermissionsText returns the value of `permissions` in nats-server's configuration, of whose syntax JSON is part. Its lines
// but the first begin with indent.
func PermissionsText(p natsgrpc.Permissions, indent string) (string, error) {
	type allow struct {
		Allow []string `json:"allow"`
	}
	type responses struct {
		Max     int    `json:"max"`
		Expires string `json:"expires"`
	}
	config := struct {
		Publish   allow      `json:"publish"`
		Subscribe allow      `json:"subscribe"`
		Responses *responses `json:"allow_responses,omitempty"`
	}{Publish: allow{p.Publish}, Subscribe: allow{p.Subscribe}}
	if p.Responses {
		config.Responses = &responses{Max: 1, Expires: "1m"}
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(indent, "  ")
	err := encoder.Encode(config)
	return text.String(), err
}
