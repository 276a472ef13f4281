package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

// keySize is that of AES-256, in bytes.
const keySize = 32

// key is a key of cookies, and the name under which a cookie says that it is by it.
type key struct {
	id     string
	secret []byte
}

// NewKey returns a new key for [Config.Keys].
func NewKey() string {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails
	return base64.StdEncoding.EncodeToString(secret)
}

// keys returns the keys of a configuration, at least one.
func (c Config) keys() ([]key, error) {
	if c.KeysFile == "" {
		return parseKeys("--signin-key", c.Keys)
	}
	text, err := os.ReadFile(c.KeysFile)
	if err != nil {
		return nil, fmt.Errorf("--signin-keys-file: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("--signin-keys-file: %s has no key", c.KeysFile)
	}
	return parseKeys("--signin-keys-file", lines)
}

// parseKeys reads keys in base64, of either alphabet and with or without padding. Its errors show no key.
func parseKeys(source string, texts []string) ([]key, error) {
	var keys []key
	seen := map[string]int{}
	for i, text := range texts {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
		secret, err := base64.RawStdEncoding.DecodeString(plain)
		if err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("%s: key %d is not %d bytes in base64", source, i+1, keySize)
		}
		hash := sha256.Sum256(secret)
		k := key{id: base64.RawURLEncoding.EncodeToString(hash[:6]), secret: secret}
		if first, twice := seen[k.id]; twice {
			return nil, fmt.Errorf("%s: key %d is key %d again", source, i+1, first)
		}
		seen[k.id] = i + 1
		keys = append(keys, k)
	}
	return keys, nil
}
