package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proto/descriptors"
)

const (
	// renewals is how often a lease is renewed while it lasts.
	renewals = 3
	// publishRetry is the wait after a publish that has failed.
	publishRetry = time.Second
	// withdrawTimeout bounds the removal of the leases when an instance stops.
	withdrawTimeout = 2 * time.Second
)

// Publisher publishes the descriptors of services, as one instance of each.
type Publisher struct {
	settings
	nc       *nats.Conn
	js       jetstream.JetStream
	id       string
	about    []byte
	services []*published
}

// published is a service that is published.
type published struct {
	service, version string
	value            []byte
	lease            uint64 // its revision, 0 while none is known
	leased           bool   // the bucket may have a lease, known or not
}

// NewPublisher returns a publisher of services over nc, which stays the caller's. Services of the packages google, grpc and
// natsgrpc are left out: no reader takes them.
//
// Errors: the descriptors of a service are too large ([ErrTooLarge]), its comments cannot be added, or an option is wrong.
func NewPublisher(nc *nats.Conn, services []protoreflect.ServiceDescriptor, options ...Option) (*Publisher, error) {
	p := &Publisher{nc: nc, id: nuid.Next()}
	var err error
	if p.settings, err = newSettings(options); err != nil {
		return nil, err
	}
	if p.js, err = natsdial.JetStream(nc, p.domain); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	host, _ := os.Hostname() // it is for people
	about := Instance{Name: nc.Opts.Name, Host: host, PID: os.Getpid(), Started: time.Now().UTC().Truncate(time.Second)}
	if p.about, err = json.Marshal(about); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	for _, service := range services {
		if descriptors.Reserved(service.FullName()) {
			continue
		}
		set := setOf(service)
		if err := p.prepare(set); err != nil {
			return nil, fmt.Errorf("registry: %s: %w", service.FullName(), err)
		}
		value, version, err := encodeSet(set)
		if err != nil {
			return nil, fmt.Errorf("registry: %s: %w", service.FullName(), err)
		}
		p.services = append(p.services, &published{service: descriptors.Token(service.FullName()), version: version, value: value})
	}
	return p, nil
}

func (p *Publisher) prepare(set *descriptorpb.FileDescriptorSet) error {
	for _, prepare := range p.preparations {
		if err := prepare(set); err != nil {
			return err
		}
	}
	return nil
}

// Run publishes the services, and keeps them published until ctx ends: then it removes its leases, which takes 2 seconds
// at most. What fails is logged and tried again: what a service has published is no condition for its work.
func (p *Publisher) Run(ctx context.Context) {
	connected := p.nc.StatusChanged(nats.CONNECTED)
	defer p.nc.RemoveStatusListener(connected)
	due := time.NewTimer(0)
	defer due.Stop()
	failing := ""
	for {
		select {
		case <-ctx.Done():
			p.withdraw(context.WithoutCancel(ctx))
			return
		case <-connected:
		case <-due.C:
		}
		wait := p.lease / renewals
		if err := p.publish(ctx); err != nil && ctx.Err() == nil {
			if failing != err.Error() {
				failing = err.Error()
				p.logger.Warn("registry: the descriptors are not published; trying again", "error", err)
			}
			wait = min(wait, publishRetry)
		} else {
			failing = ""
		}
		due.Reset(wait)
	}
}

// publish renews the leases, and publishes what is not there any more.
func (p *Publisher) publish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.lease) // no reader believes it any longer
	defer cancel()
	var errs []error
	for _, s := range p.services {
		if s.lease != 0 {
			err := p.renew(ctx, s)
			if isConflict(err) {
				s.lease = 0
			} else if err != nil {
				errs = append(errs, err)
			}
		}
		if s.lease == 0 {
			errs = append(errs, p.announce(ctx, s))
		}
	}
	return errors.Join(errs...)
}

// isConflict reports whether a revision was not the last one of its key.
func isConflict(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) &&
		(refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// announce publishes a service: its lease first, so that nobody removes the version as one that nobody serves.
func (p *Publisher) announce(ctx context.Context, s *published) error {
	kv, err := p.js.KeyValue(ctx, bucket)
	if err != nil {
		return fmt.Errorf("registry: open the bucket: %w", err)
	}
	if err := p.renew(ctx, s); err != nil {
		return err
	}
	version := key{service: s.service, kind: kindVersion, version: s.version}
	if _, err := kv.Create(ctx, version.String(), s.value); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		s.lease = 0
		return fmt.Errorf("registry: publish %s: %w", version, err)
	}
	latest := key{service: s.service, kind: kindLatest}
	if _, err := kv.PutString(ctx, latest.String(), s.version); err != nil {
		s.lease = 0
		return fmt.Errorf("registry: publish %s: %w", latest, err)
	}
	return p.prune(ctx, kv, s)
}

// renew puts the lease of a service. A lease that is there must be the one that is known.
func (p *Publisher) renew(ctx context.Context, s *published) error {
	lease := p.instance(s)
	msg := nats.NewMsg(p.subject(lease))
	msg.Data = p.about
	if s.lease != 0 {
		msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(s.lease, 10))
	}
	s.leased = true // even where the answer does not arrive
	ack, err := p.js.PublishMsg(ctx, msg, jetstream.WithMsgTTL(p.lease))
	if err != nil {
		return fmt.Errorf("registry: publish %s: %w", lease, err)
	}
	s.lease = ack.Sequence
	return nil
}

func (p *Publisher) instance(s *published) key {
	return key{service: s.service, kind: kindInstance, version: s.version, instance: p.id}
}

// prune removes the versions that nobody serves but the own one.
func (p *Publisher) prune(ctx context.Context, kv jetstream.KeyValue, s *published) error {
	stream, err := p.js.Stream(ctx, Stream().Name)
	if err != nil {
		return fmt.Errorf("registry: look up the bucket: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+s.service+".>"))
	if err != nil {
		return fmt.Errorf("registry: look up the keys of %s: %w", s.service, err)
	}
	versions, served := map[string]key{}, map[string]bool{s.version: true}
	for subject := range info.State.Subjects {
		switch k, _ := parseKey(strings.TrimPrefix(subject, prefix)); k.kind {
		case kindVersion:
			versions[k.version] = k
		case kindInstance: // or the marker of one that has just left
			served[k.version] = true
		}
	}
	for version, k := range versions {
		if served[version] {
			continue
		}
		if err := kv.Purge(ctx, k.String(), jetstream.PurgeTTL(markerTTL)); err != nil {
			return fmt.Errorf("registry: remove %s: %w", k, err)
		}
	}
	return nil
}

// withdraw removes the leases.
func (p *Publisher) withdraw(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, withdrawTimeout)
	defer cancel()
	kv, err := p.js.KeyValue(ctx, bucket)
	for _, s := range p.services {
		if s.leased && err == nil {
			err = kv.Purge(ctx, p.instance(s).String(), jetstream.PurgeTTL(markerTTL))
		}
	}
	if err != nil {
		p.logger.Warn("registry: the leases of the descriptors are left to expire", "error", err)
	}
}
