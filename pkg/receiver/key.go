package receiver

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
)

// The forms of the APIs' signing keys: AbbeyCross's "whsec_" and base64,
// Squake's base64 of 32 bytes, Shoptet's 32 hex digits.
const (
	keyPrefix     = "whsec_"
	squakeKeySize = 32
)

var shoptetKey = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Key is a signing key in the form in which the customer was shown it. It is
// held by a function, so that printing it, or what holds it, shows only an
// address in memory.
type Key struct{ reveal func() keyBytes }

// keyBytes are the HMAC keys of a signing key.
type keyBytes struct {
	// text is the key as it was shown, with which Squake and Shoptet sign.
	text []byte
	// standard is the key that the libraries of Standard Webhooks make of the
	// text.
	standard []byte
}

// ErrKey means that a text is not a signing key. It does not quote the text,
// which may be a badly copied key.
var ErrKey = errors.New("not a signing key: give whsec_ and base64 (AbbeyCross), " +
	"44 characters of base64 (Squake) or 32 hex digits in lower case (Shoptet)")

// ParseKey parses a signing key of any of the APIs. The error is [ErrKey].
func ParseKey(text string) (Key, error) {
	rest, prefixed := strings.CutPrefix(text, keyPrefix)
	// The decoder skips line ends, which no key has.
	standard, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return Key{}, ErrKey
	}
	switch {
	case prefixed && len(standard) > 0:
	case !prefixed && len(standard) == squakeKeySize:
	case shoptetKey.MatchString(text):
	default:
		return Key{}, ErrKey
	}
	secret := keyBytes{text: []byte(text), standard: standard}
	return Key{func() keyBytes { return secret }}, nil
}
