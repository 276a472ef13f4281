package natsgrpc

import (
	"strconv"
	"strings"
)

// kind tells the two queues of a service apart.
type kind string

const (
	query   kind = "qry"
	command kind = "cmd"
)

// requestSubject is the subject that a request is published on.
func requestSubject(m *method, id string) string { return requestSubjectIn(m, m.shard(id), id) }

// requestSubjectIn is the subject of a request in a shard.
func requestSubjectIn(m *method, shard, id string) string {
	return string(m.kind) + "." + m.service + "." + shard + "." + m.name + "." + id
}

// responseSubject is the subject of the answer to a command.
func responseSubject(service, id, conn string) string {
	return "rsp." + service + "." + id + "." + conn
}

// replySubject is the subject of the answer to a query.
func replySubject(service, conn, n string) string {
	return "rep." + service + "." + conn + "." + n
}

// deadSubject is the subject of a dead letter.
func deadSubject(service, method, id string) string {
	return "dead." + service + "." + method + "." + id
}

// streamSubject is the subject of what a client sends on a stream to the server that has claimed it.
func streamSubject(service, server, n string) string {
	return "str." + service + "." + server + "." + n
}

// seekSubject is where a server asks for slots for calls whose method it does not know. Those subscribe to it that know the
// method and understand the version of the wire that the requests are in.
func seekSubject(service string, k kind, shard, method, version string) string {
	return "seek." + service + "." + string(k) + "." + shard + "." + method + "." + version
}

// offerSubject is where a server takes the requests for which it has offered its slots. Their own subject follows, and the
// one on which they are acknowledged.
func offerSubject(service, server, n string) string {
	return "hand." + service + "." + server + "." + n
}

// cancelSubject is where clients tell all servers of a service the ids of queries that nobody waits for.
func cancelSubject(service string) string {
	return "cancel." + service
}

// partSubject is the subject of one part of a message that is too large for one.
func partSubject(service, token string, i int) string {
	return "part." + service + "." + token + "." + strconv.Itoa(i)
}

// aliveSubject is what every server of a service subscribes to, so that a probe finds out whether there is one.
func aliveSubject(service string) string {
	return "alive." + service
}

// lastToken returns what follows the last dot of subject.
func lastToken(subject string) string {
	return subject[strings.LastIndexByte(subject, '.')+1:]
}

// tokenAt returns the i-th token of subject, counted from 0, or "" if it has fewer.
func tokenAt(subject string, i int) string {
	for ; i > 0; i-- {
		_, rest, found := strings.Cut(subject, ".")
		if !found {
			return ""
		}
		subject = rest
	}
	token, _, _ := strings.Cut(subject, ".")
	return token
}

// validToken reports whether s can be one token of a subject that is published to.
func validToken(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '.' || r == '*' || r == '>'
	}) < 0
}
