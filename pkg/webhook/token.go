package webhook

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Token is what is kept of an access token: never the token itself, only its
// SHA-256.
type Token struct {
	// ID names the token in lists and when it is revoked. It is no secret.
	ID      string
	Account Account
	Hash    TokenHash
	Rights  Rights
	// CreatedAt and ExpiresAt are UTC; a zero ExpiresAt means never.
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Expired reports whether the token is of no use any more at now.
func (t Token) Expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// TokenHash is the SHA-256 of a token's text.
type TokenHash [sha256.Size]byte

// HashToken gives the hash under which a token is stored.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// Rights is the set of things a token may be used for.
type Rights uint8

// Rights that a token can have. Only some APIs tell them apart.
const (
	Read Rights = 1 << iota
	Write
	// Publish belongs to the operator's own tokens, never to a customer's.
	Publish

	AllRights = Read | Write
)

var rightNames = []string{"read", "write", "publish"}

// Has reports whether all of want are in r.
func (r Rights) Has(want Rights) bool { return r&want == want }

// String lists the rights by name, comma between: "read,write".
func (r Rights) String() string {
	var names []string
	for i, name := range rightNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// ParseRights reads what String writes. The error wraps ErrInvalid.
func ParseRights(s string) (Rights, error) {
	var rights Rights
	for name := range strings.SplitSeq(s, ",") {
		i := slices.Index(rightNames, strings.TrimSpace(name))
		if i < 0 {
			return 0, fmt.Errorf("rights %q: %w: give read, write or both, with a comma between", s, ErrInvalid)
		}
		rights |= 1 << i
	}
	return rights, nil
}
