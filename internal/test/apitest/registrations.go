package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// Registering is how the table of [Registrations] registers with an API.
type Registering struct {
	API api.API
	// Body returns a request's body that registers events for a URL.
	Body func(url string, events ...string) any
	// Events are three that can be registered side by side.
	Events []string
	// One says that a request registers one event only.
	One bool
	// Invalid and Taken are the statuses of a bad field and of a conflict.
	Invalid, Taken int
	// URLField is the field's name in a response that refuses a URL.
	URLField string
	// KeyField is the field of a response that shows the new signing key, empty
	// where registering makes none.
	KeyField string
	// IDShown says that a response shows the webhook's id.
	IDShown bool
}

// bench is an API set up, with its log.
type bench struct {
	Registering
	*Fixture
	log bytes.Buffer
}

func newBench(t *testing.T, r Registering) *bench {
	t.Helper()
	b := &bench{Registering: r}
	b.Fixture = NewFixture(t, r.API, nil, &b.log)
	return b
}

// body is a request's body that registers events for a URL.
func (b *bench) body(t *testing.T, url string, events ...string) string {
	t.Helper()
	text, err := json.Marshal(b.Body(url, events...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// post registers with the named token, under a context, on a new handler.
func (b *bench) post(ctx context.Context, t *testing.T, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, b.API.Example.Path, strings.NewReader(body))
	name, scheme, _ := strings.Cut(b.API.Example.TokenHeader, ": ")
	r.Header.Set(name, scheme+b.Tokens[token])
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.Handler(t, b.API).ServeHTTP(w, r)
	return w
}

// stored gives the account's webhooks by event.
func (b *bench) stored(t *testing.T) map[string]webhook.Webhook {
	t.Helper()
	list, err := b.Store.Webhooks(t.Context(), b.Account)
	if err != nil {
		t.Fatal(err)
	}
	byEvent := map[string]webhook.Webhook{}
	for _, w := range list {
		byEvent[w.Event] = w
	}
	return byEvent
}

const (
	goodURL = "https://hooks.example.com/%7Ein?q=ü"
	taken   = "Webhook already exists for this event"
)

// Registrations runs one table of registrations against an API. Every API's own
// tests run it.
func Registrations(t *testing.T, r Registering) {
	t.Helper()
	cases := []struct {
		name string
		// batch marks cases for APIs that register several events at once.
		batch bool
		run   func(*testing.T, *bench)
	}{
		{"what is answered is stored", false, testStored},
		{"a second URL for an event is refused", false, testTaken},
		{"other accounts are not concerned", false, testIsolation},
		{"an id in upper case is the same", false, testUpperCaseID},
		{"who waits for 100 Continue is answered", false, testExpectContinue},
		{"URLs of every bad kind are refused", false, testBadURLs},
		{"the example works", false, testExample},
		{"a batch is stored whole or not at all", true, testBatch},
		{"a lost answer is no conflict", false, testLostResponse},
		{"a fault of our own is in the log", false, testOurFault},
		{"a client that hangs up", false, testHungUp},
		{"a body that breaks off", false, testBrokenBody},
		{"no secret is logged or stored", false, testSecrets},
	}
	for _, c := range cases {
		if c.batch && r.One {
			continue // this API registers one event a request
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, newBench(t, r)) })
	}
}

func testStored(t *testing.T, b *bench) {
	w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0]))
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	got := b.stored(t)[b.Events[0]]
	if got.URL != goodURL || got.Account != b.Account || got.ID == "" || got.Version != 1 || !got.CreatedAt.Equal(Start) {
		t.Errorf("stored %+v", got)
	}
}

func testTaken(t *testing.T, b *bench) {
	b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0]))
	w := b.post(t.Context(), t, "token", b.body(t, "https://other.example.com/", b.Events[0]))
	if w.Code != b.Taken || !strings.Contains(w.Body.String(), taken) {
		t.Errorf("status %d, want %d: %s", w.Code, b.Taken, w.Body)
	}
	if got := b.stored(t)[b.Events[0]].URL; got != goodURL {
		t.Errorf("the URL stored is %q now", got)
	}
}

func testIsolation(t *testing.T, b *bench) {
	for _, token := range []string{"token", "other"} {
		if w := b.post(t.Context(), t, token, b.body(t, goodURL, b.Events[0])); w.Code != http.StatusCreated {
			t.Errorf("%s: status %d: %s", token, w.Code, w.Body)
		}
	}
}

func testBadURLs(t *testing.T, b *bench) {
	for _, url := range []string{
		"", "hooks.example.com", "//example.com/", "http://example.com/", "https://", "https:///x", "https://u:p@example.com/",
		"https://example.com/#", "https://10.0.0.1/", "https://0x7f.1/", "https://017700000001/", "https://[::1]/",
		"https://[fe80::1%25eth0]/", "https://[64:ff9b::7f00:1]/", "https://LOCALHOST./", "https://a.localhost/",
		"https://example.com:65536/", "https://exa mple.com/", "https://example.com/\u0000", `https:\\example.com\`,
	} {
		w := b.post(t.Context(), t, "token", b.body(t, url, b.Events[0]))
		if w.Code != b.Invalid || !strings.Contains(w.Body.String(), `"`+b.URLField+`"`) {
			t.Errorf("%q: status %d, want %d: %s", url, w.Code, b.Invalid, w.Body)
		}
	}
	if got := b.stored(t); len(got) > 0 {
		t.Errorf("stored %v", got)
	}
}

func testExample(t *testing.T, b *bench) {
	for _, want := range []int{http.StatusCreated, b.Taken} {
		if w := b.post(t.Context(), t, "token", b.API.Example.Body); w.Code != want {
			t.Errorf("status %d, want %d: %s", w.Code, want, w.Body)
		}
	}
}

func testBatch(t *testing.T, b *bench) {
	b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[1]))
	if w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events...)); w.Code != b.Taken {
		t.Errorf("status %d, want %d: %s", w.Code, b.Taken, w.Body)
	}
	if got := b.stored(t); len(got) != 1 {
		t.Errorf("stored %v, want one", got)
	}
	if w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0], b.Events[2])); w.Code != http.StatusCreated {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// losesAnswers writes and says that it does not know, a number of times.
type losesAnswers struct {
	*sqlite.Store
	left int
}

func (s *losesAnswers) Create(ctx context.Context, c webhook.Creation) ([]webhook.Webhook, error) {
	stored, err := s.Store.Create(ctx, c)
	if s.left > 0 {
		s.left--
		return nil, fmt.Errorf("put: %w", webhook.ErrUnknownOutcome)
	}
	return stored, err
}

func testLostResponse(t *testing.T, b *bench) {
	b.Setup.Store = &losesAnswers{Store: b.Store, left: 2}
	w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0]))
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if id := b.stored(t)[b.Events[0]].ID; b.IDShown && !strings.Contains(w.Body.String(), id) {
		t.Errorf("stored under %s, answered %s", id, w.Body)
	}
}

func testOurFault(t *testing.T, b *bench) {
	b.Setup.Store = Broken{Store: b.Store}
	w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0]))
	var line struct {
		Level     string `json:"level"`
		RequestID string `json:"request_id"`
		API       string `json:"api"`
		Account   string `json:"account"`
		Route     string `json:"route"`
		Status    int    `json:"status"`
		Error     string `json:"error"`
	}
	if err := json.Unmarshal(b.log.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v", b.log.String(), err)
	}
	if w.Code != http.StatusInternalServerError || line.RequestID == "" || !strings.Contains(w.Body.String(), line.RequestID) {
		t.Errorf("status %d, log %+v, answer %s", w.Code, line, w.Body)
	}
	if line.Level != "ERROR" || line.Status != w.Code || line.API != string(b.API.Name) || line.Account != b.Account.ID ||
		line.Route != b.API.Example.Path || !strings.Contains(line.Error, webhook.ErrUnavailable.Error()) {
		t.Errorf("log %+v", line)
	}
	if strings.Contains(w.Body.String(), "unavailable") || strings.Contains(w.Body.String(), "reach the table") {
		t.Errorf("the answer tells of the inside: %s", w.Body)
	}
}

// hangsUp fails the way a store does when the request's context ends.
type hangsUp struct {
	*sqlite.Store
	hangUp context.CancelFunc
}

func (s *hangsUp) Create(ctx context.Context, _ webhook.Creation) ([]webhook.Webhook, error) {
	s.hangUp()
	<-ctx.Done()
	return nil, ctx.Err()
}

func testHungUp(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	b.Setup.Store = &hangsUp{Store: b.Store, hangUp: cancel}
	b.post(ctx, t, "token", b.body(t, goodURL, b.Events[0]))
	if log := b.log.String(); !strings.Contains(log, `"status":499`) || !strings.Contains(log, `"level":"INFO"`) {
		t.Errorf("log %s", log)
	}
}

// testBrokenBody: a body that ends early is the client's fault, not ours.
func testBrokenBody(t *testing.T, b *bench) {
	body := io.MultiReader(strings.NewReader(`{"data"`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, b.API.Example.Path, body)
	name, scheme, _ := strings.Cut(b.API.Example.TokenHeader, ": ")
	r.Header.Set(name, scheme+b.Tokens["token"])
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.Handler(t, b.API).ServeHTTP(w, r)
	if w.Code != b.Invalid || !strings.Contains(w.Body.String(), "could not be read to its end") {
		t.Errorf("status %d, want %d: %s", w.Code, b.Invalid, w.Body)
	}
	if log := b.log.String(); !strings.Contains(log, `"level":"INFO"`) {
		t.Errorf("log %s", log)
	}
}

func testSecrets(t *testing.T, b *bench) {
	w := b.post(t.Context(), t, "token", b.body(t, goodURL, b.Events[0]))
	record := fmt.Sprintf("%+v %q", b.stored(t)[b.Events[0]], b.stored(t)[b.Events[0]].SealedKey)
	var response map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &response); err != nil {
		t.Fatal(err)
	}
	secrets := []string{b.Tokens["token"]}
	if b.KeyField != "" {
		key, ok := response[b.KeyField].(string)
		if !ok || key == "" {
			t.Fatalf("no key in %s", w.Body)
		}
		secrets = append(secrets, key, strings.TrimPrefix(key, "whsec_"))
	}
	for _, secret := range secrets {
		if strings.Contains(b.log.String(), secret) || strings.Contains(record, secret) {
			t.Errorf("the secret %q is in the log or the record:\n%s\n%s", secret, b.log.String(), record)
		}
	}
}
