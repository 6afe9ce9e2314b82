// Package functions_test runs the functions as they are deployed, built by
// the SAM CLI, under AWS's Lambda emulator with DynamoDB Local behind them.
package functions_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// apiFunctions returns the functions of the APIs by their names in template.yaml.
func apiFunctions() []string {
	var names []string
	for _, api := range all.APIs() {
		for _, does := range []string{"-register", "-manage"} {
			names = append(names, emulator.ResourceName(string(api.Name)+does))
		}
	}
	return names
}

// dispatchers are those that publish, deliver, sweep, and serve the operator or
// the portal.
var dispatchers = []string{"Publish", "Deliver", "Sweep", "Operate", "Portal", "PortalOperator"}

const sealingKeyID = "v1"

// stack is what a deployed stack has beside its functions: the tables and the
// public half of a sealing key.
type stack struct {
	endpoint string
	tables   dynamolocal.Tables
	store    *dynamo.Store
	keys     *keygen.Generator
	public   string // the sealing key's public half
	accounts int
}

func newStack(tb testing.TB) *stack {
	tb.Helper()
	server := dynamolocal.Start(tb)
	s := &stack{
		endpoint: server.URL,
		tables:   server.NewTables(tb),
		keys:     keygen.New(rand.Reader, time.Now),
		accounts: 1000,
	}
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	s.public = base64.StdEncoding.EncodeToString(private.PublicKey().Bytes())
	s.store = dynamolocal.Store(tb, s.endpoint, s.tables)
	return s
}

// environment is a function's: what Lambda, template.yaml and events/env.json
// give it.
func (s *stack) environment(tb testing.TB, resource string) map[string]string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(tb), "events", "env.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var given map[string]map[string]string
	if err := json.Unmarshal(text, &given); err != nil {
		tb.Fatalf("events/env.json: %v", err)
	}
	env := map[string]string{
		"AWS_REGION":                  dynamolocal.Region,
		"AWS_ACCESS_KEY_ID":           dynamolocal.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":       "local",
		"AWS_ENDPOINT_URL_DYNAMODB":   s.endpoint,
		"HOOKLINE_WEBHOOKS_TABLE":     s.tables.Webhooks,
		"HOOKLINE_SEALING_KEY_ID":     sealingKeyID,
		"HOOKLINE_SEALING_PUBLIC_KEY": s.public,
		"HOOKLINE_ALLOW_HTTP":         "false",
		"HOOKLINE_ALLOW_PRIVATE":      "false",
	}
	switch resource {
	case "ShoptetManage", "Publish", "Deliver", "DeliverSlow", "Sweep", "Operate", "Portal", "PortalOperator":
		env["HOOKLINE_DELIVERIES_TABLE"] = s.tables.Deliveries
	}
	maps.Copy(env, given[resource])
	return env
}

// customer is an account and its tokens, in the clear, by the names that
// golden exchanges have for them.
type customer struct {
	account webhook.Account
	tokens  map[string]string
}

// newCustomer adds an account. Its id suits every API.
func (s *stack) newCustomer(tb testing.TB, api webhook.API) customer {
	tb.Helper()
	s.accounts++
	now := time.Now().Truncate(time.Millisecond)
	c := customer{webhook.Account{API: api, ID: fmt.Sprint(s.accounts)}, map[string]string{}}
	// Older than the sample deliveries: an account is shown none from before.
	info := webhook.AccountInfo{Account: c.account, CreatedAt: now.AddDate(0, -1, 0)}
	if err := s.store.CreateAccount(tb.Context(), info); err != nil {
		tb.Fatal(err)
	}
	for _, t := range []struct {
		name    string
		rights  webhook.Rights
		expires time.Time
	}{
		{"token", webhook.AllRights, time.Time{}},
		{"expired", webhook.AllRights, now.Add(-time.Second)},
		{"read", webhook.Read, time.Time{}},
		{"write", webhook.Write, now.Add(time.Hour)},
	} {
		token, err := s.keys.Token()
		if err != nil {
			tb.Fatal(err)
		}
		c.tokens[t.name] = token.Reveal()
		record := webhook.Token{
			ID: t.name, Account: c.account, Hash: webhook.HashToken(token.Reveal()), Rights: t.rights,
			CreatedAt: now.Add(-time.Hour), ExpiresAt: t.expires,
		}
		if err := s.store.CreateToken(tb.Context(), record); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

func (s *stack) webhooks(t *testing.T, a webhook.Account) []webhook.Webhook {
	t.Helper()
	list, err := s.store.Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// fleet is the functions of a stack, each started when it is first needed, and
// what each has asked of AWS.
type fleet struct {
	t         *testing.T // the functions end with it
	stack     *stack
	routes    routes
	functions map[string]*emulator.Function
	watches   map[string]*watch
	// settings are those that functions have beside the stack's own.
	settings map[string]string
	// taken are the route keys of the requests that were sent, and requests
	// how many each function got since it was started.
	taken    map[string]bool
	requests map[string]int
}

func newFleet(t *testing.T, s *stack, settings map[string]string) *fleet {
	t.Helper()
	return &fleet{
		t: t, stack: s, routes: readRoutes(t), settings: settings,
		functions: map[string]*emulator.Function{}, watches: map[string]*watch{},
		taken: map[string]bool{}, requests: map[string]int{},
	}
}

// invoke hands an event to a function and returns what it answers.
func (f *fleet) invoke(t *testing.T, function string, event any) []byte {
	t.Helper()
	if f.functions[function] == nil {
		env := f.stack.environment(f.t, function)
		maps.Copy(env, f.settings)
		if f.watches[function] == nil {
			f.watches[function] = newWatch(f.t, f.stack)
		}
		f.watches[function].intercept(f.t, env)
		f.functions[function] = emulator.Start(f.t, emulator.Program(f.t, function), env)
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.functions[function].Invoke(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// request sends a request through the gateway to the function that its route
// leads to. Its head has no line break at the end. It reports whether there is
// a route that gets the request as it was sent.
func (f *fleet) request(t *testing.T, head, body string) (response events.APIGatewayV2HTTPResponse, routed bool) {
	t.Helper()
	r := gatewaytest.ReadRequest(t, head)
	key := f.routes.key(r.Method, r.URL.Path)
	if key == "" || !gatewaytest.Faithful(r) {
		return response, false
	}
	f.taken[key] = true
	event := gatewaytest.Event(r, body)
	event.RouteKey, event.RequestContext.RouteKey = key, key
	payload := f.invoke(t, f.routes[key], event)
	f.requests[f.routes[key]]++
	return parseResponse(t, payload, nil), true
}

func parseResponse(tb testing.TB, payload []byte, err error) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	var response events.APIGatewayV2HTTPResponse
	if err := errors.Join(err, json.Unmarshal(payload, &response)); err != nil {
		tb.Fatalf("%v: %s", err, payload)
	}
	return response
}

// checkLogs looks for secrets in what the functions printed. A function of
// requests prints a line for each; the others are awaited by what they print.
func (f *fleet) checkLogs(t *testing.T, secrets []needle) {
	t.Helper()
	awaited := map[string]string{"Deliver": `"msg":"attempt"`, "Sweep": `"msg":"sweep"`}
	for name, function := range f.functions {
		text, times := awaited[name], 1
		if text == "" {
			text, times = `"request_id":"`, f.requests[name]
		}
		function.AwaitOutput(t, text, times)
		checkOutput(t, function.Output(), secrets)
	}
}

// restart has the functions start again at the next request, with other
// settings. Their output so far is the caller's to check.
func (f *fleet) restart(settings map[string]string) {
	for _, function := range f.functions {
		function.Stop()
	}
	f.functions, f.requests, f.settings = map[string]*emulator.Function{}, map[string]int{}, settings
}
