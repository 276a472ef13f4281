package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// overdue is for how many leases' time an instance is taken to live that does not renew its lease, though the bucket still has it.
// NATS removes leases in time, but for one case: a server that was killed may come back with leases that it had removed
// already, and never removes them again.
const overdue = 2

// state is what is known of the bucket. One goroutine uses it.
type state struct {
	services map[string]*serviceState // by their names in keys
	newest   time.Time                // when the last entry was made, by NATS's clock
	pool     *pool
}

type serviceState struct {
	latest    string
	versions  map[string]*versionState
	instances map[instanceKey]*instanceState
}

type versionState struct {
	revision uint64
	value    []byte

	// What was made of the value, once it was needed.
	built   bool
	service protoreflect.ServiceDescriptor
	files   map[digest]protoreflect.FileDescriptor
	err     error
}

type instanceKey struct{ version, id string }

type instanceState struct {
	Instance
	// expires is when an instance is taken for gone whose lease was not found any more; zero while there is a lease.
	expires time.Time
	created time.Time // when the lease was put, by NATS's clock
	seen    time.Time // when that was noticed, by one's own
}

func newState() *state {
	return &state{services: map[string]*serviceState{}, pool: newPool()}
}

// take takes note of an entry, and reports whether it may change what is told.
func (s *state) take(entry jetstream.KeyValueEntry) bool {
	k, ok := parseKey(entry.Key())
	if !ok {
		return false // of a later version of the bucket
	}
	if entry.Operation() != jetstream.KeyValuePut {
		s.remove(k)
		return true
	}
	changed := s.put(k, entry.Value(), entry.Revision())
	if k.kind == kindInstance {
		instance := s.services[k.service].instances[instanceKey{k.version, k.instance}]
		instance.created, instance.seen = entry.Created(), time.Now()
	}
	if entry.Created().After(s.newest) {
		s.newest = entry.Created()
	}
	return changed
}

// bury removes the instances that others have outlived by far: those that live renew their leases all the time. Of a state that
// was just read.
func (s *state) bury(lease time.Duration) {
	for name, service := range s.services {
		for k, instance := range service.instances {
			if s.newest.Sub(instance.created) > overdue*lease {
				s.remove(key{service: name, kind: kindInstance, version: k.version, instance: k.id})
			}
		}
	}
}

// count returns how many instances there are.
func (s *state) count() int {
	n := 0
	for _, service := range s.services {
		n += len(service.instances)
	}
	return n
}

// put takes note of a value, and reports whether it is another than before.
func (s *state) put(k key, value []byte, revision uint64) bool {
	service := s.services[k.service]
	if service == nil {
		service = &serviceState{versions: map[string]*versionState{}, instances: map[instanceKey]*instanceState{}}
		s.services[k.service] = service
	}
	switch k.kind {
	case kindVersion:
		old := service.versions[k.version]
		service.versions[k.version] = &versionState{revision: revision, value: value}
		return old == nil || !bytes.Equal(old.value, value)
	case kindInstance:
		added := &instanceState{}
		_ = json.Unmarshal(value, &added.Instance) // it is for people; an instance may say nothing
		added.ID = k.instance
		at := instanceKey{k.version, k.instance}
		old := service.instances[at]
		service.instances[at] = added
		return old == nil
	default:
		old := service.latest
		service.latest = string(value)
		return old != service.latest
	}
}

// remove takes note that a key is gone.
func (s *state) remove(k key) {
	service := s.services[k.service]
	if service == nil {
		return
	}
	switch k.kind {
	case kindVersion:
		delete(service.versions, k.version)
	case kindInstance:
		delete(service.instances, instanceKey{k.version, k.instance})
	case kindLatest:
		service.latest = ""
	}
	if service.latest == "" && len(service.versions) == 0 && len(service.instances) == 0 {
		delete(s.services, k.service)
	}
}

// keep adds to a state that was read anew what the state before knew to be alive, until the given time: leases may have
// expired while their instances could not renew them.
func (s *state) keep(before *state, until time.Time) {
	s.pool = before.pool
	for name, old := range before.services {
		for k, instance := range old.instances {
			version := old.versions[k.version]
			if version == nil || s.services[name] != nil && s.services[name].instances[k] != nil {
				continue
			}
			kept := *instance
			if kept.expires.IsZero() {
				kept.expires = until
			}
			if s.services[name] == nil || s.services[name].versions[k.version] == nil {
				s.put(key{service: name, kind: kindVersion, version: k.version}, version.value, version.revision)
			}
			s.services[name].instances[k] = &kept
			if s.services[name].latest == "" {
				s.services[name].latest = old.latest
			}
		}
		if service := s.services[name]; service != nil {
			for id, version := range service.versions { // what was built already
				if built := old.versions[id]; built != nil && bytes.Equal(built.value, version.value) {
					built.revision = version.revision
					service.versions[id] = built
				}
			}
		}
	}
}

// ends returns when an instance is taken for gone, zero for never: that of a lease that is there only where the lease counts,
// which is not 0 then.
func (i *instanceState) ends(lease time.Duration) time.Time {
	if i.expires.IsZero() && lease != 0 {
		return i.seen.Add(overdue * lease)
	}
	return i.expires
}

// expire removes the instances whose time has come, and returns when the next one's does, zero for never. A state that follows
// the bucket gives the length of a lease; with 0, leases that are there stay.
func (s *state) expire(now time.Time, lease time.Duration) (next time.Time) {
	for name, service := range s.services {
		for k, instance := range service.instances {
			ends := instance.ends(lease)
			switch {
			case ends.IsZero():
			case !ends.After(now):
				s.remove(key{service: name, kind: kindInstance, version: k.version, instance: k.id})
			case next.IsZero() || ends.Before(next):
				next = ends
			}
		}
	}
	return next
}

// snapshot returns what the state says, with what is served built.
func (s *state) snapshot() Snapshot {
	var snapshot Snapshot
	used := map[digest]protoreflect.FileDescriptor{}
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		service := Service{Name: name}
		for _, version := range s.services[name].sorted() {
			state := s.services[name].versions[version.ID]
			if !state.built {
				state.build(s.pool, name)
			}
			maps.Copy(used, state.files)
			version.Revision, version.Descriptor, version.Err = state.revision, state.service, state.err
			if version.Descriptor != nil {
				service.Name = string(version.Descriptor.FullName())
			}
			service.Versions = append(service.Versions, version)
		}
		if len(service.Versions) > 0 {
			snapshot.Services = append(snapshot.Services, service)
		}
	}
	s.pool.files = used // what nobody imports any more goes
	return snapshot
}

// build makes the descriptors of a version.
func (v *versionState) build(p *pool, serviceToken string) {
	v.built = true
	set, err := decodeSet(v.value)
	if err == nil {
		v.service, v.files, err = p.build(set, serviceToken)
	}
	v.err = err
}

// sorted returns the versions in the order in which they go first, the latest before the newest, without descriptors.
func (s *serviceState) sorted() []Version {
	ids := slices.SortedFunc(maps.Keys(s.versions), func(a, b string) int {
		if a == s.latest || b == s.latest {
			return cmp.Compare(b2i(b == s.latest), b2i(a == s.latest))
		}
		return cmp.Compare(s.versions[b].revision, s.versions[a].revision)
	})
	ids = ids[:min(len(ids), maxVersions)]
	versions := make([]Version, len(ids))
	alive := false
	for i, id := range ids {
		versions[i].ID = id
		for k, instance := range s.instances {
			if k.version == id {
				versions[i].Instances = append(versions[i].Instances, instance.Instance)
			}
		}
		slices.SortFunc(versions[i].Instances, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
		versions[i].Served = len(versions[i].Instances) > 0
		alive = alive || versions[i].Served
	}
	if !alive && len(versions) > 0 {
		versions[0].Served = true
	}
	return versions
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
