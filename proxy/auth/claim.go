package auth

import (
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
	"google.golang.org/grpc/metadata"
)

// The names of the metadata that a call is given. Clients cannot give any that begins with MetadataPrefix.
const (
	MetadataPrefix = "x-auth-"
	// MetadataSubject and MetadataIssuer are the principal's.
	MetadataSubject = MetadataPrefix + "subject"
	MetadataIssuer  = MetadataPrefix + "issuer"
	// MetadataClaim begins the names of the claims that [WithClaims] lists.
	MetadataClaim = MetadataPrefix + "claim-"
)

// passedClaim is a claim that is passed on, and the name of its metadata.
type passedClaim struct{ claim, metadata string }

// parseClaim reads `CLAIM` or `CLAIM=NAME`.
func parseClaim(s string) (passedClaim, error) {
	claim, name := s, strings.ToLower(s)
	if i := strings.LastIndexByte(s, '='); i >= 0 {
		claim, name = s[:i], s[i+1:]
	}
	valid := claim != "" && name != "" && !strings.HasSuffix(name, "-bin") &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
	if !valid {
		return passedClaim{}, fmt.Errorf("claim %q: the name of its metadata must be of a-z, 0-9, -, _ and ., without -bin at the end; give one as CLAIM=NAME", s)
	}
	return passedClaim{claim: claim, metadata: MetadataClaim + name}, nil
}

// metadata returns what the service gets to know of a caller, none for nobody. Each name is in it, those that have no value
// without one, so that whoever merges it with what the client has sent leaves nothing of that.
func (a *Authenticator) metadata(p Principal, c *claims) metadata.MD {
	md := metadata.MD{MetadataSubject: nil, MetadataIssuer: nil}
	if p != (Principal{}) {
		md[MetadataSubject] = []string{encode(p.Subject)}
		md[MetadataIssuer] = []string{encode(p.Issuer)}
	}
	for _, passed := range a.options.claims {
		md[passed.metadata] = nil
		if c != nil {
			md[passed.metadata] = claimValues(c.raw[passed.claim])
		}
	}
	return md
}

// claimValues returns the values of a claim's metadata: one for each element of a list, and one for anything else, but none
// for null. A string is its text, all else its JSON.
func claimValues(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var values []string
	for _, element := range list {
		var text *string
		switch {
		case json.Unmarshal(element, &text) != nil:
			values = append(values, encode(string(element)))
		case text != nil:
			values = append(values, encode(*text))
		}
	}
	return values
}

// encode percent-encodes what metadata cannot hold, which is all but printable ASCII, spaces, which get lost at the ends, and
// the percent sign itself. To decode it is url.PathUnescape's.
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}
