package functions_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/dialect"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/unseal"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestEvents sends every event of events/ to its function, each case as a
// customer of its own, and then looks for secrets in the tables and the logs,
// and for rights that a function took and its role lacks, or has and needs not.
func TestEvents(t *testing.T) {
	for _, f := range apiFunctions() {
		t.Run(f.folder, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			running := newFleet(t, s, nil)
			var secrets []string
			registered := 0
			for _, name := range cases(t, f.folder) {
				t.Run(name, func(t *testing.T) {
					r := &replay{fleet: running, api: f.api}
					r.run(t, f.folder, name)
					for _, c := range r.clients {
						secrets = append(secrets, c.token, c.expired, c.readOnly, c.writeOnly)
						secrets = append(secrets, c.keys...)
						registered += s.checkStored(t, c)
					}
				})
			}
			if registered == 0 {
				t.Error("no case left a webhook")
			}
			sought := needles(secrets)
			s.checkTables(t, sought)
			for folder, function := range running.functions {
				function.AwaitOutput(t, `"request_id":"`)
				checkOutput(t, function.Output(), sought)
				running.watches[folder].check(t, resourceOf(t, folder), folder == f.folder)
			}
		})
	}
}

// fleet is the functions of a stack, each started when it is first needed, and
// what each has asked of AWS.
type fleet struct {
	t         *testing.T // the functions end with it
	stack     *stack
	functions map[string]*emulator.Function
	watches   map[string]*watch
	// own is what the functions are told beside what all such are.
	own map[string]string
}

func newFleet(t *testing.T, s *stack, own map[string]string) *fleet {
	return &fleet{t: t, stack: s, functions: map[string]*emulator.Function{}, watches: map[string]*watch{}, own: own}
}

func (f *fleet) of(folder string) *emulator.Function {
	f.t.Helper()
	if f.functions[folder] == nil {
		resource := resourceOf(f.t, folder)
		env := f.stack.environment(f.t, resource)
		maps.Copy(env, f.own)
		f.watches[folder] = startWatch(f.t, f.stack, env)
		f.functions[folder] = emulator.Start(f.t, emulator.Program(f.t, resource), env)
	}
	return f.functions[folder]
}

// client is a customer and the keys that were answered to it.
type client struct {
	customer
	// keys are all signing keys, standing those that its records must open
	// to, accountKey the latest of the account itself.
	keys, standing []string
	accountKey     string
}

// replay sends one case, and those that come before it.
type replay struct {
	*fleet
	api dialect.API
	// clients are the case's own customer and, where the case asks for one,
	// another.
	clients []*client
	// id is the one in the latest answer that has one.
	id string
}

func (r *replay) newClient(t *testing.T) *client {
	t.Helper()
	c := &client{customer: r.stack.newCustomer(t, r.api.Name)}
	r.clients = append(r.clients, c)
	return c
}

// run sends a case after those that it names. It changes nothing that another
// customer has.
func (r *replay) run(t *testing.T, folder, name string) {
	t.Helper()
	want := readWant(t, folder, name)
	self := r.newClient(t)
	for _, entry := range want.After {
		r.sequence(t, self, folder, entry)
	}
	if want.Deliveries {
		r.stack.addDeliveries(t, self.account)
	}
	if len(want.Other) == 0 {
		r.send(t, self, folder, name)
		return
	}
	other := r.newClient(t)
	for _, entry := range want.Other {
		r.sequence(t, other, folder, entry)
	}
	before := r.stack.webhooks(t, other.account)
	r.send(t, self, folder, name)
	if diff := cmp.Diff(before, r.stack.webhooks(t, other.account)); diff != "" || len(before) == 0 {
		t.Errorf("the other account's %d webhooks (-before +after):\n%s", len(before), diff)
	}
}

// sequence sends a case as c, after those that it names.
func (r *replay) sequence(t *testing.T, c *client, folder, entry string) {
	t.Helper()
	if in, _, found := strings.Cut(entry, "/"); found {
		folder = in
	}
	name := entry[strings.Index(entry, "/")+1:]
	for _, before := range readWant(t, folder, name).After {
		r.sequence(t, c, folder, before)
	}
	r.send(t, c, folder, name)
}

// send sends one case, compares the answer with what it should be, and notes
// the id and the keys in it.
func (r *replay) send(t *testing.T, c *client, folder, name string) {
	t.Helper()
	event := c.fill(readEvent(t, folder, name))
	event = bytes.ReplaceAll(event, []byte("{id}"), []byte(r.id))
	payload, err := r.of(folder).Invoke(t.Context(), event)
	answer := parseAnswer(t, payload, err)
	readWant(t, folder, name).check(t, folder+"/"+name, answer)
	var request events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(event, &request); err != nil {
		t.Fatal(err)
	}
	body := decode(t, []byte(answer.Body))
	if answer.StatusCode < http.StatusBadRequest {
		if id := idIn(body); id != "" {
			r.id = id
		}
		c.note(body, request.RequestContext.HTTP.Method == http.MethodDelete)
	}
}

// note keeps the keys that an answer shows. With a webhook go its keys.
func (c *client) note(body any, deleted bool) {
	if deleted {
		c.standing = nil
	}
	object, _ := body.(map[string]any)
	for _, field := range []string{"signing_key", "apiSecretKey"} {
		if key, ok := object[field].(string); ok {
			c.keys = append(c.keys, key)
			c.standing = append(c.standing, key)
		}
	}
	data, _ := object["data"].(map[string]any)
	if key, ok := data["signatureKey"].(string); ok {
		c.keys = append(c.keys, key)
		c.accountKey = key
	}
}

// idIn finds the id of the first webhook that an answer shows.
func idIn(body any) string {
	switch value := body.(type) {
	case []any:
		if len(value) > 0 {
			return idIn(value[0])
		}
	case map[string]any:
		switch id := value["id"].(type) {
		case string:
			return id
		case float64:
			return strconv.FormatFloat(id, 'f', -1, 64)
		}
		for _, field := range []string{"data", "webhook", "webhooks"} {
			if id := idIn(value[field]); id != "" {
				return id
			}
		}
	}
	return ""
}

// fill puts the customer's tokens into an event.
func (c customer) fill(event []byte) []byte {
	for placeholder, token := range map[string]string{
		"hk_test_PLACEHOLDER":           c.token,
		"hk_test_EXPIRED_PLACEHOLDER":   c.expired,
		"hk_test_READONLY_PLACEHOLDER":  c.readOnly,
		"hk_test_WRITEONLY_PLACEHOLDER": c.writeOnly,
	} {
		event = bytes.ReplaceAll(event, []byte(placeholder), []byte(token))
	}
	return event
}

// checkStored holds the records of an account to the keys that were answered,
// and gives their number: they open to exactly those, rotated ones included,
// and the account's own key to the latest. AbbeyCross's records of one
// registration share theirs.
func (s *stack) checkStored(t *testing.T, c *client) int {
	t.Helper()
	opener := unseal.New(s)
	opened := map[string]bool{}
	open := func(owner seal.Owner, sealed []byte) {
		key, err := opener.Open(t.Context(), owner, sealed)
		if err != nil {
			t.Errorf("a key of %s: %v", c.account, err)
		}
		opened[key.Reveal()] = true
	}
	stored := s.webhooks(t, c.account)
	for _, w := range stored {
		if w.SealedKey != nil {
			open(seal.WebhookKey(c.account, w.ID), w.SealedKey)
		}
		for _, retired := range w.RetiredKeys {
			open(seal.WebhookKey(c.account, w.ID), retired.Sealed)
		}
	}
	info, err := s.store.Account(t.Context(), c.account)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, key := range c.standing {
		want[key] = true
	}
	if info.SealedKey != nil {
		open(seal.AccountKey(c.account), info.SealedKey)
	}
	if c.accountKey != "" {
		want[c.accountKey] = true
	}
	if !cmp.Equal(opened, want) { // shown as numbers: they are secrets
		t.Errorf("the records of %s hold %d keys, want just the %d that were answered and stand", c.account, len(opened), len(want))
	}
	return len(stored)
}

func (s *stack) webhooks(t *testing.T, a webhook.Account) []webhook.Webhook {
	t.Helper()
	list, err := s.store.Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestIDsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"a","kind":"order"}`: "a",
		`[{"id":"a"},{"id":"b"}]`:   "a",
		`[]`:                        "",
		`{"data":{"webhooks":[{"id":9007199254740991},{"id":2}]},"errors":null}`: "9007199254740991",
		`{"data":{"webhook":{"id":7}}}`:                                          "7",
		`{"webhooks":[{"url":"u","id":"a"}]}`:                                    "a",
		`{"message":"m","apiSecretKey":"k"}`:                                     "",
	} {
		if got := idIn(decode(t, []byte(text))); got != want {
			t.Errorf("%s: id %q, want %q", text, got, want)
		}
	}
}
