package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestDeliveryEvents sends every event of the functions that publish, deliver
// and sweep, each case with accounts of its own, after what comes before it in
// whichever function. The sealing key is the keyring function's, opened by way
// of KMS; receivers are real, and check what they get with the keys that the
// registrations were answered. Then it looks for secrets and rights.
func TestDeliveryEvents(t *testing.T) {
	for folder := range delivering {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var secrets []string
			for _, name := range cases(t, folder) {
				t.Run(name, func(t *testing.T) {
					p := &pipeline{world: w, customers: map[webhook.Dialect]*client{}, sent: map[string]bool{}, now: time.Now()}
					p.run(t, folder, name)
					for _, c := range p.customers {
						secrets = append(append(secrets, c.token, c.expired, c.readOnly, c.writeOnly), c.keys...)
					}
				})
			}
			sought := needles(secrets)
			w.stack.checkTables(t, sought)
			w.checkLogs(t, sought)
			for other, watch := range w.watches {
				watch.check(t, resourceOf(t, other), other == folder)
			}
		})
	}
}

// world is a stack with all of its functions, its queue, and a receiver.
type world struct {
	*fleet
	queue    *queue
	endpoint *endpoint
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := newStack(t)
	kms := startKMS(t)
	q, e := startQueue(t), startEndpoint(t)
	own := map[string]string{
		"AWS_ENDPOINT_URL_KMS": kms, "HOOKLINE_SEALING_KEY_ARN": kmsKeyARN,
		"AWS_ENDPOINT_URL_SQS": q.url, "HOOKLINE_QUEUE_URL": queueURL,
		"HOOKLINE_ALLOW_PRIVATE": "true", "SSL_CERT_FILE": e.certificate,
	}
	key := s.makeKey(t, own)
	own["HOOKLINE_SEALING_KEY_ID"], own["HOOKLINE_SEALING_PUBLIC_KEY"] = key.Data.KeyID, key.Data.PublicKey
	return &world{fleet: newFleet(t, s, own), queue: q, endpoint: e}
}

// makeKey has the keyring function make the sealing key.
func (s *stack) makeKey(t *testing.T, own map[string]string) cfnAnswer {
	t.Helper()
	env := s.environment(t, "Keyring")
	for _, name := range []string{"AWS_ENDPOINT_URL_KMS", "HOOKLINE_SEALING_KEY_ARN"} {
		env[name] = own[name]
	}
	answers := make(chan cfnAnswer, 1)
	cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a cfnAnswer
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Errorf("%s to CloudFormation: %v", r.Method, err)
		}
		answers <- a
	}))
	defer cloudFormation.Close()
	function := emulator.Start(t, emulator.Program(t, "Keyring"), env)
	defer function.Stop()
	return keyringReplay{function, cloudFormation.URL, answers}.send(t, "create")
}

// checkLogs looks for secrets in what the functions printed, and for what they
// are never to print: payloads, and the queries of customers' URLs.
func (w *world) checkLogs(t *testing.T, secrets []needle) {
	t.Helper()
	awaited := map[string]string{"deliver": `"msg":"attempt"`, "sweep": `"msg":"sweep"`}
	private := []needle{{"a payload", []byte("2026000123")}, {"a payload", []byte("späť")}, {"a URL's query", []byte("shop=7")}}
	for folder, function := range w.functions {
		text := awaited[folder]
		if text == "" {
			text = `"request_id":"`
		}
		function.AwaitOutput(t, text)
		checkOutput(t, function.Output(), append(private, secrets...))
	}
}

// pipeline sends one case of a function, and those that come before it.
type pipeline struct {
	*world
	customers map[webhook.Dialect]*client
	sent      map[string]bool
	now       time.Time
	id        string
}

func (p *pipeline) run(t *testing.T, folder, name string) {
	t.Helper()
	for _, f := range registers() {
		c := p.stack.newCustomer(t, f.api.Name)
		p.customers[f.api.Name] = &client{customer: c}
	}
	p.sequence(t, folder, name)
}

// accounts are the case's own.
func (p *pipeline) accounts() []webhook.Account {
	var list []webhook.Account
	for _, c := range p.customers {
		list = append(list, c.account)
	}
	return list
}

// sequence sends a case after those that it names, each once.
func (p *pipeline) sequence(t *testing.T, folder, name string) {
	t.Helper()
	if p.sent[folder+"/"+name] {
		return
	}
	p.sent[folder+"/"+name] = true
	want := p.want(t, folder, name)
	for _, entry := range want.After {
		if in, of, found := strings.Cut(entry, "/"); found {
			p.sequence(t, in, of)
		} else {
			p.sequence(t, folder, entry)
		}
	}
	if want.Overdue {
		p.addOverdue(t)
	}
	p.endpoint.answer(want.Answer)
	before := len(p.queue.of(p.accounts()))
	p.send(t, folder, name, want)
	at := folder + "/" + name
	if got := len(p.queue.of(p.accounts())) - before; got != want.Sent {
		t.Errorf("%s: sends %d messages, want %d", at, got, want.Sent)
	}
	receipts := p.endpoint.receipts()
	if len(receipts) != want.Received {
		t.Errorf("%s: %d requests are received, want %d", at, len(receipts), want.Received)
	}
	for _, r := range receipts {
		p.verify(t, at, r)
	}
}

// want reads what is expected of a case, with the receiver's URL in it.
func (p *pipeline) want(t *testing.T, folder, name string) want {
	t.Helper()
	return parseWant(t, folder, name, p.fill(t, readEvent(t, folder, name+".want")))
}

// fill puts what the case works with in the place of what stands for it.
func (p *pipeline) fill(t *testing.T, text []byte) []byte {
	t.Helper()
	replace := func(placeholder, by string) { text = bytes.ReplaceAll(text, []byte(placeholder), []byte(by)) }
	replace("https://hooks.example.com", p.endpoint.url)
	replace("{now}", p.now.UTC().Format(time.RFC3339Nano))
	replace("{id}", p.id)
	for name, c := range p.customers {
		replace("{"+string(name)+"}", c.account.String())
	}
	if messages := p.queue.of(p.accounts()); len(messages) > 0 {
		quoted, err := json.Marshal(messages[len(messages)-1].body)
		if err != nil {
			t.Fatal(err)
		}
		replace(`"{message}"`, string(quoted))
	}
	return text
}

// send sends one case to its function and judges the answer.
func (p *pipeline) send(t *testing.T, folder, name string, want want) {
	t.Helper()
	event := p.fill(t, readEvent(t, folder, name))
	api, _, _ := strings.Cut(folder, "-")
	c := p.customers[webhook.Dialect(api)]
	if c != nil {
		event = c.fill(event)
	}
	payload, err := p.of(folder).Invoke(t.Context(), event)
	switch folder {
	case "deliver":
		checkBatch(t, name, payload, err, want)
		return
	case "sweep":
		if err != nil || string(payload) != "null" {
			t.Errorf("%s: answered %s, %v; want null", name, payload, err)
		}
		return
	}
	answer := parseAnswer(t, payload, err)
	want.check(t, folder+"/"+name, answer)
	body := decode(t, []byte(answer.Body))
	if c != nil && answer.StatusCode < http.StatusBadRequest {
		if id := idIn(body); id != "" {
			p.id = id
		}
		c.note(body, false)
	}
}

func checkBatch(t *testing.T, name string, payload []byte, err error, want want) {
	t.Helper()
	var answer *struct {
		BatchItemFailures *[]events.SQSBatchItemFailure `json:"batchItemFailures"`
	}
	if jsonErr := json.Unmarshal(payload, &answer); err != nil || jsonErr != nil || answer == nil || answer.BatchItemFailures == nil {
		t.Fatalf("%s: answered %s, %v, %v", name, payload, err, jsonErr)
	}
	var got []string
	for _, failure := range *answer.BatchItemFailures {
		got = append(got, failure.ItemIdentifier)
	}
	if diff := cmp.Diff(want.BatchItemFailures, got); diff != "" {
		t.Errorf("%s: goes back (-want +got):\n%s", name, diff)
	}
}

// addOverdue gives Squake's account a delivery that was to be attempted ten
// minutes ago, and whose message was lost.
func (p *pipeline) addOverdue(t *testing.T) {
	t.Helper()
	c := p.customers["squake"]
	registered := p.stack.webhooks(t, c.account)
	if len(registered) != 1 {
		t.Fatalf("%d webhooks of %s, want 1", len(registered), c.account)
	}
	w, then := registered[0], p.now.Add(-10*time.Minute).Truncate(time.Millisecond)
	event := webhook.Event{Account: c.account, Name: w.Event, ID: "lost", Time: then}
	_, err := p.stack.store.AddDelivery(t.Context(), webhook.Delivery{
		Account: c.account, Event: w.Event, EventID: event.ID, Time: then, Content: event.Content(),
		WebhookID: w.ID, URL: w.URL, AcceptedAt: then, Next: then, Due: then.Add(2 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// verify checks a request as its customer would, with the key that was
// answered: by Hookline's receiver and by the official library.
func (p *pipeline) verify(t *testing.T, at string, r receipt) {
	t.Helper()
	c := p.customers[r.api]
	if c == nil {
		t.Errorf("%s: a request is received for %q", at, r.api)
		return
	}
	schemes := map[webhook.Dialect][]string{
		"squake": {"Standard Webhooks", "Squake-Signature"}, "shoptet": {"Standard Webhooks", "Shoptet-Webhook-Signature"}, "abbeycross": {"Standard Webhooks"},
	}[r.api]
	key := c.accountKey
	if len(c.standing) > 0 {
		key = c.standing[len(c.standing)-1]
	}
	if key == "" {
		schemes = nil // not signed before the account has a key
	}
	var keys []receiver.Key
	if key != "" {
		parsed, err := receiver.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, parsed)
	}
	var verified []string
	for _, check := range receiver.Verify(time.Now(), keys, r.header, r.body) {
		if check.Fault != nil {
			t.Errorf("%s: %s: %v", at, check.Scheme, check.Fault)
		}
		verified = append(verified, check.Scheme)
	}
	if !slices.Equal(verified, schemes) {
		t.Errorf("%s: signed by %q, want %q", at, verified, schemes)
	}
	if key != "" {
		official, err := standardwebhooks.NewWebhook(key)
		if err == nil {
			err = official.Verify(r.body, r.header)
		}
		if err != nil {
			t.Errorf("%s: the official library says %v", at, err)
		}
		if id := r.header.Get("Webhook-Id"); !p.known(id) {
			t.Errorf("%s: webhook-id %q is of no message", at, id)
		}
	}
	if !json.Valid(r.body) || r.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(r.header.Get("User-Agent"), "Hookline") {
		t.Errorf("%s: received %v, a body of %d bytes", at, fmt.Sprint(r.header), len(r.body))
	}
}

// known reports whether a message was sent for a delivery.
func (p *pipeline) known(id string) bool {
	return slices.ContainsFunc(p.queue.of(p.accounts()), func(m sentMessage) bool { return m.ID == id })
}
