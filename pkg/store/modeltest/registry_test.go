package modeltest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// api is a way to register, after the three that there are.
type api int

const (
	// single registers one event with a key of its own, and can move it to
	// another event.
	single api = iota
	// batch registers several events, each under an id that names it, and
	// knows events that exclude each other. The key is the account's.
	batch
	// The third registers several events under one id and one key.
	_

	apis = 3
)

var (
	// events are few, so that conflicts are frequent.
	events = []string{"a", "b", "c", "d"}
	// excluding are the pairs of the api batch.
	excluding = [][2]string{{"a", "b"}, {"a", "c"}}
)

func (a api) String() string { return []string{"single", "batch", "group"}[a] }

// ownKeys reports whether a registration has a signing key.
func (a api) ownKeys() bool { return a != batch }

// rules are what a registry is told of the api.
func (a api) rules(is *issuer) registry.Rules {
	switch a {
	case single:
		return registry.Rules{NewIDs: is.newIDs(sameID), NewKey: is.newKey}
	case batch:
		return registry.Rules{
			NewIDs: is.newIDs(idNamesEvent), NewAccountKey: is.newKey,
			EventOf: func(id string) (string, bool) {
				event, _, found := strings.Cut(id, "-")
				return event, found && slices.Contains(events, event)
			},
			Excluding: excluding,
		}
	default:
		return registry.Rules{NewIDs: is.newIDs(sameID), NewKey: is.newKey}
	}
}

func sameID(_ string, serial string) string           { return serial }
func idNamesEvent(event string, serial string) string { return event + "-" + serial }

// issuer makes ids, keys and claims that are never the same twice, and the
// same ones in each run. It remembers what it has made.
type issuer struct {
	prefix string

	mu    sync.Mutex
	made  int
	tries [][]string // the ids of each try
	key   string     // the latest
}

func (is *issuer) next(what string) string {
	is.made++
	return fmt.Sprintf("%s%s%d", is.prefix, what, is.made)
}

func (is *issuer) newIDs(form func(event, serial string) string) func([]string) ([]string, error) {
	return func(events []string) ([]string, error) {
		is.mu.Lock()
		defer is.mu.Unlock()
		serial := is.next("id")
		ids := make([]string, len(events))
		for i, event := range events {
			ids[i] = form(event, serial)
		}
		is.tries = append(is.tries, ids)
		return ids, nil
	}
}

func (is *issuer) newKey() (webhook.Secret, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	is.key = is.next("key")
	return webhook.NewSecret(is.key), nil
}

func (is *issuer) newClaim() (string, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.next("claim"), nil
}

// newRegistry gives a registry of the api that takes everything from is.
func newRegistry(a api, s registry.Store, is *issuer, now func() time.Time) *registry.Registry {
	return registry.New(registry.Config{
		Store: s, Sealer: plain{}, Rules: a.rules(is), NewClaim: is.newClaim, Now: now,
	})
}

// plain seals by writing down whose key it is.
type plain struct{}

func (plain) Seal(o seal.Owner, key webhook.Secret) ([]byte, error) {
	return sealed(o, key.Reveal()), nil
}

func sealed(o seal.Owner, key string) []byte { return []byte(o.String() + " = " + key) }
