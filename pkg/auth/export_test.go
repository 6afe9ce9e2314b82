package auth

import (
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// What the tests look at from outside.
const (
	MaxKnown   = maxKnown
	MaxUnknown = maxUnknown
)

// Entries counts what the cache holds.
func (a *Authenticator) Entries() (known, unknown int) {
	return a.cache.known.Len(), a.cache.unknown.Len()
}

// ReadAt is the time from which the finding for hash ages.
func (a *Authenticator) ReadAt(hash webhook.TokenHash) time.Time {
	if f, ok := a.cache.known.Peek(hash); ok {
		return f.readAt
	}
	readAt, _ := a.cache.unknown.Peek(hash)
	return readAt
}
