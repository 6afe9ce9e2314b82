package auth

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// knownFor is how long a token may be accepted after it was read, and so
	// after it was revoked.
	knownFor = 30 * time.Second
	// unknownFor is how long a token may be refused after it was looked for,
	// and so after it was created.
	unknownFor = time.Second
	// maxKnown and maxUnknown bound the entries: together less than 8 MB.
	maxKnown   = 10_000
	maxUnknown = 4_096
)

// finding is what one read of the store told of a hash.
type finding struct {
	known     bool // the rest but readAt is zero if not
	principal Principal
	expiresAt time.Time // zero is never
	readAt    time.Time // wall clock, before the read
}

// fresh reports whether the finding may still be used at now. One from the
// future may not: the clock has gone back, and nobody can tell how old it is.
func (f finding) fresh(now time.Time) bool {
	lifetime := unknownFor
	if f.known {
		lifetime = knownFor
	}
	age := now.Sub(f.readAt)
	return age >= 0 && age < lifetime
}

// cache remembers findings by hash, the most recently used of them. Known and
// unknown hashes have room of their own, so that a flood of junk cannot drive
// out what is known. Findings age by wall clock and are dropped when something
// else needs the room; nothing runs in the background.
type cache struct {
	mu      sync.Mutex
	known   *simplelru.LRU[webhook.TokenHash, finding]
	unknown *simplelru.LRU[webhook.TokenHash, time.Time] // readAt
}

func newCache() *cache {
	return &cache{
		known:   newLRU[finding](maxKnown),
		unknown: newLRU[time.Time](maxUnknown),
	}
}

func newLRU[V any](size int) *simplelru.LRU[webhook.TokenHash, V] {
	lru, err := simplelru.NewLRU[webhook.TokenHash, V](size, nil)
	if err != nil {
		panic(err) // only for a size below 1, and ours are constants
	}
	return lru
}

// get gives the finding for hash that may be used at now.
func (c *cache) get(hash webhook.TokenHash, now time.Time) (finding, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.locked(hash, now)
}

func (c *cache) locked(hash webhook.TokenHash, now time.Time) (finding, bool) {
	if f, ok := c.known.Get(hash); ok && f.fresh(now) {
		return f, true
	}
	if readAt, ok := c.unknown.Get(hash); ok {
		f := finding{readAt: readAt}
		return f, f.fresh(now)
	}
	return finding{}, false
}

// put remembers f in the place of what was found before. Of concurrent reads
// the one that began last is believed: an answer that was long on its way
// does not undo a newer one.
func (c *cache) put(hash webhook.TokenHash, f finding, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.locked(hash, now); ok && old.readAt.After(f.readAt) {
		return
	}
	if f.known {
		c.unknown.Remove(hash)
		c.known.Add(hash, f)
	} else {
		c.known.Remove(hash)
		c.unknown.Add(hash, f.readAt)
	}
}
