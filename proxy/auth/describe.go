package auth

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Access is what a method asks of its callers, for those who describe it to people.
type Access struct {
	// Optional is set when calls without a token are taken too. A token that is sent is checked all the same.
	Optional bool
	// Scopes are those that the token must have, all of them.
	Scopes []string
}

// Checks reports whether tokens are checked: false for NewUnchecked.
func (a *Authenticator) Checks() bool { return a.keys != nil }

// Access returns what a method asks of its callers where tokens are checked. An error is a fault of the descriptor, for which
// all calls are refused.
func (a *Authenticator) Access(method protoreflect.MethodDescriptor) (Access, error) {
	access, err := a.accesses.of(method)
	if err != nil {
		return Access{}, err
	}
	scopes := slices.Clone(access.GetRequiredScopes())
	return Access{Optional: access.GetAllowUnauthenticated() && len(scopes) == 0, Scopes: scopes}, nil
}

// Discovery returns the URL of the issuer's discovery document, "" where there is none to rely on: nothing is checked, or the
// keys come from elsewhere ([WithKeys]).
func (a *Authenticator) Discovery() string {
	if a.keys == nil || a.options.keys != "" {
		return ""
	}
	return discoveryURL(a.issuer)
}
