package server

import (
	"fmt"
	"log/slog"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/proxy/transcode"
)

// Published is a service that its instances have published, for [Server.Update].
type Published struct {
	// Name is the service's full name. It may have "_" for "." where no version says better.
	Name string
	// Versions are in the order in which their methods go first.
	Versions []Version
}

// Version is a version of a published service.
type Version struct {
	// ID names the version in logs and refusals.
	ID string
	// Service describes the version; it is nil where Err says what is wrong with it. Equal descriptors are taken for an
	// unchanged version.
	Service protoreflect.ServiceDescriptor
	Err     error
	// Order says who was there first. Of two versions of different services that contradict each other, the one with the
	// higher order is refused. It is more than 0, which is that of config.Files.
	Order uint64
	// Standby says that the version is served only if all others of its service are refused.
	Standby bool
}

// Refusal says why a version of a service is not served.
type Refusal struct {
	// Service is the full name, and Version the ID. Both are empty where all changes are refused.
	Service, Version string
	Reason           string
}

// Update replaces what is served beside config.Files, where a published service takes the place of one of the same name.
// Requests that have begun go on as they began; those that come next are served by what was published. It can be called
// at any time, while requests are served too, and returns when the change is in force. An update that changes nothing costs
// nothing.
//
// A version is refused, and another of its service or what was in force for it stays, if it cannot be routed on its own,
// has more than 1,000 methods, is of a package that is nobody's (google, grpc, natsgrpc), or contradicts an older one of
// another service: by the same HTTP method and pattern, or by a message or an enum of the same name with something else
// under the same field or value. Fields that only one has are no contradiction: services are not updated at the same moment.
// Whatever is refused, all else is served. Refusals are logged when they begin and end, see [Server.Refused].
func (s *Server) Update(published []Published) {
	s.updating.Lock()
	defer s.updating.Unlock()
	next := s.resolver.resolve(published)
	refused := next.refused
	if !slices.Equal(next.services, s.services) {
		if err := s.put(next.services); err != nil {
			// It cannot be, of versions that were found good one by one. Then the edition in force stays.
			refused = append(refused, Refusal{Reason: err.Error()})
		}
	}
	s.report(refused)
}

// Resolve returns what a new server of files serves after an update, and what it refuses. A server that runs may serve what
// was in force before.
func Resolve(files *protoregistry.Files, published []Published) (served []protoreflect.ServiceDescriptor, refused []Refusal) {
	r := resolver{base: Services(files), judge: func(service protoreflect.ServiceDescriptor) *claims { return claimsOf(nobody{}, service) }}
	decided := r.resolve(published)
	return decided.services, decided.refused
}

// nobody is a connection that is not used.
type nobody struct{ grpc.ClientConnInterface }

// put makes an edition of services, and puts it in force.
func (s *Server) put(services []protoreflect.ServiceDescriptor) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("server: make routes: %v", panicked)
		}
	}()
	next, err := newEdition(s.conn, s.config, services, s.admitter)
	if err != nil {
		return err
	}
	s.config.Descriptors.replace(services, next.types) // first, so that no request is routed to a method that is not known
	s.tellSkipped(next)
	s.edition.Store(next)
	s.tellChanged(services)
	s.services = services
	return nil
}

// tellSkipped logs which methods of an edition have no route, but those of the edition in force.
func (s *Server) tellSkipped(next *edition) {
	var told []transcode.Skipped
	if current := s.edition.Load(); current != nil && current != next {
		told = current.api.Skipped()
	}
	for _, skipped := range next.api.Skipped() {
		if !slices.Contains(told, skipped) {
			s.config.Logger.Warn("method has no route", slog.String("rpc", string(skipped.Method)), slog.String("reason", skipped.Reason))
		}
	}
}

// tellChanged logs which services are new, are in other versions, or are gone.
func (s *Server) tellChanged(services []protoreflect.ServiceDescriptor) {
	before, after := byName(s.services), byName(services)
	var added, changed, removed []string
	for name, versions := range after {
		if old := before[name]; old == nil {
			added = append(added, name)
		} else if !slices.Equal(old, versions) {
			changed = append(changed, name)
		}
	}
	for name := range before {
		if after[name] == nil {
			removed = append(removed, name)
		}
	}
	s.config.Logger.Info("routes changed", slog.Any("added", sorted(added)), slog.Any("changed", sorted(changed)), slog.Any("removed", sorted(removed)))
}

func byName(services []protoreflect.ServiceDescriptor) map[string][]protoreflect.ServiceDescriptor {
	named := map[string][]protoreflect.ServiceDescriptor{}
	for _, service := range services {
		name := string(service.FullName())
		named[name] = append(named[name], service)
	}
	return named
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// report logs which refusals are new and which have ended, and keeps them.
func (s *Server) report(refused []Refusal) {
	before := s.Refused()
	for _, r := range refused {
		if !slices.Contains(before, r) {
			s.config.Logger.Warn("descriptors refused", slog.String("service", r.Service), slog.String("version", r.Version), slog.String("reason", r.Reason))
		}
	}
	for _, r := range before {
		if !slices.Contains(refused, r) {
			s.config.Logger.Info("descriptors no longer refused", slog.String("service", r.Service), slog.String("version", r.Version))
		}
	}
	s.refused.Store(&refused)
}

// Refused returns the versions that are refused now, sorted by their services. It is cheap, for metrics.
func (s *Server) Refused() []Refusal {
	if refused := s.refused.Load(); refused != nil {
		return slices.Clone(*refused)
	}
	return nil
}
