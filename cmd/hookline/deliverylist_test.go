package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/webhook"
)

// stored is a delivery to be stored: its event's id is its name in the test.
type stored struct {
	id, account, event string
	age                time.Duration // of its event
	status             webhook.Status
}

// storedDeliveries are in the order in which they are listed: the latest event
// first, accounts mixed.
var storedDeliveries = []stored{
	{"s1", "shoptet:1", "order:create", 0, webhook.StatusPending},
	{"q1", "squake:acme", "order", time.Minute, webhook.StatusPending},
	{"q2", "squake:acme", "certificate_document_available", 2 * time.Minute, webhook.StatusRetrying},
	{"a1", "abbeycross:fleet-7", "order", 3 * time.Minute, webhook.StatusCancelled},
	{"q3", "squake:acme", "order", 4 * time.Minute, webhook.StatusDelivered},
	{"s2", "shoptet:1", "order:create", 2 * time.Hour, webhook.StatusFailed},
	{"q4", "squake:acme", "order", 3 * time.Hour, webhook.StatusDelivered},
	{"a2", "abbeycross:fleet-7", "order", 100 * time.Hour, webhook.StatusPending},
}

// keep stores the deliveries, of which the youngest event happened at now.
func keep(t *testing.T, where dataDir, now time.Time) {
	t.Helper()
	s := where.open(t)
	for _, k := range storedDeliveries {
		account, err := webhook.ParseAccount(k.account)
		if err != nil {
			t.Fatal(err)
		}
		was, err := s.AddDelivery(t.Context(), webhook.Delivery{
			Account: account, Event: k.event, EventID: k.id, Time: now.Add(-k.age), Payload: []byte(`"` + k.id + `"`), Content: "c",
			WebhookID: "w1", URL: "https://receiver.example/in", AcceptedAt: now, Next: now, Due: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		then := was
		switch k.status {
		case webhook.StatusPending:
			continue
		case webhook.StatusRetrying:
			then = was.Attempted(now, 500, "answered 500", now.Add(time.Hour))
		case webhook.StatusFailed:
			then = was.Attempted(now, 500, "answered 500", time.Time{})
		case webhook.StatusCancelled:
			then = was.Attempted(now, 0, "timed out", now.Add(time.Hour)).Cancelled("cancelled: the webhook is disabled")
		case webhook.StatusDelivered:
			then = was.Attempted(now, 204, "", time.Time{})
		}
		if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: then, Response: []byte("\x1b[2J\xffno\n")}); err != nil {
			t.Fatal(err)
		}
	}
}

// on prepares a place whose tables are there, with accounts.
func (p dataDir) on(t *testing.T, accounts ...string) {
	t.Helper()
	bounded := func(server *program) {
		server.getenv = func(name string) string { return map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": "order"}[name] }
	}
	if err := bootLogged(t, bounded, p.data, p.flags()[2:]...).stop(); err != nil {
		t.Fatal(err)
	}
	for _, account := range accounts {
		p.run(t, "account", "create", account)
	}
}

func TestDeliveryList(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Millisecond)
	ago := func(d time.Duration) string { return now.Add(-d).Format(time.RFC3339Nano) }
	lists := []struct{ flags, want string }{
		{"", "s1 q1 q2 a1 q3 s2 q4 a2"},
		{"--account squake:acme", "q1 q2 q3 q4"},
		{"--account abbeycross:fleet-7", "a1 a2"},
		{"--account squake:empty", ""},
		{"--event order", "q1 a1 q3 q4 a2"},
		{"--event order --account squake:acme", "q1 q3 q4"},
		{"--event nothing", ""},
		{"--status pending", "s1 q1 a2"},
		{"--status retrying", "q2"},
		{"--status failed", "s2"},
		{"--status delivered", "q3 q4"},
		{"--status cancelled", "a1"},
		{"--status delivered --account shoptet:1", ""},
		{"--since 1h", "s1 q1 q2 a1 q3"},
		{"--since 99h", "s1 q1 q2 a1 q3 s2 q4"},
		{"--from " + ago(2*time.Hour), "s1 q1 q2 a1 q3 s2"},
		{"--from " + ago(2*time.Hour-time.Millisecond), "s1 q1 q2 a1 q3"},
		{"--until " + ago(3*time.Minute), "q3 s2 q4 a2"},
		{"--until " + ago(3*time.Minute-time.Millisecond), "a1 q3 s2 q4 a2"},
		{"--from " + ago(4*time.Minute) + " --until " + ago(time.Minute), "q2 a1 q3"},
		{"--since 1h --until " + ago(time.Minute) + " --account squake:acme", "q2 q3"},
		{"--limit 3", "s1 q1 q2"},
		{"--limit 1 --account abbeycross:fleet-7", "a1"},
		{"--limit 1 --status delivered", "q3"},
		{"--limit 2 --event order --until " + ago(3*time.Minute), "q3 q4"},
		{"--limit 3 --all", "s1 q1 q2 a1 q3 s2 q4 a2"},
		{"--webhook w1 --status failed", "s2"},
		{"--webhook w2", ""},
		{"--last-status 500", "q2 s2"},
		{"--last-status 5xx --account squake:acme", "q2"},
		{"--last-status 2xx", "q3 q4"},
		{"--last-status none", "a1"},
		{"--last-status 404", ""},
		{"--text DISABLED", "a1"},
		{"--text certificate", "q2"},
		{"--text shoptet:1", "s1 s2"},
		{"--cursor a1", "q3 s2 q4 a2"},
		{"--cursor q2 --limit 2 --last-status none", "a1"},
		{"--cursor q2 --until " + ago(3*time.Minute), "q3 s2 q4 a2"},
		{"--cursor a2", ""},
	}
	onEachStore(t, func(t *testing.T, where dataDir) {
		where.on(t, "squake:acme", "squake:empty", "shoptet:1", "abbeycross:fleet-7")
		keep(t, where, now)
		ids := idsOf(t, now)
		for i, l := range lists {
			if where.prefix != "" && i%3 != 0 {
				continue // the filters are not the store's, but for the first of times
			}
			flags := strings.Fields(l.flags)
			for id, name := range ids {
				if at := slices.Index(flags, "--cursor"); at >= 0 && flags[at+1] == name {
					flags[at+1] = id
				}
			}
			text, said := where.onScreen(t, 0, append([]string{"delivery", "list", "--json"}, flags...)...)
			var list []deliveryResult
			decode(t, text, &list)
			got := namesOf(ids, list)
			if !slices.Equal(got, strings.Fields(l.want)) || !strings.HasPrefix(text, "[") {
				t.Errorf("delivery list %s: %q, want %s", l.flags, got, l.want)
			}
			if said != "" && (len(list) == 0 || !strings.HasSuffix(said, "; go on with --cursor "+list[len(list)-1].ID+", or list all with --all\n")) {
				t.Errorf("delivery list %s: %s", l.flags, said)
			}
		}
		where.pages(t, ids)
	})
}

// namesOf are the test's names of deliveries, in their order.
func namesOf(ids map[string]string, list []deliveryResult) (names []string) {
	for _, d := range list {
		names = append(names, ids[d.ID])
	}
	return names
}

// pages demands that a list can be read in parts, one object a line.
func (p dataDir) pages(t *testing.T, ids map[string]string) {
	t.Helper()
	var got []string
	args := []string{"delivery", "list", "--jsonl", "--limit", "3"}
	for said := "there are more than 3"; said != ""; {
		var text string
		text, said = p.onScreen(t, 0, args...)
		for line := range strings.Lines(text) {
			var d deliveryResult
			decode(t, line, &d)
			got = append(got, ids[d.ID])
			args = []string{"delivery", "list", "--jsonl", "--limit", "3", "--cursor", d.ID}
		}
	}
	if want := "s1 q1 q2 a1 q3 s2 q4 a2"; strings.Join(got, " ") != want {
		t.Errorf("in parts: %q, want %s", got, want)
	}
}

// bottomless is a backend whose accounts have many deliveries, one a millisecond.
type bottomless struct {
	backend
	deliveries int
}

func (b bottomless) Deliveries(_ context.Context, a webhook.Account, _ client.DeliveryFilter, yield func(deliveryResult) bool) error {
	for i := b.deliveries; i > 0; i-- {
		d := webhook.Delivery{Account: a, Event: "order", EventID: "e", Time: time.UnixMilli(int64(i))}
		if !yield(deliveryResult{ID: d.ID(), Account: a.String(), Webhook: strconv.Itoa(i)}) {
			break
		}
	}
	return nil
}

// A search for what the server does not select ends, says so, and can be gone
// on with: each delivery of all accounts is looked at once.
func TestSearchesAreBounded(t *testing.T) {
	t.Parallel()
	accounts := []webhook.Account{{API: "squake", ID: "a"}, {API: "squake", ID: "b"}}
	lists := map[string]bottomless{accounts[0].ID: {deliveries: 2*maxScanned + 7}, accounts[1].ID: {deliveries: maxScanned / 2}}
	found, parts, cursor := 0, 0, ""
	for {
		s := &deliverySearch{list: &deliveryList{Webhook: "5", Limit: 10, Cursor: cursor}}
		for _, a := range accounts {
			if err := s.account(t.Context(), lists[a.ID], a, client.DeliveryFilter{}); err != nil {
				t.Fatal(err)
			}
		}
		page := s.page()
		found, parts = found+len(page.deliveries), parts+1
		if cursor = page.next; cursor == "" {
			break
		}
		contains(t, page.why, "looked through 10000 deliveries")
	}
	if found != len(accounts) || parts != 3 {
		t.Errorf("found %d in %d parts, want %d in 3", found, parts, len(accounts))
	}
}

// What is new and what changes is shown, the earliest first, until the command
// is told to stop.
func TestFollow(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	where.on(t, "squake:acme", "shoptet:1", "abbeycross:fleet-7")
	now := time.Now().UTC().Truncate(time.Millisecond)
	keep(t, where, now)
	ids := idsOf(t, now)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out strings.Builder
	p := testProgram(noSettings, &out, io.Discard)
	polls := 0
	p.sleep = func(ctx context.Context, _ time.Duration) error {
		switch polls++; polls {
		case 1: // nothing happens
		case 2:
			for id, name := range ids {
				if name == "q1" {
					where.attempted(t, "squake:acme", id)
				}
			}
		default:
			stop()
		}
		return ctx.Err()
	}
	if err := p.run(ctx, append([]string{"hookline", "delivery", "list", "--follow", "--json", "--limit", "4"}, where.flags()...)); err != nil {
		t.Fatal(err)
	}
	var list []deliveryResult
	for line := range strings.Lines(out.String()) {
		var d deliveryResult
		decode(t, line, &d)
		list = append(list, d)
	}
	if got, want := strings.Join(namesOf(ids, list), " "), "a1 q2 q1 s1 q1"; got != want || list[4].Status != webhook.StatusDelivered.String() {
		t.Errorf("shown are %s, want %s; the last is %+v", got, want, list[len(list)-1])
	}
	out.Reset()
	p.flags.JSON = false
	if err := p.showFollowed(deliveryResult{ID: "id", Status: webhook.StatusDelivered.String(), Test: true}); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "id  delivered (test)  ")
}

// attempted notes a successful attempt.
func (p dataDir) attempted(t *testing.T, account, id string) {
	t.Helper()
	s := p.open(t)
	a, err := webhook.ParseAccount(account)
	if err != nil {
		t.Fatal(err)
	}
	was, err := s.Delivery(t.Context(), a, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: was.Attempted(time.Now(), 204, "", time.Time{})}); err != nil {
		t.Fatal(err)
	}
}

// idsOf are the test's names of the deliveries, by their ids.
func idsOf(t *testing.T, now time.Time) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, k := range storedDeliveries {
		account, err := webhook.ParseAccount(k.account)
		if err != nil {
			t.Fatal(err)
		}
		ids[webhook.Delivery{Account: account, Event: k.event, EventID: k.id, Time: now.Add(-k.age)}.ID()] = k.id
	}
	return ids
}

// Every status is shown as it is, for people and for machines, with the payload
// only where one delivery is shown.
func TestDeliveryShow(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Millisecond)
	stamp, later := now.Format(time.RFC3339Nano), now.Add(time.Hour).Format(time.RFC3339Nano)
	results := map[string]string{ // what follows the event's time
		"q1": `"status":"pending","attempts":0,"last_attempt":null,"last_status":0,"reason":"","next_attempt":"` + stamp + `"`,
		"q2": `"status":"retrying","attempts":1,"last_attempt":"` + stamp + `","last_status":500,"reason":"answered 500","next_attempt":"` + later + `"`,
		"a1": `"status":"cancelled","attempts":1,"last_attempt":"` + stamp + `","last_status":0,"reason":"cancelled: the webhook is disabled","next_attempt":null`,
		"q3": `"status":"delivered","attempts":1,"last_attempt":"` + stamp + `","last_status":204,"reason":"","next_attempt":null`,
	}
	attempts := map[string]string{ // what follows the attempt's time
		"q2": `"duration_ms":0,"status":500,"reason":"answered 500","response":"\\x1b[2J�no\\n"}`,
		"a1": `"duration_ms":0,"status":0,"reason":"cancelled: the webhook is disabled","response":"\\x1b[2J�no\\n"}`,
		"q3": `"duration_ms":0,"status":204,"reason":"","response":""}`,
	}
	where := dataDir{data: t.TempDir()}
	where.on(t, "squake:acme", "shoptet:1", "abbeycross:fleet-7")
	keep(t, where, now)
	list, people := where.run(t, "delivery", "list", "--json"), where.run(t, "delivery", "list")
	for id, name := range idsOf(t, now) {
		i := slices.IndexFunc(storedDeliveries, func(k stored) bool { return k.id == name })
		k := storedDeliveries[i]
		contains(t, people, id)
		if results[name] == "" {
			continue
		}
		result := fmt.Sprintf(`{"id":%q,"account":%q,"event":%q,"time":%q,`, id, k.account, k.event, now.Add(-k.age).Format(time.RFC3339Nano)) + results[name]
		result += `,"webhook":"w1","url":"https://receiver.example/in","test":false`
		contains(t, list, result+"}")
		want := result + fmt.Sprintf(`,"event_id":%q,"accepted":%q,"payload":%q,"attempt_log":[`, name, stamp, name)
		if attempts[name] != "" {
			want += `{"number":1,"at":"` + stamp + `",` + attempts[name]
		}
		want += "]}"
		if got := where.run(t, "delivery", "show", "--json", id, "--account", k.account); got != want {
			t.Errorf("delivery show:\n got %s\nwant %s", got, want)
		}
		contains(t, where.run(t, "delivery", "show", id, "--account", k.account), "\nstatus        "+k.status.String()+"\n", "\npayload\n  \""+name+"\"")
		if name == "q2" {
			contains(t, where.run(t, "delivery", "show", id, "--account", k.account), ", answered 500 after 0s: \\x1b[2J�no\\n")
		}
		// Another account's is none.
		contains(t, where.fails(t, "delivery", "show", id, "--account", "shoptet:1"), "shoptet:1 has no delivery")
		contains(t, where.fails(t, "delivery", "retry", id, "--account", "shoptet:1"), "shoptet:1 has no delivery")
	}
	if strings.Contains(list+people, "payload") {
		t.Errorf("a list shows payloads:\n%s\n%s", list, people)
	}
}
