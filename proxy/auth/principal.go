package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

// Principal is who calls. A subject means something only together with its issuer.
type Principal struct {
	// Issuer is the claim iss of the token.
	Issuer string
	// Subject is the claim sub.
	Subject string
}

// Development is whose all calls are where nothing is checked, see [NewUnchecked].
var Development = Principal{Issuer: "development", Subject: "developer"}

// ID returns the principal as one key: 52 characters of A-Z and 2-7, the base32 of SHA-256 over both parts and their
// lengths. Other principals have other keys. It fits the principal of natsgrpc.IdempotencyKey, a subject of NATS and a
// label, and tells nobody who it is.
func (p Principal) ID() string {
	hash := sha256.New()
	for _, part := range []string{p.Issuer, p.Subject} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash.Sum(nil))
}

type principalKey struct{}

// PrincipalFrom returns who makes the call of a context that [Authenticator.Authorize] has returned, and false where the
// call came without a token and needed none.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
