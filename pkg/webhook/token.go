package webhook

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Token is the record of an access token. It holds the SHA-256 of the token,
// never the token itself.
type Token struct {
	// ID identifies the token in lists and for revocation. It is not secret.
	ID      string
	Account Account
	Hash    TokenHash
	Rights  Rights
	// CreatedAt and ExpiresAt are UTC; a zero ExpiresAt means never.
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Expired reports whether the token has expired at now.
func (t Token) Expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// TokenHash is the SHA-256 of a token's text.
type TokenHash [sha256.Size]byte

// HashToken returns the hash under which a token is stored.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// Rights is a set of things that a token permits.
type Rights uint8

// The rights of a token. Only some APIs distinguish them.
const (
	Read Rights = 1 << iota
	Write
	// Publish is for the operator's own tokens, never for a customer's.
	Publish

	// AllRights are those of a customer's token, OperatorRights those of the
	// operator's.
	AllRights      = Read | Write
	OperatorRights = AllRights | Publish
)

var rightNames = []string{"read", "write", "publish"}

// Has reports whether r contains all of want.
func (r Rights) Has(want Rights) bool { return r&want == want }

// String returns the names of the rights separated by commas: "read,write".
func (r Rights) String() string {
	var names []string
	for i, name := range rightNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// ParseRights parses the form that [Rights.String] returns. It returns an error
// that wraps [ErrInvalid] if a name is unknown.
func ParseRights(s string) (Rights, error) {
	var rights Rights
	for name := range strings.SplitSeq(s, ",") {
		i := slices.Index(rightNames, strings.TrimSpace(name))
		if i < 0 {
			return 0, fmt.Errorf("rights %q: %w: give some of read, write and publish, separated by commas", s, ErrInvalid)
		}
		rights |= 1 << i
	}
	return rights, nil
}
