package server

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
)

// maxMethods bounds the methods of a published service: what the largest public APIs have in one service, with room.
const maxMethods = 1000

// resolver decides which versions of which services are served. It holds no more than what it has decided last, so that
// proxies that know the same serve the same.
type resolver struct {
	base  []protoreflect.ServiceDescriptor
	judge func(protoreflect.ServiceDescriptor) *claims

	inForce map[string][]*candidate // by service, as descriptors.Token has it
	known   map[protoreflect.ServiceDescriptor]*claims
}

// candidate is a version that may be served.
type candidate struct {
	Version
	place  int // among the versions of its service
	claims *claims
}

// routing is what a resolver has decided.
type routing struct {
	// services are sorted by name, and those of the same name by the order in which they go first.
	services []protoreflect.ServiceDescriptor
	refused  []Refusal
}

// contest is a decision that is being made, for one service.
type contest struct {
	published Published
	standby   []*candidate // in the order in which they are tried
	served    int
}

// other reports whether versions are of a service of another full name.
func (c *contest) other(name protoreflect.FullName) bool {
	return slices.ContainsFunc(c.published.Versions, func(v Version) bool { return v.Service != nil && v.Service.FullName() != name })
}

// resolve decides: older candidates go first, and each must get along with those before it. A service whose versions are all
// refused gets the next of its standby versions, at the place that its age gives it, and everything is decided anew.
func (r *resolver) resolve(published []Published) routing {
	known := r.known
	r.known = map[protoreflect.ServiceDescriptor]*claims{}
	judged := func(v Version, place int) *candidate {
		c := known[v.Service]
		if c == nil {
			if err := admissible(v); err != nil {
				c = &claims{err: err}
			} else {
				c = r.judge(v.Service)
			}
		}
		r.known[v.Service] = c
		return &candidate{Version: v, place: place, claims: c}
	}
	var (
		candidates []*candidate
		refused    []Refusal
		contests   = map[string]*contest{}
	)
	for _, p := range published {
		contest := &contest{published: p}
		contests[descriptors.Token(p.Name)] = contest
		for i, v := range p.Versions {
			switch {
			case v.Err != nil && !v.Standby:
				refused = append(refused, Refusal{Service: p.Name, Version: v.ID, Reason: v.Err.Error()})
			case v.Err != nil:
			case v.Standby:
				contest.standby = append(contest.standby, judged(v, i))
			default:
				candidates = append(candidates, judged(v, i))
			}
		}
		for _, old := range r.inForce[descriptors.Token(p.Name)] {
			if !slices.ContainsFunc(p.Versions, func(v Version) bool { return v.Service == old.Service }) {
				contest.standby = append(contest.standby, judged(old.Version, len(p.Versions)+old.place))
			}
		}
	}
	for _, service := range r.base {
		own := judged(Version{Service: service}, len(published))
		if contest := contests[descriptors.Token(service.FullName())]; contest == nil || contest.other(service.FullName()) {
			candidates = append(candidates, own)
		} else if !slices.ContainsFunc(contest.standby, func(c *candidate) bool { return c.Service == service }) {
			contest.standby = append(contest.standby, own)
		}
	}
	for {
		accepted, failed := decide(candidates)
		if again := lowerStandards(contests, accepted, &candidates); again {
			continue
		}
		for _, f := range failed {
			if !f.Standby {
				refused = append(refused, Refusal{Service: string(f.Service.FullName()), Version: f.ID, Reason: f.reason.Error()})
			}
		}
		return r.conclude(accepted, refused)
	}
}

// admissible says why a published version is not even looked at.
func admissible(v Version) error {
	if v.Order == 0 {
		return nil // of config.Files
	}
	if descriptors.Reserved(v.Service.FullName()) {
		return fmt.Errorf("the package %s is reserved", v.Service.ParentFile().Package())
	}
	if n := v.Service.Methods().Len(); n > maxMethods {
		return fmt.Errorf("it has %d methods; at most %d are served", n, maxMethods)
	}
	return nil
}

// lowerStandards adds a standby version of each service that has nothing accepted, and reports whether there was one.
func lowerStandards(contests map[string]*contest, accepted []*candidate, candidates *[]*candidate) (added bool) {
	for _, contest := range contests {
		contest.served = 0
	}
	for _, c := range accepted {
		if contest := contests[descriptors.Token(c.Service.FullName())]; contest != nil {
			contest.served++
		}
	}
	for _, contest := range contests {
		if contest.served == 0 && len(contest.standby) > 0 {
			fallback := *contest.standby[0]
			fallback.Standby = true
			*candidates, contest.standby = append(*candidates, &fallback), contest.standby[1:]
			added = true
		}
	}
	return added
}

// failure is a candidate that was refused.
type failure struct {
	*candidate
	reason error
}

// decide lets candidates claim what they need, the oldest first.
func decide(candidates []*candidate) (accepted []*candidate, failed []failure) {
	candidates = slices.Clone(candidates)
	slices.SortStableFunc(candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(string(a.Service.FullName()), string(b.Service.FullName())))
	})
	taken := newTaken()
	for _, c := range candidates {
		if err := taken.claim(c); err != nil {
			failed = append(failed, failure{c, err})
			continue
		}
		accepted = append(accepted, c)
	}
	return accepted, failed
}

// conclude keeps what was decided, and puts it in order.
func (r *resolver) conclude(accepted []*candidate, refused []Refusal) routing {
	slices.SortStableFunc(accepted, func(a, b *candidate) int {
		return cmp.Or(strings.Compare(string(a.Service.FullName()), string(b.Service.FullName())), cmp.Compare(a.place, b.place))
	})
	decided := routing{refused: refused}
	r.inForce = map[string][]*candidate{}
	for _, c := range accepted {
		name := descriptors.Token(c.Service.FullName())
		r.inForce[name] = append(r.inForce[name], c)
		decided.services = append(decided.services, c.Service)
	}
	slices.SortFunc(decided.refused, func(a, b Refusal) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Version, b.Version))
	})
	return decided
}

// taken is what the candidates that were accepted so far have claimed.
type taken struct {
	names    map[string]protoreflect.FullName // services, by descriptors.Token
	patterns map[string]protoreflect.FullName // services, by HTTP method and pattern
	types    map[protoreflect.FullName]owned
}

// owned is a message or an enum, and whose it is.
type owned struct {
	protoreflect.Descriptor
	service protoreflect.FullName
}

func newTaken() *taken {
	return &taken{
		names:    map[string]protoreflect.FullName{},
		patterns: map[string]protoreflect.FullName{},
		types:    map[protoreflect.FullName]owned{},
	}
}

// claim takes all that a candidate needs, or nothing.
func (t *taken) claim(c *candidate) error {
	if c.claims.err != nil {
		return c.claims.err
	}
	name := c.Service.FullName()
	if other, ok := t.names[descriptors.Token(name)]; ok && other != name {
		return fmt.Errorf("its name in subjects is that of %s", other)
	}
	var errs []error
	for _, pattern := range c.claims.patterns {
		if other, ok := t.patterns[pattern]; ok && other != name {
			errs = append(errs, fmt.Errorf("%s is a route of %s", pattern, other))
		}
	}
	for _, d := range c.claims.types {
		other, ok := t.types[d.FullName()]
		if !ok || other.Descriptor == d || other.service == name {
			continue
		}
		if difference := contradiction(d, other.Descriptor); difference != "" {
			errs = append(errs, fmt.Errorf("%s is another one than that of %s: %s", d.FullName(), other.service, difference))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t.names[descriptors.Token(name)] = name
	for _, pattern := range c.claims.patterns {
		t.patterns[pattern] = name
	}
	for _, d := range c.claims.types {
		if _, ok := t.types[d.FullName()]; !ok {
			t.types[d.FullName()] = owned{d, name}
		}
	}
	return nil
}
