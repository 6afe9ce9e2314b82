package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/webhook"
)

// arrival is a request that a customer's server got.
type arrival struct {
	path   string
	header http.Header
	body   string
	at     time.Time
}

// site is a customer's server. It tells of all that arrives before it answers.
type site struct {
	url      string
	arrivals chan arrival
	status   atomic.Int64 // of the answers
	// hold, if there is one, is waited for before an answer.
	hold atomic.Pointer[chan struct{}]
}

func openSite(t testing.TB) *site {
	t.Helper()
	c := &site{arrivals: make(chan arrival, 1000)}
	c.status.Store(http.StatusOK)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who sends broke off
	}
	c.arrivals <- arrival{r.URL.Path, r.Header, string(body), time.Now()}
	if hold := c.hold.Load(); hold != nil {
		select {
		case <-*hold:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Retry-After", "3600") // no test waits for another attempt
	w.WriteHeader(int(c.status.Load()))
}

// block keeps answers back until the function that it returns is called.
func (c *site) block() (release func()) {
	hold := make(chan struct{})
	c.hold.Store(&hold)
	return func() {
		c.hold.Store(nil)
		close(hold)
	}
}

// next gives what arrives next.
func (c *site) next(t testing.TB) arrival {
	t.Helper()
	select {
	case a := <-c.arrivals:
		return a
	case <-time.After(timeout):
		t.Fatal("nothing arrives")
		return arrival{}
	}
}

// nothingMore demands that no arrival was left. It is to be called when nobody
// sends any more.
func (c *site) nothingMore(t testing.TB) {
	t.Helper()
	for {
		select {
		case a := <-c.arrivals:
			t.Errorf("%s arrived too: %s %s", a.header.Get("Webhook-Id"), a.path, a.body)
		default:
			return
		}
	}
}

// customerOf is a customer of an API with one webhook.
type customerOf struct {
	api, account, event string
	instance            string // where the API has that
	auth                string // the header line that lets it in
	path                string // of the site
	id                  string // the webhook's
	key                 string
	schemes             []string // that sign, besides Standard Webhooks
	own                 string   // where its API has it: the webhook's path at the server
}

// customers registers one webhook for each API, over HTTP, for the demo
// accounts of a server.
func customers(t testing.TB, where dataDir, s *instance, c *site) []*customerOf {
	t.Helper()
	list := []*customerOf{
		{api: "squake", account: "squake:demo", event: "order", auth: "Authorization: Bearer ", schemes: []string{"Squake-Signature"}},
		{api: "shoptet", account: "shoptet:1", event: "order:create", instance: "2018000012", auth: "Shoptet-Access-Token: ", schemes: []string{"Shoptet-Webhook-Signature"}},
		{api: "abbeycross", account: "abbeycross:demo", event: "trip.ended", auth: "Authorization: Bearer "},
	}
	for _, customer := range list {
		customer.auth += s.token(t, customer.api)
		customer.path = "/" + customer.api
		customer.register(t, s, c.url+customer.path+"?secret=query-7f3a")
		var webhooks []webhookResult
		decode(t, where.run(t, "webhook", "list", "--json", "--account", customer.account), &webhooks)
		if len(webhooks) == 0 {
			t.Fatalf("%s has webhooks %+v", customer.account, webhooks)
		}
		customer.id = webhooks[0].ID
		customer.own = map[string]string{"squake": "/v2/webhooks/", "shoptet": "/api/webhooks/"}[customer.api] + customer.id
	}
	return list
}

// startedServer runs a server where one customer has a webhook at a site.
func startedServer(t testing.TB) (where dataDir, s *instance, c *site, customer *customerOf) {
	t.Helper()
	where = dataDir{data: t.TempDir()}
	s, c = boot(t, where.data, "--dev"), openSite(t)
	return where, s, c, customers(t, where, s, c)[0]
}

// stoppedServer is what a server leaves that startedServer ran.
func stoppedServer(t testing.TB) (where dataDir, c *site, customer *customerOf) {
	t.Helper()
	where, s, c, customer := startedServer(t)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return where, c, customer
}

// register registers the webhook and takes the key from the answer.
func (c *customerOf) register(t testing.TB, s *instance, url string) {
	t.Helper()
	switch c.api {
	case "squake":
		var made struct {
			Key string `json:"signing_key"`
		}
		decode(t, c.call(t, s, http.StatusCreated, "POST", "/v2/webhooks", `{"kind":"order","endpoint_url":"`+url+`"}`), &made)
		c.key = made.Key
	case "shoptet":
		c.call(t, s, http.StatusCreated, "POST", "/api/webhooks", `{"data":[{"event":"order:create","url":"`+url+`","sendPayload":"full"}]}`)
		c.renew(t, s)
	case "abbeycross":
		var made struct{ APISecretKey string }
		decode(t, c.call(t, s, http.StatusCreated, "POST", "/v1/webhooks/register", `{"url":"`+url+`","events":["trip.ended","trip.begun"]}`), &made)
		c.key = made.APISecretKey
	}
}

// renew takes a new key of Shoptet's.
func (c *customerOf) renew(t testing.TB, s *instance) {
	t.Helper()
	var renewed struct{ Data struct{ SignatureKey string } }
	decode(t, c.call(t, s, http.StatusOK, "POST", "/api/webhooks/renew-signature-key", ""), &renewed)
	c.key = renewed.Data.SignatureKey
}

// call sends a request in the customer's name, and gives the answer's body.
func (c *customerOf) call(t testing.TB, s *instance, want int, method, path, body string) string {
	t.Helper()
	return mustRespond(t, want, method, s.URL+path, body, c.auth)
}

// mustRespond sends JSON with a header line, and demands the status.
func mustRespond(t testing.TB, want int, method, url, body, line string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(line, ": ")
	r.Header.Set(name, value)
	r.Header.Set("Content-Type", "application/json")
	response, err := newClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Fatalf("%s %s: %d %s, %v; want %d", method, url, response.StatusCode, text, err, want)
	}
	return string(text)
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// verified demands that an arrival is signed as the customer's API says, with
// the customer's key, and is what was published.
func (c *customerOf) verified(t testing.TB, a arrival, wantID string) {
	t.Helper()
	key, err := receiver.ParseKey(c.key)
	if err != nil {
		t.Fatalf("%s: key: %v", c.account, err)
	}
	var signed []string
	for _, check := range receiver.Verify(a.at, []receiver.Key{key}, a.header, []byte(a.body)) {
		if check.Error != nil {
			t.Errorf("%s: %v", c.account, check.Error)
		}
		signed = append(signed, check.Scheme)
	}
	want := append([]string{"Standard Webhooks"}, c.schemes...)
	if !slices.Equal(signed, want) || a.path != c.path {
		t.Errorf("%s: %s is signed by %q, want %s by %q", c.account, a.path, signed, c.path, want)
	}
	if agent := a.header.Get("User-Agent"); agent != "Hookline/"+webhook.Version {
		t.Errorf("%s: User-Agent %q, want Hookline/%s", c.account, agent, webhook.Version)
	}
	if id := a.header.Get("Webhook-Id"); wantID != "" && id != wantID {
		t.Errorf("%s: webhook-id %s, want %s", c.account, id, wantID)
	}
}

// publish is the command line that publishes an event of the customer's
// webhook.
func (c *customerOf) publish(more ...string) []string {
	args := []string{"publish", "--account", c.account, "--event", c.event}
	if c.instance != "" {
		args = append(args, "--instance", c.instance)
	}
	return append(args, more...)
}

// published publishes in this process, and demands that it is accepted.
func (c *customerOf) published(t testing.TB, where dataDir, more ...string) (id string) {
	t.Helper()
	var r operator.Result
	decode(t, where.run(t, c.publish(append(more, "--json")...)...), &r)
	if r.Status != "accepted" || r.Delivery == nil {
		t.Fatalf("publish for %s: %+v", c.account, r)
	}
	return *r.Delivery
}

// run runs a command on the place, in this process, and gives its standard
// output.
func (p dataDir) run(t testing.TB, args ...string) string {
	t.Helper()
	return p.runWith(t, "", args...)
}

// runWith runs a command with a text as its standard input. No time passes when
// it waits.
func (p dataDir) runWith(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var out, said bytes.Buffer
	program := testProgram(noSettings, &out, &said)
	program.stdin = strings.NewReader(stdin)
	program.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	err := program.run(ctx, append(append([]string{"hookline"}, args...), p.flags()...))
	if err != nil || said.Len() > 0 {
		t.Fatalf("hookline %s: %v, %s", strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(out.String())
}

// becomes waits until a delivery is as asked, and gives it.
func (p dataDir) becomes(t testing.TB, account, id string, done func(webhook.Delivery) bool) webhook.Delivery {
	t.Helper()
	a, err := webhook.ParseAccount(account)
	if err != nil {
		t.Fatal(err)
	}
	s := p.open(t)
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	var d webhook.Delivery
	for end := time.Now().Add(timeout); time.Now().Before(end); <-again.C {
		if d, err = s.Delivery(t.Context(), a, id); err != nil {
			t.Fatal(err)
		}
		if done(d) {
			return d
		}
	}
	t.Fatalf("the delivery stays %+v", d)
	return d
}

// attempted says that a delivery was attempted so often, and all is written.
func attempted(n int64) func(webhook.Delivery) bool {
	return func(d webhook.Delivery) bool { return d.Attempts == n }
}

// show is what delivery show tells.
func (p dataDir) show(t testing.TB, account, id string) (d deliveryDetails) {
	t.Helper()
	decode(t, p.run(t, "delivery", "show", "--json", id, "--account", account), &d)
	return d
}

// searchLogFor looks for words in the log of a server, besides those that no
// log has.
func (s *instance) searchLogFor(t testing.TB, words ...string) {
	t.Helper()
	s.searchLog(t)
	for _, word := range words {
		if strings.Contains(s.log.String(), cmp.Or(word, "\x00")) {
			t.Errorf("the log holds %q", word)
		}
	}
}
