package signin

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// A purpose is what a sealed text is for. It is authenticated with it, so that no cookie passes for another.
type purpose string

const (
	purposeSession purpose = "session"
	purposeFlow    purpose = "flow"
)

// errSeal says that a text was not sealed by one of the keys, or not for the purpose.
var errSeal = errors.New("not sealed by a known key for this purpose")

// A sealer encrypts and authenticates what browsers keep: compact JWEs (RFC 7516) of the algorithm dir with A256GCM, whose
// nonces are random. One key is good for 2^32 of them, a thousand a second for 50 days.
type sealer struct{ keys []key }

// seal returns a value's JSON, sealed by the first key.
func (s sealer) seal(p purpose, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	first := s.keys[0]
	encrypter, err := jose.NewEncrypter(jose.A256GCM,
		jose.Recipient{Algorithm: jose.DIRECT, Key: first.secret, KeyID: first.id},
		(&jose.EncrypterOptions{}).WithType(jose.ContentType(p)))
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return sealed.CompactSerialize()
}

// open reads what seal returned, by whichever key it was. Any other text is errSeal.
func (s sealer) open(p purpose, text string, value any) error {
	sealed, err := jose.ParseEncryptedCompact(text, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil || sealed.Header.ExtraHeaders[jose.HeaderType] != string(p) {
		return errSeal
	}
	for _, k := range s.keys {
		if k.id != sealed.Header.KeyID {
			continue
		}
		plain, err := sealed.Decrypt(k.secret)
		if err != nil || json.Unmarshal(plain, value) != nil {
			return errSeal
		}
		return nil
	}
	return errSeal
}
