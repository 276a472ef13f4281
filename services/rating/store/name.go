package store

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// A Collection is the first segment of the names of one kind of resource.
type Collection string

// The collections of the rating API.
const (
	Users    Collection = "users"
	Services Collection = "services"
	Ratings  Collection = "ratings"
)

// OwnUser is the name that stands for the user of whoever asks. No user has it.
const OwnUser = "users/me"

// MaxOwner is how long an owner may be, in bytes: what the indexes of all databases take.
const MaxOwner = 1024

// Name returns the name of the resource with an id.
func (c Collection) Name(id string) string { return string(c) + "/" + id }

// ID returns the id in a resource's name: the canonical text of a UUID. A name that no resource of the collection can
// have is an [ErrNotFound].
func (c Collection) ID(name string) (string, error) {
	id, ok := strings.CutPrefix(name, string(c)+"/")
	if parsed, err := uuid.Parse(id); !ok || err != nil || parsed.String() != id {
		return "", &ResourceError{Name: name, Err: ErrNotFound}
	}
	return id, nil
}

// NewID returns the id of a new resource: a UUID of version 7 (RFC 9562), in canonical text. Ids sort by the clock's time
// at the call, in steps of a quarter of a microsecond, and by the order of calls within a process. A store that takes
// them while it holds the right to write therefore lists in the order of commits.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("new id: %w", err)
	}
	return id.String(), nil
}

// NewEtag returns an etag that no other revision of any resource has. It is random rather than counted, so that it
// differs also from those of a revision that a restored backup has forgotten.
func NewEtag() string { return rand.Text() }
