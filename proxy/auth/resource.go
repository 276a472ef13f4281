package auth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// wellKnown is where the metadata of protected resources is: RFC 9728, section 3.
const wellKnown = "/.well-known/oauth-protected-resource"

// resource is the API as RFC 9728 has it.
type resource struct {
	metadataPath, metadataURL string
	document                  []byte
}

func checkResource(text string) error {
	u, err := url.Parse(text)
	if err != nil || checkURL(text) != nil || u.RawQuery != "" {
		return fmt.Errorf("resource %q is not an https URL without query and fragment", text)
	}
	return nil
}

// newResource returns the resource of a URL that checkResource has accepted.
func newResource(text, issuer string) *resource {
	u, _ := url.Parse(text)
	path := wellKnown
	if u.Path != "/" {
		path += u.EscapedPath()
	}
	// Strings cannot fail.
	document, _ := json.Marshal(struct {
		Resource string   `json:"resource"`
		Issuers  []string `json:"authorization_servers"`
		Methods  []string `json:"bearer_methods_supported"`
	}{text, []string{issuer}, []string{"header"}})
	return &resource{metadataPath: path, metadataURL: u.Scheme + "://" + u.Host + path, document: document}
}

// ResourceMetadata returns the document that tells clients where they get tokens, and the path at which it must be found, as
// RFC 9728 has it; "" and nil without [WithResource].
func (a *Authenticator) ResourceMetadata() (path string, document http.Handler) {
	if a.resource == nil {
		return "", nil
	}
	return a.resource.metadataPath, http.HandlerFunc(a.resource.serve)
}

func (r *resource) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(r.document)))
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// An error means that the client has left.
	_, _ = w.Write(r.document)
}
