package operator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// published is an answer as publishers read it.
type published struct {
	Results []struct {
		Delivery *string
		Status   string
		Error    string
	}
	Error struct{ Code, Message string }
}

// inMemory gives the operator's handler, open as behind IAM, over a store with
// the accounts.
func inMemory(tb testing.TB) (api.Handler, *sqlite.Store) {
	tb.Helper()
	s := memory.Open(tb)
	populate(tb, s)
	return handler(tb, s, &bytes.Buffer{}), s
}

func handler(tb testing.TB, s delivery.PublisherStore, log *bytes.Buffer) api.Handler {
	tb.Helper()
	setup := apitest.NewFixture(tb, api.API{Name: operator.Name}, nil, log).Setup
	return operator.New(operator.Config{
		Publisher: publisher(tb, s, &queue{}, setup.Log), Keys: setup.Keys, Now: setup.Now, Log: setup.Log,
	})
}

// post sends a body and reads the answer, which is always JSON.
func post(tb testing.TB, h http.Handler, body string) (int, published) {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, operator.Path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var got published
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("Content-Type") != "application/json" {
		tb.Fatalf("%d, %s: %v\n%s", w.Code, w.Header().Get("Content-Type"), err, w.Body)
	}
	return w.Code, got
}

const (
	accountForm = "account: must be <api>:<id>, such as squake:acme; the id is 1 to 64 of A-Z a-z 0-9 _ -"
	timeForm    = "time: must be RFC 3339, such as 2026-01-15T10:30:00Z"
	timeWindow  = "time: must be within the last 7 days and the next 5 minutes"
	idLength    = "id: must have 1 to 128 characters"
	tooDeep     = "payload: is nested more than 500 deep"
	ownFields   = "has an unknown field; there are account, event, id, time, instance, payload"
)

// fieldCases are events and what becomes of them, one field after the other: ""
// stands for accepted, "unknown" for the account, and what else for a rejection.
func fieldCases() [][][2]string {
	const sq, sh = `"account":"squake:acme","event":"order"`, `"account":"shoptet:315185-myaddon","event":"order:create"`
	timed := func(at string) string { return `{` + sq + `,"time":"` + at + `"}` }
	text := func(n int, s string) string { return `"` + strings.Repeat(s, n) + `"` }
	return [][][2]string{
		{ // what an event is
			{`{}`, "account: required"}, {`1`, "must be an object"}, {`null`, "must be an object"}, {`[]`, "must be an object"},
			{`{` + sq + `}`, ""}, {`{` + sq + `,"x":1}`, ownFields}, {`{` + sq + `,"Payload":1}`, ownFields}, {`{` + sq + `,"":1}`, ownFields},
		},
		{ // account
			{`{"event":"order"}`, "account: required"}, {`{"account":1,"event":"order"}`, "account: must be a string"},
			{`{"account":null,"event":"order"}`, "account: must be a string"},
			{`{"account":"","event":"order"}`, accountForm}, {`{"account":"acme","event":"order"}`, accountForm},
			{`{"account":":acme","event":"order"}`, accountForm}, {`{"account":"squake:","event":"order"}`, accountForm},
			{`{"account":"squake:a b","event":"order"}`, accountForm}, {`{"account":"squake:é","event":"order"}`, accountForm},
			{`{"account":"squake:` + strings.Repeat("a", 64) + `","event":"order"}`, "unknown"},
			{`{"account":"squake:` + strings.Repeat("a", 65) + `","event":"order"}`, accountForm},
			{`{"account":"Squake:acme","event":"order"}`, `account: there is no API "Squake"`},
			{`{"account":"operator:local","event":"order"}`, `account: there is no API "operator"`},
			{`{"account":"nothing:1","event":"order","instance":"1"}`, `account: there is no API "nothing"`},
			{`{"account":"\u0073quake:acme","event":"order"}`, ""},
		},
		{ // event
			{`{"account":"squake:acme"}`, "event: required"}, {`{"account":"squake:acme","event":["order"]}`, "event: must be a string"},
			{`{"account":"abbeycross:fleet-7","event":"shipment.created"}`, ""},
			{`{"account":"shoptet:315185-myaddon","event":"order","instance":""}`, "event: is not an event of this API"},
			{`{"account":"shoptet:315185-myaddon","event":"addon:suspend","instance":""}`, "event: is a system event, which no webhook can be registered for"},
		},
		{ // id
			{`{` + sq + `,"id":"1"}`, "time: required with an id"}, {`{` + sq + `,"id":"","time":"2026-01-15T10:30:00Z"}`, idLength},
			{`{` + sq + `,"id":1,"time":"2026-01-15T10:30:00Z"}`, "id: must be a string"},
			{`{` + sq + `,"id":null,"time":"2026-01-15T10:30:00Z"}`, "id: must be a string"},
			{`{` + sq + `,"time":"2026-01-15T10:30:00Z","id":` + text(128, "é") + `}`, ""},
			{`{` + sq + `,"time":"2026-01-15T10:30:00Z","id":` + text(129, "é") + `}`, idLength},
			{`{` + sq + `,"time":"2026-01-15T10:30:00Z","id":" \u0000"}`, ""},
		},
		{ // time; it is 2026-01-15T10:30:00.123Z
			{timed("2026-01-15T10:30:00Z"), ""}, {timed("2026-01-15t10:30:00z"), ""}, {timed("2026-01-15T12:30:00.123456789+02:00"), ""},
			{timed("2026-01-08T10:30:00.123Z"), ""}, {timed("2026-01-08T10:30:00.122Z"), timeWindow},
			{timed("2026-01-15T10:35:00.123Z"), ""}, {timed("2026-01-15T10:35:00.124Z"), timeWindow},
			{timed("0001-01-01T00:00:00Z"), timeWindow}, {timed("9999-12-31T23:59:59Z"), timeWindow},
			{timed("2026-01-15"), timeForm}, {timed("2026-01-15 10:30:00Z"), timeForm}, {timed("2026-01-15T10:30:00"), timeForm},
			{timed("2026-01-15T10:30:00,5Z"), timeForm}, {timed("2026-01-15T1:30:00Z"), timeForm}, {timed("2026-01-15T10:30:00+99:99"), timeForm},
			{timed("2026-02-30T10:30:00Z"), timeForm}, {timed("2026-01-15T10:30:00+0100"), timeForm}, {timed(""), timeForm},
			{`{` + sq + `,"time":1768473000}`, "time: must be a string"}, {`{` + sq + `,"time":null}`, "time: must be a string"},
		},
		{ // instance
			{`{` + sh + `}`, "instance: required"}, {`{` + sh + `,"instance":""}`, ""}, {`{` + sh + `,"instance":7}`, "instance: must be a string"},
			{`{` + sh + `,"instance":null}`, "instance: must be a string"},
			{`{` + sh + `,"instance":` + text(512, "ž") + `}`, ""},
			{`{` + sh + `,"instance":` + text(513, "ž") + `}`, "instance: must have 0 to 512 characters"},
			{`{` + sq + `,"instance":"1"}`, "instance: this API has none"}, {`{` + sq + `,"instance":""}`, "instance: this API has none"},
			{`{` + sq + `,"instance":null}`, "instance: this API has none"},
		},
		{ // payload
			{`{` + sq + `,"payload":null}`, ""}, {`{` + sq + `,"payload":-0.10e+5}`, ""}, {`{` + sq + `,"payload":[{"":{}}]}`, ""},
			{`{` + sq + `,"payload":` + text(delivery.MaxPayload-2, "x") + `}`, ""},
			{`{` + sq + `,"payload":` + text(delivery.MaxPayload-1, "x") + `}`, "payload: must have 200 KiB at most"},
			{`{` + sq + `,"payload":[` + strings.Repeat(" ", delivery.MaxPayload) + `]}`, ""},
			{`{` + sq + `,"payload":` + nested(500) + `}`, ""}, {`{` + sq + `,"payload":` + text(600, "[") + `}`, ""},
			{`{` + sq + `,"payload":` + nested(501) + `}`, tooDeep},
			{`{` + sh + `,"instance":"","payload":` + nested(501) + `}`, tooDeep},
			{`{"account":"abbeycross:fleet-7","event":"shipment.created","payload":` + nested(501) + `}`, tooDeep},
			{`{` + sq + `,"payload":` + nested(9_997) + `}`, tooDeep}, // the greatest depth that can be read
		},
	}
}

// TestFields checks all events of a field in one request.
func TestFields(t *testing.T) {
	for _, cases := range fieldCases() {
		h, _ := inMemory(t)
		var events []string
		for _, c := range cases {
			events = append(events, c[0])
		}
		status, got := post(t, h, `{"events":[`+strings.Join(events, ",")+`]}`)
		if status != http.StatusAccepted || len(got.Results) != len(cases) {
			t.Fatalf("status %d, %d results, want %d: %+v", status, len(got.Results), len(cases), got.Error)
		}
		for i, c := range cases {
			r := got.Results[i]
			want := map[string]string{"": "accepted", "unknown": "unknown_account"}[c[1]]
			if want != "" {
				c[1] = ""
			} else {
				want = "rejected"
			}
			if r.Status != want || r.Error != c[1] || (r.Delivery != nil) != (want == "accepted") {
				t.Errorf("%.120s: %+v, want %s %q", c[0], r, want, c[1])
			}
		}
	}
}

// nested returns JSON of a depth.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// TestBodyTooDeep: what cannot be read for its depth is told apart from what is
// no JSON.
func TestBodyTooDeep(t *testing.T) {
	h, _ := inMemory(t)
	for _, depth := range []int{9_998, 1 << 20} {
		status, got := post(t, h, `{"events":[{"account":"squake:acme","event":"order","payload":`+nested(depth)+`}]}`)
		if status != http.StatusBadRequest || got.Error.Code != "invalid_request" || got.Error.Message != "The body must not be nested more than 10000 deep." {
			t.Errorf("a payload %d deep: %d %+v", depth, status, got.Error)
		}
	}
}

// TestHundredEvents: a request has 100 events at most, and their results are in
// their order.
func TestHundredEvents(t *testing.T) {
	list := func(n int) string {
		var events []string
		for i := range n {
			account := "squake:acme"
			if i%3 == 1 {
				account = "squake:unknown"
			}
			events = append(events, fmt.Sprintf(`{"account":%q,"event":"order","id":"%d","time":"2026-01-15T10:30:00Z"}`, account, i))
		}
		return `{"events":[` + strings.Join(events, ",") + `]}`
	}
	h, s := inMemory(t)
	status, got := post(t, h, list(101))
	if status != http.StatusBadRequest || got.Error.Message != "events must be an array of 1 to 100 events." {
		t.Errorf("101 events: %d %+v", status, got)
	}
	for d := range storedDeliveries(t, s, squakeAccount) {
		t.Errorf("of 101 events, one was accepted: %+v", d)
	}
	status, got = post(t, h, list(100))
	if status != http.StatusAccepted || len(got.Results) != 100 {
		t.Fatalf("100 events: %d, %d results", status, len(got.Results))
	}
	stored := storedDeliveries(t, s, squakeAccount)
	for i, r := range got.Results {
		if i%3 == 1 {
			if r.Status != "unknown_account" || r.Delivery != nil {
				t.Errorf("event %d: %+v", i, r)
			}
			continue
		}
		if r.Status != "accepted" || r.Delivery == nil || stored[*r.Delivery].EventID != fmt.Sprint(i) {
			t.Errorf("event %d: %+v", i, r)
		}
	}
}

// storedDeliveries gives an account's deliveries by id, with their payloads.
func storedDeliveries(tb testing.TB, s *sqlite.Store, a webhook.Account) map[string]webhook.Delivery {
	tb.Helper()
	found := map[string]webhook.Delivery{}
	err := s.Deliveries(tb.Context(), a, apitest.Start.AddDate(0, 0, -8), func(d webhook.Delivery) bool {
		found[d.ID()] = d
		return true
	})
	if err != nil {
		tb.Fatal(err)
	}
	for id := range found {
		if found[id], err = s.Delivery(tb.Context(), a, id); err != nil {
			tb.Fatal(err)
		}
	}
	return found
}
