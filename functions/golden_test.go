package functions_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/validate"
)

// TestGoldenExchanges sends each API's golden exchanges to its built functions,
// each to the one that the gateway would pick. The answers are those recorded,
// but for what is made anew. Between them the requests take every route, each
// function takes exactly the rights that its role has, and neither the tables
// nor the logs hold a secret.
//
// Left out are scripts that stop the clock or break the store, and requests
// that the gateway changes.
func TestGoldenExchanges(t *testing.T) {
	for _, api := range all.APIs() {
		t.Run(string(api.Name), func(t *testing.T) {
			t.Parallel()
			p := &player{api: api, fleet: newFleet(t, newStack(t), nil)}
			scripts := apitest.ReadScripts(t, filepath.Join(emulator.Root(t), "pkg", "api", string(api.Name), "testdata"))
			usual := eventNames(scripts)
			for _, script := range scripts {
				if script.Clock != "" || script.Store != "" {
					continue
				}
				settings := map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": usual}
				maps.Copy(settings, script.Env)
				if !maps.Equal(settings, p.fleet.settings) {
					p.checkLogs(t, p.sought())
					p.fleet.restart(settings)
				}
				t.Run(script.Name, func(t *testing.T) { p.play(t, script) })
			}
			p.checkLogs(t, p.sought())
			p.stack.checkTables(t, needles(p.secrets))
			for function, w := range p.watches {
				w.check(t, function, true)
			}
			for key, function := range p.routes {
				if strings.HasPrefix(function, emulator.ResourceName(string(api.Name))) && !p.taken[key] {
					t.Errorf("no request takes the route %s", key)
				}
			}
		})
	}
}

// eventNames lists all names that requests could register: a deployed function
// of AbbeyCross is told its events, where the golden exchanges allow any.
func eventNames(scripts []*apitest.Script) string {
	names := map[string]bool{}
	for _, script := range scripts {
		for _, e := range script.Exchanges {
			for _, name := range eventName.FindAllStringSubmatch(e.Request, -1) {
				if validate.EventName(name[1]) == nil {
					names[name[1]] = true
				}
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ",")
}

var eventName = regexp.MustCompile(`"([^"]+)"`)

// player plays golden scripts against the functions of an API.
type player struct {
	*fleet
	api     api.API
	secrets []string
}

// play plays one script, with accounts of its own.
func (p *player) play(t *testing.T, script *apitest.Script) {
	t.Helper()
	c, other, foreign := p.stack.newCustomer(t, p.api.Name), p.stack.newCustomer(t, p.api.Name), p.stack.newCustomer(t, "elsewhere")
	unknown, err := p.stack.keys.Token()
	if err != nil {
		t.Fatal(err)
	}
	c.tokens["other"], c.tokens["foreign"], c.tokens["unknown"] = other.tokens["token"], foreign.tokens["token"], unknown.Reveal()
	for _, token := range c.tokens {
		p.secrets = append(p.secrets, token)
	}
	// Whole seconds, so that the time of day moves as little as the rest.
	later := time.Since(apitest.Start).Truncate(time.Second)
	if script.Deliveries == "sample" {
		apitest.AddDeliveries(t, p.stack.store, c.account, apitest.Start.Add(later))
	}
	wire := gatewayWire{p.fleet, later}
	script.Play(t, wire, c.tokens, func(e *apitest.Exchange, got string) {
		p.secrets = append(p.secrets, keysIn(got)...)
		if diff := cmp.Diff(withoutNew(e.Response), withoutNew(got)); diff != "" {
			t.Errorf("%s:\n%s\nthe answer (-want +got):\n%s", e.Name, e.Request, diff)
		}
	})
}

// sought is what the functions are never to print: secrets, and URLs.
func (p *player) sought() []needle {
	return append(needles(p.secrets), needle{"a URL", []byte("example.com")})
}

// gatewayWire brings golden requests to the functions. Times that they ask
// about are later by the given duration, as the functions' clock is.
type gatewayWire struct {
	fleet *fleet
	later time.Duration
}

func (w gatewayWire) Send(t *testing.T, head, body string) []byte {
	t.Helper()
	head = askedTime.ReplaceAllStringFunc(head, func(text string) string {
		at, err := time.Parse("from=2006-01-02T15:04:05", text)
		if err != nil {
			return text // wrong on purpose
		}
		return at.Add(w.later).Format("from=2006-01-02T15:04:05")
	})
	response, routed := w.fleet.request(t, head, body)
	if !routed {
		return nil
	}
	return gatewaytest.Response(t, response)
}

var askedTime = regexp.MustCompile(`from=2026-01-\d\dT\d\d:\d\d:\d\d`)

// madeAnew are the parts of an answer that no two have in common.
var madeAnew = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`), "TIME"},
	{regexp.MustCompile(`\b\d{12,16}\b`), "NUMBER"},
	{regexp.MustCompile(`"eshopId": \d+`), `"eshopId": NUMBER`},
	{shownKey, `"$1": "KEY"`},
}

// withoutNew gives an answer with names in the place of what is made anew.
func withoutNew(response string) string {
	for _, made := range madeAnew {
		response = made.pattern.ReplaceAllString(response, made.name)
	}
	return response
}

var shownKey = regexp.MustCompile(`"(signing_key|apiSecretKey|signatureKey)": ?"([^"]+)"`)

// keysIn lists the signing keys that an answer shows.
func keysIn(response string) []string {
	var keys []string
	for _, found := range shownKey.FindAllStringSubmatch(response, -1) {
		keys = append(keys, found[2])
	}
	return keys
}
