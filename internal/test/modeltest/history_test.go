package modeltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// rivals share an account, and each does turns operations, so that a
	// history stays short enough to be checked.
	rivals = 4
	turns  = 16
)

// setting is where histories are made.
type setting struct {
	// store is what clients use; direct is read at the end, without faults.
	store, direct store.Store
	// accounts is how many there are, and atOnce how many are busy together.
	accounts, atOnce int
	// hurried is the share of operations that get a deadline, which is drawn
	// below hurry.
	hurried float64
	hurry   time.Duration
	seed    uint64
	// lossy is set where answers get lost on the way. A creation of several
	// webhooks that was sent again and refused then may yet happen, under ids
	// that nobody was told; elsewhere a refusal is for good.
	lossy bool
}

// hesitant is a store that lets others go first after each read, so that
// writes come in between though it is fast.
type hesitant struct{ store.Store }

func (s hesitant) Webhooks(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	defer runtime.Gosched()
	return s.Store.Webhooks(ctx, a)
}

func (s hesitant) Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error) {
	defer runtime.Gosched()
	return s.Store.Webhook(ctx, a, event)
}

// tally counts over all histories.
type tally struct {
	operations, unknown, nothing, ghosts atomic.Int64
}

// history is that of one account.
type history struct {
	setting setting
	api     api
	number  int
	account webhook.Account
	start   time.Time

	mu     sync.Mutex
	events []event
	ids    []string // that someone was told, in that order
}

// record makes the histories of all accounts and gives each to check.
func (s setting) record(t *testing.T, check func(history []event)) *tally {
	t.Helper()
	counts := &tally{}
	var group errgroup.Group
	group.SetLimit(s.atOnce)
	for i := range s.accounts {
		group.Go(func() error {
			a := api(i % apis)
			h := &history{
				setting: s, api: a, number: i, start: time.Now(),
				account: webhook.Account{API: webhook.API(a.String()), ID: fmt.Sprint(i)},
			}
			if err := h.make(t.Context(), counts); err != nil {
				return err
			}
			check(h.events)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return counts
}

// make lets the rivals loose, and ends the history with what stands then.
func (h *history) make(ctx context.Context, counts *tally) error {
	var group errgroup.Group
	for client := range rivals {
		random := rand.New(rand.NewPCG(h.setting.seed, uint64(h.number*rivals+client)))
		group.Go(func() error {
			for turn := range turns {
				h.play(ctx, client, turn, random, counts)
			}
			return nil
		})
	}
	_ = group.Wait() // nobody returns an error
	stand, err := h.setting.direct.Webhooks(ctx, h.account)
	now := h.now()
	h.events = append(h.events, event{
		call: call{operation: operation{Do: "list"}}, result: result{Outcome: done, Slots: slotsOf(stand)}, start: now, over: now + 1,
	})
	return err
}

func (h *history) now() int64 { return time.Since(h.start).Nanoseconds() }

var concurrent = weighted("register", 6, "redirect", 2, "flip", 3, "move", 3, "rotate", 3, "delete", 4, "list", 2, "find", 3)

// play makes a client do something, and notes it.
func (h *history) play(ctx context.Context, client, turn int, random *rand.Rand, counts *tally) {
	c := h.draw(random)
	unique := fmt.Sprintf("%d.%d.%d.", h.number, client, turn)
	c.Edit.URL = "u" + unique
	if random.Float64() < h.setting.hurried {
		hurried, cancel := context.WithTimeout(ctx, rand.N(h.setting.hurry))
		defer cancel()
		ctx = hurried
	}
	is := &issuer{prefix: unique}
	start := h.now()
	r, err := h.do(ctx, &c, newRegistry(h.api, h.setting.store, is, time.Now))
	e := event{call: c, result: r, client: client, start: start, over: h.now()}
	e.result.Outcome = outcomeOf(err)
	h.note(e, is, counts)
}

// draw draws an operation, with a target that is known and often new.
func (h *history) draw(random *rand.Rand) call {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := call{operation: operation{Client: int(h.api), Do: concurrent[random.IntN(len(concurrent))]}}
	if h.api != single && c.Do == "move" || h.api == batch && c.Do == "rotate" {
		c.Do = "flip"
	}
	if len(h.ids) == 0 && c.Do != "list" {
		c.Do = "register"
	}
	switch c.Do {
	case "register":
		c.Items = items(h.api, random)
	case "list":
	default:
		c.ID = h.ids[max(0, len(h.ids)-1-random.IntN(6))]
	}
	c.Edit.Payload = random.IntN(2) == 0
	if c.Do == "move" {
		c.Edit.Event = events[random.IntN(len(events))]
	}
	return c
}

// items gives 1 to 3, no two of which exclude each other; one where the api
// takes one.
func items(a api, random *rand.Rand) []registry.Item {
	chosen := random.Perm(len(events))[:1+random.IntN(3)]
	if a == single {
		chosen = chosen[:1]
	}
	var list []registry.Item
	for _, i := range chosen {
		if a == batch && i == 0 && len(chosen) > 1 {
			continue // "a" goes with "d" only
		}
		list = append(list, registry.Item{Event: events[i], SendPayload: random.IntN(2) == 0})
	}
	return list
}

// do does c, and completes it with what it made.
func (h *history) do(ctx context.Context, c *call, r *registry.Registry) (got result, err error) {
	var webhooks []webhook.Webhook
	switch c.Do {
	case "register":
		for i := range c.Items {
			c.Items[i].URL = c.Edit.URL
		}
		var made registry.Registration
		made, err = r.Register(ctx, h.account, c.Items)
		webhooks = made.Webhooks
	case "redirect", "flip", "move":
		webhooks, err = r.Change(ctx, h.account, c.ID, c.edit)
	case "rotate":
		var key webhook.Secret
		key, err = r.RotateKey(ctx, h.account, c.ID)
		c.Key = string(sealed(seal.WebhookKey(h.account, c.ID), key.Reveal()))
	case "delete":
		err = r.Delete(ctx, h.account, c.ID)
	case "list":
		webhooks, err = r.List(ctx, h.account)
	case "find":
		webhooks, err = r.Find(ctx, h.account, c.ID)
	}
	var isTaken *webhook.TakenError
	var isExcluded *webhook.ExcludedError
	switch {
	case errors.As(err, &isTaken):
		got.Taken = isTaken.IDs
	case errors.As(err, &isExcluded):
		got.Excluded = isExcluded.Found
	case err == nil:
		got.Slots = slotsOf(webhooks)
	}
	return got, err
}

// edit sets the one field that the operation is about.
func (c call) edit(records []webhook.Webhook) error {
	for i := range records {
		switch c.Do {
		case "redirect":
			records[i].URL = c.Edit.URL
		case "flip":
			records[i].SendPayload = c.Edit.Payload
		case "move":
			records[i].Event = c.Edit.Event
		}
	}
	return nil
}

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return done
	case errors.Is(err, webhook.ErrTaken):
		return taken
	case errors.Is(err, webhook.ErrExcluded):
		return excluded
	case errors.Is(err, webhook.ErrNotFound):
		return notFound
	case errors.Is(err, webhook.ErrUnavailable) && !errors.Is(err, webhook.ErrUnknownOutcome):
		return nothing
	}
	return unknown
}

// note writes an event down, and what its earlier tries may have left.
func (h *history) note(e event, is *issuer, counts *tally) {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts.operations.Add(1)
	switch e.result.Outcome {
	case unknown:
		counts.unknown.Add(1)
	case nothing:
		counts.nothing.Add(1)
	case done, taken, excluded, notFound:
	}
	if e.call.Do == "rotate" && e.result.Outcome == unknown {
		e.call.Key = string(sealed(seal.WebhookKey(h.account, e.call.ID), is.key))
	}
	if e.call.Do == "register" {
		h.noteTries(e, is, counts)
	} else {
		h.events = append(h.events, e)
	}
	for _, s := range e.result.Slots {
		h.learn(s.ID)
	}
	for _, id := range e.result.Taken {
		h.learn(id)
	}
}

// noteTries notes a registration as what its tries were. The outcome of each
// but the last is unknown: what it has written, or may yet write, stands under
// an id of its own. A try that turned out to have succeeded is answered with
// the record as it stands by then, which is noted as a reading of its own.
func (h *history) noteTries(e event, is *issuer, counts *tally) {
	var responded slots
	for n, ids := range is.tries {
		try := e
		try.call.Made = h.asked(e.call.Items, ids, is.key)
		switch last := n == len(is.tries)-1; {
		case e.result.Outcome == done && e.result.Slots.of(ids[0]) != (slots{}):
			responded = try.call.Made
		case !last || e.result.Outcome == done:
			counts.ghosts.Add(1)
			try.result = result{Outcome: unknown}
		}
		h.events = append(h.events, try)
		if refused := e.result.Outcome == taken || e.result.Outcome == excluded; refused && h.setting.lossy && h.sentAgain(e.call) {
			try.result = result{Outcome: unknown}
			h.events = append(h.events, try)
		}
	}
	if e.result.Outcome != done || e.result.Slots == responded {
		return
	}
	for _, s := range e.result.Slots {
		if s.ID != "" {
			reading := e
			reading.call = call{operation: operation{Client: e.call.Client, Do: "find"}, ID: s.ID}
			reading.result.Slots = e.result.Slots.of(s.ID)
			h.events = append(h.events, reading)
		}
	}
}

// sentAgain reports that the store itself repeats the creation after a lost
// answer: one of several webhooks, or with exclusions. Others the registry
// repeats, under new ids.
func (h *history) sentAgain(c call) bool { return len(c.Items) > 1 || h.api == batch }

// asked is what a registration asks for, under the ids of one try.
func (h *history) asked(items []registry.Item, ids []string, key string) slots {
	var made []webhook.Webhook
	for i, item := range items {
		w := webhook.Webhook{Event: item.Event, ID: ids[i], URL: item.URL, SendPayload: item.SendPayload}
		if h.api.ownKeys() {
			w.SealedKey = sealed(seal.WebhookKey(h.account, ids[0]), key)
		}
		made = append(made, w)
	}
	return slotsOf(made)
}

func (h *history) learn(id string) {
	if id == "" {
		return
	}
	for _, known := range h.ids {
		if known == id {
			return
		}
	}
	h.ids = append(h.ids, id)
}

const (
	perAccount      = rivals * turns
	leastFaultShare = 0.2
)

func accountsFor(operations int64) int { return int(operations+perAccount-1) / perAccount }

// The operations in concurrent histories are 100,000 over all stores, in a
// long run.
func TestHistoriesOnSQLite(t *testing.T) {
	operations := long.Pick[int64](6_000, 86_000)
	s := openSQLite(t)
	testHistories(t, setting{
		store: s, direct: s, accounts: accountsFor(operations), atOnce: 8, seed: 2,
		hurried: 0.05, hurry: 2 * time.Millisecond,
	}, operations)
}

func TestHistoriesOnDynamoDB(t *testing.T) {
	operations := long.Pick[int64](640, 6_000)
	server := dynamolocal.Start(t)
	s := openDynamo(t, server.URL, server.NewTables(t), 30*time.Second)
	testHistories(t, setting{store: s, direct: s, accounts: accountsFor(operations), atOnce: 4, seed: 3}, operations)
}

func TestHistoriesThroughFaults(t *testing.T) {
	operations := long.Pick[int64](800, 8_000)
	server := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, server.URL)
	tables := server.NewTables(t)
	proxy.Inject(faultproxy.Plan{Seed: 4, Rate: 0.3})
	counts := testHistories(t, setting{
		store:  openDynamo(t, proxy.URL, tables, 250*time.Millisecond),
		direct: openDynamo(t, server.URL, tables, 30*time.Second), accounts: accountsFor(operations), atOnce: 16, seed: 4,
		hurried: 0.1, hurry: 200 * time.Millisecond, lossy: true,
	}, operations)
	errs := proxy.Counts()
	t.Logf("%d requests, faults: %v", errs.Total(), errs.Faults)
	if share := float64(errs.Injected()) / float64(errs.Total()); share < leastFaultShare {
		t.Errorf("%.0f %% of the requests met a fault, want %.0f at least", 100*share, 100*leastFaultShare)
	}
	if counts.unknown.Load() == 0 || counts.ghosts.Load() == 0 {
		t.Error("no operation had an unknown outcome, or none was tried again")
	}
}

// testHistories makes histories and checks each.
func testHistories(t *testing.T, s setting, want int64) *tally {
	t.Helper()
	start := time.Now()
	counts := s.record(t, func(history []event) {
		if result := check(history); result != porcupine.Ok {
			t.Errorf("history is %v: %s", result, describe(history))
		}
	})
	t.Logf("%d operations of %d accounts in %v: %d of unknown outcome, %d not carried out, %d tries left behind",
		counts.operations.Load(), s.accounts, time.Since(start).Round(time.Millisecond),
		counts.unknown.Load(), counts.nothing.Load(), counts.ghosts.Load())
	if counts.operations.Load() < want {
		t.Errorf("%d operations, want %d", counts.operations.Load(), want)
	}
	return counts
}

// TestHistoriesFindFaults shows that every fault of a store is found, if it is
// one of what histories do.
func TestHistoriesFindFaults(t *testing.T) {
	for _, b := range broken {
		if b.inSequences {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			var bad atomic.Int64
			for seed := uint64(5); bad.Load() == 0 && seed < 25; seed++ {
				s := b.wrap(hesitant{memory.Open(t)})
				setting{store: s, direct: s, accounts: 60, atOnce: 2, seed: seed}.record(t, func(history []event) {
					if check(history) == porcupine.Illegal {
						bad.Add(1)
					}
				})
			}
			if bad.Load() == 0 {
				t.Error("not found")
			}
		})
	}
}

// describe tells a history, in the order of its calls.
func describe(history []event) string {
	var text strings.Builder
	for _, e := range slices.SortedFunc(slices.Values(history), func(e, f event) int { return cmp.Compare(e.start, f.start) }) {
		fmt.Fprintf(&text, "\nclient %d, %d to %d ns: %v %s, made %v, came to %+v",
			e.client, e.start, e.over, e.call.operation, e.call.ID, e.call.Made, e.result)
	}
	return text.String()
}
