package portal_test

import (
	"context"
	crand "crypto/rand"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/intercept"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/internal/test/record"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const timeout = 30 * time.Second

// The accounts: one of each API, and a neighbour.
var (
	squakeAccount  = webhook.Account{API: "squake", ID: "acme"}
	shoptetAccount = webhook.Account{API: "shoptet", ID: "315185-myaddon"}
	abbeyAccount   = webhook.Account{API: "abbeycross", ID: "fleet-7"}
	otherAccount   = webhook.Account{API: "squake", ID: "other"}
	fourthAccount  = webhook.Account{API: "fourth", ID: "1"}
)

// ways are the links and sessions of a portal, whose Leave may fail.
type ways struct {
	*access.Links
	stuck error // what Leave returns
}

func (w *ways) Leave(ctx context.Context, secret webhook.Secret) error {
	if w.stuck != nil {
		return w.stuck
	}
	return w.Links.Leave(ctx, secret)
}

// open makes a link.
func (w *ways) open(t *testing.T, a webhook.Account, rights webhook.Rights) string {
	t.Helper()
	link, _, err := w.Create(t.Context(), access.Grant{Account: a, Rights: rights, Link: access.DefaultLink, Session: access.DefaultSession})
	if err != nil {
		t.Fatal(err)
	}
	return link.Reveal()
}

// env is a portal over a real store, with what delivers, and a receiver.
type env struct {
	apis      []api.API
	store     *sqlite.Store
	ways      *ways
	URL       string
	receiver  *httptest.Server
	status    atomic.Int64 // what the receiver answers
	publisher *delivery.Publisher
	log       *record.Buffer
	reads     atomic.Int64 // by pages
	// beforeTest is called before each test, once it was set.
	beforeTest func()
}

// newEnv starts all of it. settings are pairs of a name and a value.
func newEnv(t *testing.T, settings ...string) *env {
	t.Helper()
	return newEnvOf(t, all.APIs(), settings...)
}

// newEnvOf starts all of it for some APIs.
func newEnvOf(t *testing.T, apis []api.API, settings ...string) *env {
	t.Helper()
	e := &env{apis: apis, store: memory.Open(t), log: &record.Buffer{}}
	keys := keygen.New(crand.Reader, time.Now)
	e.ways = &ways{Links: access.NewLinks(e.store, keys, time.Now)}
	e.status.Store(http.StatusNoContent)
	e.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(e.status.Load()))
		_, _ = io.WriteString(w, `{"error":"<b>database</b> is locked"}`)
	}))
	t.Cleanup(e.receiver.Close)
	for _, a := range []webhook.Account{squakeAccount, shoptetAccount, abbeyAccount, otherAccount, fourthAccount} {
		if err := e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: time.Now().Add(-30 * 24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := keyfile.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(key.ID(), key.Public(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string {
		for i := 0; i < len(settings); i += 2 {
			if settings[i] == name {
				return settings[i+1]
			}
		}
		return ""
	}
	setup := api.Setup{
		Store: e.counted(), Sealer: sealer, Keys: keys, Now: time.Now,
		Log: slog.New(slog.NewJSONHandler(e.log, nil)), URLs: validate.URLPolicy{AllowHTTP: true, AllowPrivate: true}, Getenv: getenv,
	}
	e.serve(t, setup, open.New(key))
	return e
}

// counted is the store, of which reads are counted.
func (e *env) counted() intercept.Store {
	return intercept.Store{Store: e.store, Do: func(call string, do func() error) error {
		if intercept.IsRead(call) {
			e.reads.Add(1)
		}
		return do()
	}}
}

// serve starts the portal and what delivers.
func (e *env) serve(t *testing.T, setup api.Setup, opener delivery.Opener) {
	t.Helper()
	sendings, err := api.Sendings(e.apis, setup)
	if err != nil {
		t.Fatal(err)
	}
	queue := local.New(local.Config{Now: time.Now, Proven: func(context.Context, webhook.EventKey) bool { return true }})
	worker := delivery.NewWorker(delivery.WorkerConfig{
		Store: e.store, Queue: queue, Opener: opener, Sendings: sendings, Now: time.Now, Jitter: rand.N[time.Duration], Log: setup.Log,
		Sender: sender.New(sender.Config{Version: webhook.Version, AllowHTTP: true, AllowPrivate: true, Now: time.Now}),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		queue.Run(ctx, func(ctx context.Context, m webhook.Message) { _, _ = worker.Attempt(ctx, m) })
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	e.publisher = delivery.NewPublisher(delivery.PublisherConfig{
		Store: e.store, Queue: queue, Sendings: sendings, NewID: setup.Keys.UUID, Now: time.Now, Log: setup.Log,
	})
	settings, err := portal.ReadSettings(setup.Getenv, "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := portal.New(portal.Config{
		Access: e.ways, Store: e.counted(), Queue: queue, APIs: e.apis, Setup: setup, Sendings: sendings, Settings: settings,
		Tester: tester{delivery.NewTester(delivery.TesterConfig{Store: e.store, Queue: queue, Sendings: sendings, NewID: setup.Keys.UUID, Now: time.Now}), e},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	own := portal.NewOperator(e.operatorConfig(setup, settings))
	mux.Handle(portal.OperatorPrefix, own)
	mux.Handle(portal.OperatorPrefix+"/", own)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	e.URL = server.URL
}

// operatorConfig is what the operator's pages are made of.
func (e *env) operatorConfig(setup api.Setup, settings portal.Settings) portal.OperatorConfig {
	return portal.OperatorConfig{
		Access: e.ways.Operator(), Store: e.counted(), APIs: e.apis, Settings: settings,
		URL:  func(r *http.Request) string { return "http://" + r.Host },
		Keys: setup.Keys, Now: setup.Now, Log: setup.Log,
	}
}

// tester is a tester before which something else may happen.
type tester struct {
	*delivery.Tester
	env *env
}

func (t tester) Test(ctx context.Context, a webhook.Account, id, name string) (webhook.Delivery, error) {
	if t.env.beforeTest != nil {
		t.env.beforeTest()
	}
	return t.Tester.Test(ctx, a, id, name)
}

// publish publishes an event and returns its delivery's id.
func (e *env) publish(t *testing.T, a webhook.Account, name, instance, payload string, at time.Time) string {
	t.Helper()
	event := webhook.Event{Account: a, Name: name, ID: crand.Text(), Time: at.UTC().Truncate(time.Millisecond), Instance: instance}
	if payload != "" {
		event.Payload = []byte(payload)
	}
	result := e.publisher.Publish(t.Context(), []webhook.Event{event})[0]
	if result.Delivery == "" {
		t.Fatalf("publish %s: %+v", name, result)
	}
	return result.Delivery
}

// attempted waits until a delivery has that many attempts.
func (e *env) attempted(t *testing.T, a webhook.Account, id string, attempts int64) webhook.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for {
		d, err := e.store.Delivery(ctx, a, id)
		if err != nil {
			t.Fatal(err)
		}
		if d.Attempts >= attempts {
			return d
		}
		select {
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// reader is a browser without scripts: it keeps cookies and sends forms.
type reader struct {
	*testing.T
	env    *env
	client *http.Client
	// page is the latest one, status its status, and path where it was.
	page   string
	status int
	path   string
	header http.Header
	// extra are headers of the next requests.
	extra http.Header
}

func (e *env) newReader(t *testing.T) *reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{T: t, env: e, client: &http.Client{Jar: jar, Timeout: timeout}, extra: http.Header{}}
}

// enter opens a link and enters by it: to an account, or to the operator's pages
// if it is zero.
func (e *env) enter(t *testing.T, a webhook.Account, rights webhook.Rights) *reader {
	t.Helper()
	r := e.newReader(t)
	path, home := "/portal/enter", "/portal/webhooks"
	if a == (webhook.Account{}) {
		path, home = "/portal/operator/enter", "/portal/operator/accounts"
	}
	link := e.ways.open(t, a, rights)
	r.get(path + "?link=" + link)
	r.post(path, "link", link)
	if r.status != http.StatusOK || r.path != home {
		t.Fatalf("entered: status %d at %s", r.status, r.path)
	}
	return r
}

func (r *reader) do(method, path string, form url.Values) {
	r.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(r.Context(), method, r.env.URL+path, body)
	if err != nil {
		r.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range r.extra {
		request.Header[name] = values
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.Fatal(err)
	}
	r.page, r.status, r.path, r.header = string(text), response.StatusCode, response.Request.URL.RequestURI(), response.Header
}

func (r *reader) get(path string) { r.Helper(); r.do(http.MethodGet, path, nil) }

// post sends a form of pairs, with the token of the latest page.
func (r *reader) post(path string, pairs ...string) {
	r.Helper()
	form := url.Values{"form_token": {between(r.page, `name="form_token" value="`, `"`)}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r.do(http.MethodPost, path, form)
}

// between returns what stands between two texts, empty if they do not.
func between(text, before, after string) string {
	_, rest, found := strings.Cut(text, before)
	if !found {
		return ""
	}
	middle, _, _ := strings.Cut(rest, after)
	return middle
}

// shows fails the test unless the page has the status and all texts.
func (r *reader) shows(status int, texts ...string) {
	r.Helper()
	if r.status != status {
		r.Errorf("%s: status %d, want %d\n%s", r.path, r.status, status, r.page)
	}
	page := strings.NewReplacer("<wbr>", "", "\u00a0", " ").Replace(r.page)
	for _, text := range texts {
		if !strings.Contains(page, text) {
			r.Errorf("%s does not show %q:\n%s", r.path, text, r.page)
		}
	}
}

func mustParse(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

// fail stores a delivery of Squake's account that failed for good.
func (e *env) fail(ctx context.Context, t *testing.T) (id string) {
	t.Helper()
	list, err := e.store.Webhooks(ctx, squakeAccount)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Minute)
	d := webhook.Delivery{Account: squakeAccount, Event: "order", EventID: crand.Text(), Time: now, AcceptedAt: now, WebhookID: list[0].ID, URL: list[0].URL, Payload: []byte(`{}`)}
	if d, err = e.store.AddDelivery(ctx, d.Attempted(now, http.StatusBadRequest, "answered 400", time.Time{})); err != nil {
		t.Fatal(err)
	}
	return d.ID()
}
