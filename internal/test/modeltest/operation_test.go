package modeltest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// accountsEach is how many accounts of each api there are.
const accountsEach = 2

// clients is how many clients there are, one an account.
const clients = apis * accountsEach

// operation is one thing that a client or the operator does.
type operation struct {
	Do     string
	Client int
	Items  []registry.Item
	// Recipient says which id is meant: 0 is the latest that the client was
	// given, 1 the one before, and so on.
	Target int
	// Of makes it the id of another client.
	Of   int
	Edit edit
	// Token says which of a few tokens is meant.
	Token int
	// Event and Number say what is published; or Event what is recovered, Number
	// of them at most, of the time since Ago, as of AsOf ago.
	Event     string
	Number    int
	Ago, AsOf time.Duration
	// Status is what the receiver of an attempt responds. Stale is how far the
	// message or the lease is behind, and Early says that it comes at once.
	Status, Stale int
	Early         bool
	// Meanwhile is done when this one has read and is about to write.
	Meanwhile *operation
	// Advance is how far the clock goes on before.
	Advance time.Duration
}

// edit is what a change sets. The zero one sets nothing.
type edit struct {
	URL, Event       string
	Payload, Disable bool
	// Refuse makes the edit itself fail.
	Refuse bool
}

func (o operation) api() api { return api(o.Client % apis) }

// sends reports whether the operation has to do with deliveries.
func (o operation) sends() bool {
	return slices.Contains([]string{"publish", "attempt", "retry", "recover", "lease", "leave"}, o.Do)
}

func (o operation) String() string {
	s := fmt.Sprintf("client %d (%v): %s", o.Client, o.api(), o.Do)
	switch o.Do {
	case "register":
		s += fmt.Sprint(" ", o.Items)
	case "find", "delete", "rotate", "slow":
		s += fmt.Sprintf(" %d of client %d", o.Target, (o.Client+o.Of)%clients)
	case "change":
		s += fmt.Sprintf(" %d of client %d %+v", o.Target, (o.Client+o.Of)%clients, o.Edit)
	case "create token", "revoke token", "token":
		s += fmt.Sprint(" ", o.Token)
	case "enable", "disable":
		s += fmt.Sprint(" ", o.Target)
	case "publish":
		s += fmt.Sprintf(" %s %d, payload %t", o.Event, o.Number, o.Edit.Payload)
	case "attempt", "retry", "lease":
		s += fmt.Sprintf(" %d, %d responded, stale %d, early %t", o.Target, o.Status, o.Stale, o.Early)
	case "recover":
		s += fmt.Sprintf(" %d %s of %v, as of %v ago", o.Number, o.Event, o.Ago, o.AsOf)
	}
	if o.Advance > 0 {
		s = fmt.Sprintf("%v later, %s", o.Advance, s)
	}
	if o.Meanwhile != nil {
		s += fmt.Sprintf(" (meanwhile %v)", *o.Meanwhile)
	}
	return s
}

// GoString is what a failed sequence is shown in.
func (o operation) GoString() string { return o.String() }

// weighted repeats each name as often as it is to be drawn.
func weighted(weights ...any) []string {
	var names []string
	for i := 0; i < len(weights); i += 2 {
		names = append(names, slices.Repeat([]string{weights[i].(string)}, weights[i+1].(int))...)
	}
	return names
}

var (
	writes   = weighted("register", 3, "change", 2, "delete", 1, "rotate", 1)
	anything = weighted("register", 14, "change", 10, "delete", 6, "rotate", 4, "slow", 4, "list", 4, "find", 6, "renew", 2,
		"create account", 2, "account", 1, "accounts", 1, "close", 1, "remove", 1,
		"create token", 2, "token", 1, "tokens", 1, "revoke token", 1)
	pauses = []time.Duration{0, 0, 0, time.Millisecond, time.Hour, 25 * time.Hour}
	// clashes is how often another write comes between an operation's read and
	// its write.
	clashes    = []bool{false, false, false, true}
	recipients = []int{0, 0, 0, 0, 1, 1, 2, 3}
	urls       = []string{"u1", "u2", "u3"}
	tokens     = 3
)

// operations draws them all.
func operations() *rapid.Generator[operation] {
	return rapid.Custom(func(t *rapid.T) operation {
		o := drawOperation(t, anything, rapid.IntRange(0, clients-1).Draw(t, "client"))
		o.Advance = rapid.SampledFrom(pauses).Draw(t, "advance")
		if slices.Contains([]string{"change", "delete", "rotate"}, o.Do) && rapid.SampledFrom(clashes).Draw(t, "clash") {
			m := drawOperation(t, writes, o.Client)
			o.Meanwhile = &m
		}
		return o
	})
}

func drawOperation(t *rapid.T, names []string, client int) operation {
	o := operation{Do: rapid.SampledFrom(names).Draw(t, "do"), Client: client}
	if o.api() == batch && o.Do == "rotate" || o.api() != batch && o.Do == "renew" {
		o.Do = "find"
	}
	switch o.Do {
	case "register":
		o.Items = drawItems(t, o.api())
	case "find", "delete", "rotate", "slow", "change":
		o.Target = rapid.SampledFrom(recipients).Draw(t, "target")
		if rapid.IntRange(0, 9).Draw(t, "foreign") == 9 {
			o.Of = rapid.IntRange(1, clients-1).Draw(t, "of")
		}
	case "create token", "revoke token", "token":
		o.Token = rapid.IntRange(0, tokens-1).Draw(t, "token")
	}
	if o.Do == "change" {
		o.Edit = drawEdit(t, o.api())
	}
	return o
}

var (
	withDeliveries = weighted("publish", 12, "register", 8, "change", 2, "delete", 1, "slow", 2, "enable", 8, "disable", 4, "close", 1, "leave", 1,
		"create account", 4, "lease", 2, "retry", 6, "recover", 10, "attempt", 30)
	interrupts = weighted("publish", 2, "change", 1, "delete", 1, "enable", 1, "disable", 2, "close", 1, "retry", 2, "attempt", 5)
	spans      = []time.Duration{0, 0, 0, time.Millisecond, time.Second, 30 * time.Hour, time.Hour, time.Minute}
	statuses   = []int{200, 200, 410, 404, 500, 500, 500}
	// sendFirst gives a client of each api an account and a webhook.
	sendFirst = func() (list []operation) {
		for client := range apis {
			item := registry.Item{Event: events[0], URL: urls[0]}
			list = append(list, operation{Do: "create account", Client: client}, operation{Do: "register", Client: client, Items: []registry.Item{item}})
		}
		return list
	}()
)

// sendOperations draws what has to do with deliveries.
func sendOperations() *rapid.Generator[operation] {
	return rapid.Custom(func(t *rapid.T) operation {
		o := drawSending(t, withDeliveries, rapid.IntRange(0, apis-1).Draw(t, "client"))
		o.Advance = rapid.SampledFrom(spans).Draw(t, "advance")
		if slices.Contains([]string{"attempt", "retry", "recover"}, o.Do) && rapid.SampledFrom(clashes).Draw(t, "clash") {
			m := drawSending(t, interrupts, o.Client)
			m.Advance = time.Millisecond // no two attempts begin at the same time
			o.Meanwhile = &m
		}
		return o
	})
}

func drawSending(t *rapid.T, names []string, client int) operation {
	o := drawOperation(t, names, client)
	switch o.Do {
	case "register": // mostly what is published
		if rapid.IntRange(0, 2).Draw(t, "other") < 2 {
			o.Items = []registry.Item{{Event: events[0], URL: o.Items[0].URL}}
		}
	case "publish", "recover":
		o.Number = rapid.IntRange(1, 3).Draw(t, "number")
		o.Event = rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "event")
		o.Edit.Payload = rapid.IntRange(0, 9).Draw(t, "payload") == 9
		o.Ago = rapid.SampledFrom([]time.Duration{20 * 24 * time.Hour, 30 * time.Hour, 20 * 24 * time.Hour}).Draw(t, "ago")
		o.AsOf = rapid.SampledFrom([]time.Duration{0, 0, time.Minute, 2 * time.Hour}).Draw(t, "as of")
	case "attempt", "retry", "lease", "enable", "disable":
		o.Target = rapid.SampledFrom(recipients).Draw(t, "target")
		o.Status = rapid.SampledFrom(statuses).Draw(t, "status")
		o.Stale = rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 1}).Draw(t, "stale")
		o.Early = rapid.IntRange(0, 9).Draw(t, "early") == 9
	}
	if o.Do == "recover" {
		o.Event = rapid.SampledFrom([]string{"", "", o.Event}).Draw(t, "of")
	}
	return o
}

// drawItems draws 1 to 3 items, no event twice and no two that exclude each
// other; one where the api takes one.
func drawItems(t *rapid.T, a api) []registry.Item {
	most := 3
	if a == single {
		most = 1
	}
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(events), 1, most, rapid.ID[string]).Draw(t, "events")
	if a == batch && slices.Contains(chosen, "a") {
		chosen = slices.DeleteFunc(chosen, func(e string) bool { return e == "b" || e == "c" })
	}
	items := make([]registry.Item, len(chosen))
	for i, event := range chosen {
		items[i] = registry.Item{
			Event: event, URL: rapid.SampledFrom(urls).Draw(t, "url"),
			SendPayload: rapid.Bool().Draw(t, "payload"),
		}
	}
	return items
}

func drawEdit(t *rapid.T, a api) edit {
	e := edit{
		URL:     rapid.SampledFrom(append([]string{""}, urls...)).Draw(t, "url"),
		Payload: rapid.Bool().Draw(t, "payload"),
		Disable: rapid.IntRange(0, 4).Draw(t, "disable") == 4,
		Refuse:  rapid.IntRange(0, 19).Draw(t, "refuse") == 19,
	}
	if a == single {
		e.Event = rapid.SampledFrom(append([]string{""}, events...)).Draw(t, "event")
	}
	return e
}

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

func (is *issuer) newRequestID() (string, error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.next("claim"), nil
}

// newRegistry gives a registry of the api that takes everything from is.
func newRegistry(a api, s registry.Store, is *issuer, now func() time.Time) *registry.Registry {
	return registry.New(registry.Config{
		Store: s, Sealer: plain{}, Rules: a.rules(is), NewRequestID: is.newRequestID, Now: now,
	})
}

// plain seals by writing down whose key it is.
type plain struct{}

func (plain) Seal(o seal.Owner, key webhook.Secret) ([]byte, error) {
	return sealed(o, key.Reveal()), nil
}

func sealed(o seal.Owner, key string) []byte { return []byte(o.String() + " = " + key) }
