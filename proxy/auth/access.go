package auth

import (
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	authv1 "github.com/codingflow/rating/proto/auth/v1"
	"github.com/codingflow/rating/proto/descriptors"
)

// accesses remembers what methods ask of their callers. It is safe for concurrent use.
type accesses struct{ known sync.Map } // protoreflect.MethodDescriptor → *authv1.Access

// of returns what a method asks of its callers.
func (a *accesses) of(method protoreflect.MethodDescriptor) (*authv1.Access, error) {
	if known, ok := a.known.Load(method); ok {
		return known.(*authv1.Access), nil
	}
	access, err := accessOf(method)
	if err != nil {
		return nil, err
	}
	a.known.Store(method, access)
	return access, nil
}

// accessOf reads what a method asks of its callers: its own option, or else its service's. Without either it is nil, which
// asks for a token.
func accessOf(method protoreflect.MethodDescriptor) (*authv1.Access, error) {
	access, err := option(method, authv1.E_Method)
	if err == nil && access == nil {
		access, err = option(method.Parent(), authv1.E_Service)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: options of %s: %w", method.FullName(), err)
	}
	return access, nil
}

// option returns an access option, nil where there is none. Options that cannot be read are an error, since they may have
// asked for scopes.
func option(d protoreflect.Descriptor, extension protoreflect.ExtensionType) (*authv1.Access, error) {
	options, err := descriptors.Options(d)
	if err != nil {
		return nil, err
	}
	access, _ := proto.GetExtension(options, extension).(*authv1.Access)
	return access, nil
}
