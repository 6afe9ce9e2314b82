package delivery_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/webhook"
)

// start is when the worlds begin.
var start = time.Date(2026, time.January, 15, 10, 30, 0, 0, time.UTC)

// What no log line may hold: the payload's text, the URL's query, the keys.
const (
	payloadText = "text-of-the-payload"
	queryText   = "text-of-the-query"
	payload     = `{"text":"` + payloadText + `","n":1.50}`
	squakeKey   = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	shoptetKey  = "00112233445566778899aabbccddeeff"
	abbeyKey    = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
	retiredKey  = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
)

var secrets = []string{payloadText, queryText, squakeKey, shoptetKey, strings.TrimPrefix(abbeyKey, "whsec_"), strings.TrimPrefix(retiredKey, "whsec_")}

var (
	squakeAccount  = webhook.Account{API: "squake", ID: "acme"}
	shoptetAccount = webhook.Account{API: "shoptet", ID: "315185-myaddon"}
	abbeyAccount   = webhook.Account{API: "abbeycross", ID: "fleet-7"}
)

// eventKeys has one of each API, which every world has a webhook for.
var eventKeys = []webhook.EventKey{
	{Account: squakeAccount, Event: "order"},
	{Account: shoptetAccount, Event: "order:create"},
	{Account: abbeyAccount, Event: "shipment.created"},
}

func setup() api.Setup {
	// Ids of notifications count from 2025, and bubbles start in 2000.
	clock := func() time.Time { return start }
	return api.Setup{Keys: keygen.New(rand.Reader, clock), Getenv: func(string) string { return "" }}
}

// queue is a queue in a test's hands: it holds what was sent until the test
// takes it.
type queue struct {
	mu    sync.Mutex
	sent  []webhook.Message // all that ever were
	held  []webhook.Message
	lease time.Duration
	// refuses is set for event keys that there is no room for.
	refuses map[webhook.EventKey]bool
	// err is what Send fails with; it takes nothing then.
	err error
}

func newQueue() *queue { return &queue{lease: 2 * time.Minute, refuses: map[webhook.EventKey]bool{}} }

func (q *queue) Lease(s webhook.EventKey) (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lease, !q.refuses[s]
}

func (*queue) Full() bool { return false }

func (q *queue) Send(ctx context.Context, messages []webhook.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := cmp.Or(q.err, ctx.Err()); err != nil {
		return err
	}
	q.sent = append(q.sent, messages...)
	q.held = append(q.held, messages...)
	return nil
}

// take gives what was sent and not taken yet.
func (q *queue) take() []webhook.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	held := q.held
	q.held = nil
	return held
}

func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.sent)
}

// receiver is where attempts go. It answers with the next of its answers, and
// with the last one ever after; 200 if there are none.
type receiver struct {
	now func() time.Time

	mu        sync.Mutex
	responses []delivery.Response
	got       []delivery.Request
	at        []time.Time
	during    func(delivery.Request) // what happens while an attempt is made
	interval  time.Duration          // how long an attempt takes; the clock is moved by it
	pass      func(time.Duration)
}

func (r *receiver) Send(_ context.Context, request delivery.Request) delivery.Response {
	r.mu.Lock()
	n := len(r.got)
	r.got, r.at = append(r.got, request), append(r.at, r.now())
	response := delivery.Response{Status: 200}
	if len(r.responses) > 0 {
		response = r.responses[min(n, len(r.responses)-1)]
	}
	during := r.during
	r.mu.Unlock()
	if during != nil {
		during(request)
	}
	if r.interval > 0 {
		r.pass(r.interval)
	}
	return response
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// failing is an answer of a failed attempt.
func failing(status int) delivery.Response {
	return delivery.Response{Status: status, Reason: fmt.Sprintf("answered %d", status)}
}

// env is all that publisher, worker and sweeper work with.
type env struct {
	clock    *record.Clock
	store    *store
	queue    *queue
	receiver *receiver
	log      *record.Buffer
	sendings map[webhook.API]webhook.Sending
	sealer   *seal.Sealer
	opener   delivery.Opener
	// jitter is what is drawn: this part of the largest wait.
	jitter float64
	// sabotage is what is wrong with publisher, worker and sweeper.
	sabotage sabotage
}

// sabotage breaks what a world makes; the zero value breaks nothing.
type sabotage struct {
	publisher func(*delivery.PublisherConfig)
	worker    func(*delivery.WorkerConfig)
	sweeper   func(*delivery.SweeperConfig)
}

// newEnv has the accounts of event keys with one webhook each, whose keys are
// sealed. When the test ends, its log is searched for secrets.
func newEnv(tb testing.TB) *env {
	tb.Helper()
	w := emptyEnv(tb, start)
	w.populate(tb)
	return w
}

// anew gives a new world with the keys of this one, which cost most of making
// one.
func (w *env) anew(tb testing.TB) *env {
	tb.Helper()
	made := &env{sendings: maps.Clone(w.sendings), sealer: w.sealer, opener: w.opener}
	made.begin(tb, start)
	made.populate(tb)
	return made
}

func (w *env) populate(tb testing.TB) {
	tb.Helper()
	for i, s := range eventKeys {
		w.addAccount(tb, s.Account)
		w.register(tb, s, fmt.Sprint("w", i+1))
	}
}

// begin makes what is the world's own.
func (w *env) begin(tb testing.TB, now time.Time) {
	tb.Helper()
	w.clock, w.store, w.queue, w.log = record.NewClock(now), &store{Store: memory.Open(tb)}, newQueue(), &record.Buffer{}
	w.receiver = &receiver{now: w.clock.Now, pass: w.clock.Advance}
	tb.Cleanup(func() { checkLog(tb, w.log.String()) })
}

// emptyEnv has no account, and a clock that stands at now.
func emptyEnv(tb testing.TB, now time.Time) *env {
	tb.Helper()
	w := &env{}
	w.begin(tb, now)
	key, err := keyfile.Create(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	if w.sendings, err = api.Sendings(all.APIs(), setup()); err != nil {
		tb.Fatal(err)
	}
	if w.sealer, err = seal.NewSealer(key.ID(), key.Public(), func() time.Time { return start }); err != nil {
		tb.Fatal(err)
	}
	w.opener = open.New(key)
	return w
}

func checkLog(tb testing.TB, log string) {
	tb.Helper()
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			tb.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

func (w *env) addAccount(tb testing.TB, a webhook.Account) {
	tb.Helper()
	info := webhook.AccountInfo{Account: a, CreatedAt: w.clock.Now().Add(-time.Hour)}
	if a.API == "shoptet" {
		info.SealedKey = w.seal(tb, seal.AccountKey(a), shoptetKey)
	}
	if err := w.store.CreateAccount(context.Background(), info); err != nil {
		tb.Fatal(err)
	}
}

func (w *env) seal(tb testing.TB, owner seal.Owner, key string) []byte {
	tb.Helper()
	sealed, err := w.sealer.Seal(owner, webhook.NewSecret(key))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

// register adds a webhook for events of one id.
func (w *env) register(tb testing.TB, s webhook.EventKey, id string, more ...string) {
	tb.Helper()
	var list []webhook.Webhook
	for i, event := range append([]string{s.Event}, more...) {
		one := webhook.Webhook{
			Account: s.Account, Event: event, ID: id, RequestID: id, Position: i, Version: 1,
			URL: "https://receiver.example/" + id + "?token=" + queryText, SendPayload: true, CreatedAt: w.clock.Now(),
		}
		switch s.Account.API {
		case "squake":
			one.SealedKey = w.seal(tb, seal.WebhookKey(s.Account, id), squakeKey)
		case "abbeycross":
			one.SealedKey = w.seal(tb, seal.WebhookKey(s.Account, id), abbeyKey)
		}
		list = append(list, one)
	}
	if _, err := w.store.Create(context.Background(), webhook.Creation{Webhooks: list}); err != nil {
		tb.Fatal(err)
	}
}

func (w *env) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(w.log, nil)) }

func (w *env) publisher(change ...func(*delivery.PublisherConfig)) *delivery.Publisher {
	n := 0
	cfg := delivery.PublisherConfig{
		Store: w.store, Queue: w.queue, Sendings: w.sendings, Now: w.clock.Now, Log: w.logger(),
		NewID: func() (string, error) { n++; return fmt.Sprint("made-", n), nil },
	}
	if w.sabotage.publisher != nil {
		w.sabotage.publisher(&cfg)
	}
	for _, c := range change {
		c(&cfg)
	}
	return delivery.NewPublisher(cfg)
}

func (w *env) worker(change ...func(*delivery.WorkerConfig)) *delivery.Worker {
	cfg := delivery.WorkerConfig{
		Store: w.store, Queue: w.queue, Sender: w.receiver, Opener: w.opener, Sendings: w.sendings, Now: w.clock.Now,
		Jitter: func(below time.Duration) time.Duration { return time.Duration(w.jitter * float64(below)) },
		Log:    w.logger(),
	}
	if w.sabotage.worker != nil {
		w.sabotage.worker(&cfg)
	}
	for _, c := range change {
		c(&cfg)
	}
	return delivery.NewWorker(cfg)
}

func (w *env) sweeper(change ...func(*delivery.SweeperConfig)) *delivery.Sweeper {
	cfg := delivery.SweeperConfig{
		Store: w.store, Queue: w.queue, Now: w.clock.Now, Log: w.logger(), Ahead: 90 * time.Second, Parallel: 1,
	}
	if w.sabotage.sweeper != nil {
		w.sabotage.sweeper(&cfg)
	}
	for _, c := range change {
		c(&cfg)
	}
	return delivery.NewSweeper(cfg)
}

func TestConstructorsNeedAllFields(t *testing.T) {
	w := newEnv(t)
	w.publisher(func(c *delivery.PublisherConfig) {
		needed.Fields(t, *c, func(c delivery.PublisherConfig) { delivery.NewPublisher(c) })
	})
	w.worker(func(c *delivery.WorkerConfig) {
		needed.Fields(t, *c, func(c delivery.WorkerConfig) { delivery.NewWorker(c) }, "NoticeID", "Observe")
	})
	w.sweeper(func(c *delivery.SweeperConfig) {
		needed.Fields(t, *c, func(c delivery.SweeperConfig) { delivery.NewSweeper(c) })
	})
}
