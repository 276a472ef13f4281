package registry

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Snapshot is what the bucket holds at a moment.
type Snapshot struct {
	// Services are sorted by name.
	Services []Service
}

// Service is what instances have published of one service.
type Service struct {
	// Name is the full name, or the name in keys, with "_" for dots, where no version of the service could be built.
	Name string
	// Versions are in the order in which their methods go first: the latest, and then the newest.
	Versions []Version
}

// Version is a version of a service.
type Version struct {
	ID string
	// Revision is that of the bucket when the version was created. Of two versions of different services that contradict
	// each other, the one with the lower revision was there first.
	Revision uint64
	// Descriptor is the service, nil where Err says why it could not be built. As long as the content of its file and of
	// all that this imports is the same, it is the same descriptor.
	Descriptor protoreflect.ServiceDescriptor
	Err        error
	// Served says that the version is to be served: it lives, or none of the service does and it is the latest.
	Served bool
	// Instances are those that live, sorted by their ids.
	Instances []Instance
}

// Instance is one instance of a service, as it tells of itself.
type Instance struct {
	ID      string    `json:"-"`
	Name    string    `json:"name"` // of its connection to NATS
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}
