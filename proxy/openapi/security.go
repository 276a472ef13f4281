package openapi

import "github.com/codingflow/rating/proxy/transcode"

// Security is what an API asks of its callers: a bearer token, which is a JWT.
type Security struct {
	// Discovery is the URL of the OpenID Connect discovery document of who issues the tokens. Default: not told.
	Discovery string
	// Access returns what a binding asks of its callers.
	Access func(*transcode.Binding) Access
}

// Access is what a binding asks of its callers.
type Access struct {
	// Optional is set when calls without a token are taken too.
	Optional bool
	// Scopes are those that the token must have, all of them.
	Scopes []string
}

const (
	// bearer is the security scheme of all APIs with security. Tools know it best.
	bearer = "bearer"
	// openID is the scheme that also says where the token comes from. It means the same header.
	openID = "openId"
)

// schemes returns the security schemes of a document.
func (s *Security) schemes() map[string]*securityScheme {
	schemes := map[string]*securityScheme{bearer: {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A token in the header `Authorization: Bearer …`.",
	}}
	if s.Discovery != "" {
		schemes[openID] = &securityScheme{
			Type: "openIdConnect", OpenIDConnectURL: s.Discovery, Description: "A token of this issuer, sent as a bearer token.",
		}
	}
	return schemes
}

// requirements returns the alternatives of which a call of a binding must satisfy one. Scopes are listed for both schemes,
// as OpenAPI 3.1 allows.
func (s *Security) requirements(binding *transcode.Binding) []map[string][]string {
	access := s.Access(binding)
	scopes := append([]string{}, access.Scopes...) // [] in JSON, not null
	var alternatives []map[string][]string
	if access.Optional {
		alternatives = append(alternatives, map[string][]string{})
	}
	alternatives = append(alternatives, map[string][]string{bearer: scopes})
	if s.Discovery != "" {
		alternatives = append(alternatives, map[string][]string{openID: scopes})
	}
	return alternatives
}
