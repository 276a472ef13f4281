package cluster

import "strings"

// A program runs in the cluster under a name, which its Deployment, its NATS user and its Secret nats-NAME have too, and
// serves the services of one proto package.
type program struct{ name, protos string }

// programs are those that serve. `dev new-service` adds a line.
var programs = []program{
	{"rating", "rating.v1"},
}

// key is the variable of nats-server's environment that has the public key of a program's NATS user.
func key(name string) string { return strings.ToUpper(name) + "_NKEY" }

// inbox is the prefix of the inboxes of a program's NATS user, which NATS_INBOX_PREFIX tells the program.
func inbox(name string) string { return "_INBOX_" + name }
