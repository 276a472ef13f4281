package cluster

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack"
	"github.com/codingflow/rating/proxy/operations"
)

// The prefixes of the users' inboxes, which NATS_INBOX_PREFIX tells the programs.
const (
	proxyInbox  = "_INBOX_proxy"
	ratingInbox = "_INBOX_rating"
)

const usersHeader = `# Made by ` + "`go run ./tools/dev generate`" + ` of what the programs need; do not edit. nats.conf includes it.
#
# The public key of each user is a variable of the environment. Each has inboxes of its own: ` + proxyInbox + `, ` + ratingInbox + `; NACK
# can have none but _INBOX, so people use another prefix: --nats-inbox-prefix _INBOX_admin.
`

// users returns the NATS users of the account that all of it runs in, as its part of nats-server's configuration.
func users(services []protoreflect.ServiceDescriptor) ([]byte, error) {
	var text strings.Builder
	text.WriteString(usersHeader + "users: [\n")
	for _, user := range []struct {
		about, key string
		may        natsgrpc.Permissions
	}{
		{"the proxies", "PROXY_NKEY", ProxyPermissions(proxyInbox)},
		{"the rating service", "RATING_NKEY", natsgrpc.ServerPermissions(ratingInbox, services...)},
		{"NACK's controller, which makes and changes the queues but cannot delete them", "NACK_NKEY", nack.Permissions()},
	} {
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
