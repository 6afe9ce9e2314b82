// Package keygen generates ids, signing keys and access tokens from an injected
// random source and clock.
//
// Every secret has as many random bits as its format has room for. A random
// source that fails or ends is an error; it never leads to a shorter or weaker
// key. The package keeps nothing, logs nothing, and puts no secret into an
// error.
package keygen

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// keyBytes is the number of random bytes of a Squake key, an AbbeyCross key
	// and an access token.
	keyBytes = 32
	// hexKeyBytes is the number of random bytes of a Shoptet key.
	hexKeyBytes = 16
	// keyPrefix is the prefix of AbbeyCross's keys, as Standard Webhooks 1.0.0
	// writes symmetric keys.
	keyPrefix = "whsec_"
	// tokenPrefix is the prefix of access tokens, by which people and secret
	// scanners recognise them.
	tokenPrefix = "hk_"
	// tokenLen is the length of an access token: six bits per character.
	tokenLen = len(tokenPrefix) + (8*keyBytes+5)/6
)

// Generator generates ids and secrets. It is safe for concurrent use if its
// random source and its clock are.
type Generator struct {
	rand io.Reader
	now  func() time.Time
	ids  *uuid.Gen
}

// New returns a Generator. Both arguments are required, and both must be safe
// for concurrent use, as crypto/rand.Reader and time.Now are.
func New(rand io.Reader, now func() time.Time) *Generator {
	return &Generator{
		rand: rand,
		now:  now,
		ids: uuid.NewGenWithOptions(
			uuid.WithRandomReader(rand),
			uuid.WithEpochFunc(now),
		),
	}
}

// UUID returns a new UUIDv7 (RFC 9562, section 5.7) in its canonical form, 36
// characters. UUIDs of one Generator sort in the order in which they were made,
// even within a millisecond and when the clock is set back. An error is that of
// the random source.
func (g *Generator) UUID() (string, error) {
	id, err := g.ids.NewV7()
	if err != nil {
		return "", fmt.Errorf("make a UUID: %w", err)
	}
	return id.String(), nil
}

// Base64Key returns a new signing key in Squake's form: standard base64 of 32
// random bytes, 44 characters (docs/contracts/squake.md, Webhooks). An error is
// that of the random source.
func (g *Generator) Base64Key() (webhook.Secret, error) {
	return g.encoded("signing key", "", base64.StdEncoding)
}

// PrefixedKey returns a new signing key in AbbeyCross's form: "whsec_" and the
// standard base64 of 32 random bytes, 50 characters
// (docs/contracts/abbeycross.md, POST /v1/webhooks/register). An error is that
// of the random source.
func (g *Generator) PrefixedKey() (webhook.Secret, error) {
	return g.encoded("signing key", keyPrefix, base64.StdEncoding)
}

// HexKey returns a new signing key in Shoptet's form: 16 random bytes as 32
// lower-case hex digits (docs/contracts/shoptet.md, Lifecycle). An error is
// that of the random source.
func (g *Generator) HexKey() (webhook.Secret, error) {
	raw, err := g.random("signing key", hexKeyBytes)
	if err != nil {
		return webhook.Secret{}, err
	}
	text := make([]byte, 0, 2*hexKeyBytes)
	return webhook.NewSecret(string(hex.AppendEncode(text, raw))), nil
}

// Token returns a new access token: "hk_" and the unpadded base64url of 32
// random bytes, 46 characters, all of which an RFC 6750 b64token allows. An
// error is that of the random source.
func (g *Generator) Token() (webhook.Secret, error) {
	return g.encoded("access token", tokenPrefix, base64.RawURLEncoding)
}

// LooksLikeToken reports whether s has the length, prefix and alphabet of a
// token. It is a cheap check that keeps junk away from the store. It does not
// tell whether the token exists.
func LooksLikeToken(s string) bool {
	if len(s) != tokenLen || !strings.HasPrefix(s, tokenPrefix) {
		return false
	}
	for i := len(tokenPrefix); i < len(s); i++ {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// encoded returns prefix followed by keyBytes random bytes encoded by enc. what
// names the secret in an error.
func (g *Generator) encoded(what, prefix string, enc *base64.Encoding) (webhook.Secret, error) {
	raw, err := g.random(what, keyBytes)
	if err != nil {
		return webhook.Secret{}, err
	}
	text := make([]byte, 0, 64) // enough for the longest, so that it stays on the stack
	text = append(text, prefix...)
	return webhook.NewSecret(string(enc.AppendEncode(text, raw))), nil
}

// random reads exactly n bytes. what names their purpose in an error.
func (g *Generator) random(what string, n int) ([]byte, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(g.rand, raw); err != nil {
		return nil, fmt.Errorf("make a %s: read %d random bytes: %w", what, n, err)
	}
	return raw, nil
}
