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
	// unknownFor is how long a token may be refused after it was looked up, and
	// so after it was created.
	unknownFor = time.Second
	// maxKnown and maxUnknown bound the entries, together below 8 MB.
	maxKnown   = 10_000
	maxUnknown = 4_096
)

// finding is what one read of the store found for a hash.
type finding struct {
	known     bool // if false, all but readAt is zero
	principal Principal
	expiresAt time.Time // zero means never
	readAt    time.Time // wall clock, before the read
}

// fresh reports whether the finding may still be used at now. One from the
// future may not: the clock was set back, and its age is unknown.
func (f finding) fresh(now time.Time) bool {
	lifetime := unknownFor
	if f.known {
		lifetime = knownFor
	}
	age := now.Sub(f.readAt)
	return age >= 0 && age < lifetime
}

// cache keeps the most recently used findings by hash. Known and unknown hashes
// have separate room, so that a flood of junk cannot evict known ones. Findings
// age by the wall clock and are dropped when others need the room; nothing runs
// in the background.
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
		panic(err) // only for a size below 1, and the sizes are constants
	}
	return lru
}

// get returns the finding for hash if it may be used at now.
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

// put replaces the finding for hash by f. Of concurrent reads the one that
// began last wins: a late response does not undo a newer one.
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
