package server

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/proxy/transcode"
)

const (
	// retirement is how long descriptors are still found that are not served any more: longer than a request may take
	// from its route to its call, which waits for the body.
	retirement = 5 * time.Minute
	// maxRetired bounds how many are, the last ones.
	maxRetired = 100
)

// Descriptors finds the services and methods that a [Server] serves now, whatever updates it gets: it is what a connection
// looks them up in. A method that the first version of its service lacks is found by its own name, and so is, for a while,
// what is not served any more, since a request may have begun before. It also finds the messages that what is served now can show
// in JSON. It is safe for concurrent use.
type Descriptors struct {
	current atomic.Pointer[catalog]

	mu      sync.Mutex // of those who replace
	retired []retired
}

// catalog is what is found at a moment.
type catalog struct {
	services map[protoreflect.FullName]protoreflect.ServiceDescriptor
	methods  map[protoreflect.FullName]protoreflect.MethodDescriptor // that are not those of services
	served   []protoreflect.ServiceDescriptor
	types    transcode.Types // of messages, wherever they are in what is served
}

type retired struct {
	service protoreflect.ServiceDescriptor
	at      time.Time
}

// NewDescriptors returns Descriptors that find the services of files, until a server with them is updated.
func NewDescriptors(files *protoregistry.Files) *Descriptors {
	d := &Descriptors{}
	services := Services(files)
	d.current.Store(newCatalog(services, nil, allTypes(services, files)))
	return d
}

// FindDescriptorByName returns a service or a method, or protoregistry.NotFound.
func (d *Descriptors) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	current := d.current.Load()
	if service, ok := current.services[name]; ok {
		return service, nil
	}
	if method, ok := current.methods[name]; ok {
		return method, nil
	}
	if service, ok := current.services[name.Parent()]; ok {
		if method := service.Methods().ByName(name.Name()); method != nil {
			return method, nil
		}
	}
	return nil, protoregistry.NotFound
}

// FindMessageByName returns a message of the services that are served, of config.Files, of a file that these import, or linked in;
// protoregistry.NotFound if there is none.
func (d *Descriptors) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if message, err := d.current.Load().types.FindMessageByName(name); err == nil {
		return message, nil
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

// replace has services found, which are as routing.services are, and their types.
func (d *Descriptors) replace(services []protoreflect.ServiceDescriptor, types transcode.Types) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	serves := map[protoreflect.ServiceDescriptor]bool{}
	for _, service := range services {
		serves[service] = true
	}
	var kept []retired
	for _, old := range d.current.Load().served {
		if !serves[old] {
			kept = append(kept, retired{old, now})
		}
	}
	for _, old := range d.retired {
		if !serves[old.service] && now.Sub(old.at) < retirement && len(kept) < maxRetired {
			kept = append(kept, old)
		}
	}
	d.retired = kept
	d.current.Store(newCatalog(services, kept, types))
}

// newCatalog returns a catalog in which of the same names those of served go first, and then the last to retire.
func newCatalog(served []protoreflect.ServiceDescriptor, after []retired, types transcode.Types) *catalog {
	c := &catalog{
		services: map[protoreflect.FullName]protoreflect.ServiceDescriptor{},
		methods:  map[protoreflect.FullName]protoreflect.MethodDescriptor{},
		served:   served,
		types:    types,
	}
	for _, service := range served {
		c.add(service)
	}
	for _, old := range after {
		c.add(old.service)
	}
	return c
}

func (c *catalog) add(service protoreflect.ServiceDescriptor) {
	first, ok := c.services[service.FullName()]
	if !ok {
		c.services[service.FullName()] = service
		return
	}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		if c.methods[method.FullName()] == nil && first.Methods().ByName(method.Name()) == nil {
			c.methods[method.FullName()] = method
		}
	}
}
