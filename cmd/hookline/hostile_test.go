package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/webhook"
)

// hostile are texts that a terminal obeys, does not show, or takes for more
// than one line.
var hostile = []string{
	"\x1b[31mred", "\x1b]0;title\x07", "\x00", "a\nforged  squake:acme  order", "a\r\nb", "over\rwritten", "\b\b\x7f", "\v\f\t", "\u009b2J", "\u0085",
	"\u202egnp.exe", "\u2066\u2069", "\u061c\u200f", "zero\u200bwidth\u2060\ufeff", "soft\u00adhyphen", "\u2028\u2029", "\u3164\u115f\uffa0", "a\ufe0f\U000e0100",
	"\U000e0041\U000e007f", "\U0010ffff\ue000", "\u00a0\u3000", `\u001b "quoted" <&>`, strings.Repeat("\x1b", 500),
}

// shownSafely demands that output moves no terminal.
func shownSafely(t *testing.T, args []string, output string) {
	t.Helper()
	for _, r := range strings.ReplaceAll(output, "\n", "") {
		if !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			t.Errorf("hookline %.80q writes %+q", args, r)
			return
		}
	}
	if !utf8.ValidString(output) {
		t.Errorf("hookline %.80q writes no UTF-8", args)
	}
}

// addHostile keeps a webhook and a delivery of it with a text in each field
// that a customer, a publisher or a receiver fills, or might. The webhook's
// statistics and its delivery's times are numbers.
func addHostile(t *testing.T, where dataDir, text string, n int, now time.Time) webhook.Delivery {
	t.Helper()
	account := webhook.Account{API: "squake", ID: fmt.Sprint("acme-", n)}
	where.run(t, "account", "create", account.String())
	s := where.open(t)
	payload, err := json.Marshal(map[string]any{text: []any{text, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
		Account: account, Event: "event " + text, ID: fmt.Sprint("w-", n), RequestID: "claim", URL: "https://receiver.example/" + text, Version: 1,
		SealedKey: []byte("SEALED"), CreatedAt: now, Disabled: true, DisabledReason: "reason " + text,
	}}}); err != nil {
		t.Fatal(err)
	}
	was, err := s.AddDelivery(t.Context(), webhook.Delivery{
		Account: account, Event: "event " + text, EventID: "id " + text, Time: now, Instance: "instance " + text, Payload: payload, Content: "c",
		WebhookID: "w " + text, URL: "https://receiver.example/" + text, AcceptedAt: now, Next: now, Due: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	then := was.Attempted(now, 500, "reason "+text, now.Add(time.Hour))
	if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: then, Response: []byte("answer " + text)}); err != nil {
		t.Fatal(err)
	}
	then.Payload = payload
	return then
}

// Whatever stands in what customers, publishers and receivers say, a terminal
// shows it and obeys nothing; a row is one row; and JSON means the same.
func TestHostileTextIsShown(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for n, text := range hostile {
		d := addHostile(t, where, text, n, now)
		account, id := d.Account.String(), d.ID()
		for _, tt := range []struct {
			args string
			rows int // of text; 0 for those of JSON that is shown for people
			want []string
		}{
			{"delivery list --account " + account, 2, []string{d.Event, d.Reason}},
			{"delivery show " + id + " --account " + account, 0, []string{d.Event, d.EventID, d.Instance, d.WebhookID, d.URL, d.Reason, string(d.Payload)}},
			{"webhook list --account " + account, 2, []string{d.Event, d.URL}},
			{fmt.Sprint("webhook show w-", n, " --account ", account), 15, []string{d.Event, d.URL, "reason " + text}},
			{"account list", n + 2, nil},
		} {
			args := strings.Fields(tt.args)
			output := where.run(t, args...) + "\n"
			shownSafely(t, args, output)
			if rows := strings.Count(output, "\n"); tt.rows > 0 && rows != tt.rows {
				t.Errorf("hookline %s writes %d rows, want %d:\n%s", tt.args, rows, tt.rows, output)
			}
			args = append(args, "--json")
			output = where.run(t, args...)
			shownSafely(t, args, output)
			if got := texts(t, output); strings.Contains(output, "\n") || !containsAll(got, tt.want) {
				t.Errorf("hookline %s means %q, want all of %q", tt.args, got, tt.want)
			}
		}
		// What changes things shows them, too, and so do errors.
		for _, line := range [][]string{
			{"webhook", "test", fmt.Sprint("w-", n), "--account", account},
			{"webhook", "test", fmt.Sprint("w-", n), "--account", account, "--event", text},
			{"webhook", "enable", fmt.Sprint("w-", n), "--account", account, "--json"},
			{"webhook", "disable", fmt.Sprint("w-", n), "--account", account, "--json"},
			{"delivery", "retry", id, "--account", account, "--json"},
			{"webhook", "show", text, "--account", account},
			{"webhook", "list", "--account", text},
			{"delivery", "show", text, "--account", account},
			{"delivery", "list", "--status", text},
			{"delivery", "list", "--data", strings.ReplaceAll(text, "\x00", "")},
			{"publish", "--account", account, "--event", text},
			{"publish", "--account", account, "--event", "order", "--payload", text},
			{"publish", "--account", account, "--event", "order", "--payload", "@" + text},
			{"token", "revoke", text, "--account", account},
			{"listen", "--key", "@" + text},
			{"serve", "--listen", text},
			{text}, {"account", "--" + text},
		} {
			args := append(append([]string{"hookline"}, line...), where.flags()...)
			if slices.Contains(line, "--data") {
				args = args[:len(args)-2]
			}
			var out, said bytes.Buffer
			report(&said, testProgram(noSettings, &out, &said).run(t.Context(), args))
			shownSafely(t, args, out.String()+said.String())
			if strings.Count(said.String(), "\n") > 1 {
				t.Errorf("hookline %q says %q, want one line", args, said.String())
			}
		}
	}
}

// texts returns all strings of a JSON text, and its objects below "payload" as
// they are.
func texts(t *testing.T, text string) (found []string) {
	t.Helper()
	dec := jsontext.NewDecoder(strings.NewReader(text))
	for {
		if strings.HasSuffix(string(dec.StackPointer()), "/payload") && dec.PeekKind() == '{' {
			value, err := dec.ReadValue()
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			var payload any
			if err := json.Unmarshal(value, &payload); err != nil {
				t.Fatal(err)
			}
			line, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, string(line))
			continue
		}
		token, err := dec.ReadToken()
		if err != nil {
			return found
		}
		if token.Kind() == '"' {
			found = append(found, token.String())
		}
	}
}

func containsAll(list, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(want string) bool { return !slices.Contains(list, want) })
}

// What anyone may send reaches neither the terminal of the server nor that of
// the receiver.
func TestHostileRequestsAreShown(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	var plain bytes.Buffer
	log, receiver, stop := listenTo(t, noSettings, &plain)
	lines := startListen(t, "--json")
	for _, text := range hostile {
		body, err := json.Marshal(map[string]any{"event": text, "eshopId": 1, text: text})
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{receiver, lines.url} {
			for _, sent := range []string{text, string(body)} {
				// net/http sends no header with control characters.
				if _, err := post(t.Context(), newClient(t), url, sent, "Webhook-Id: "+strings.Trim(fmt.Sprintf("%q", text), `"`), "Shoptet-Note: \u009b\u202e"); err != nil {
					t.Fatal(err)
				}
			}
		}
		shown := lines.next(t)
		if got := texts(t, string(shown.Body)); !containsAll(got, []string{text}) {
			t.Errorf("listen --json means %q, want %q", got, text)
		}
		lines.next(t)
		mustRespond(t, http.StatusNotFound, http.MethodPost, s.URL+"/"+fmt.Sprintf("%%%02x", "x"+text[:1]), text, "Accept: */*")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	shownSafely(t, []string{"listen"}, plain.String()+log.String())
	if rows := strings.Count(plain.String(), "answer: 200"); rows != 2*len(hostile) {
		t.Errorf("listen shows %d deliveries, want %d", rows, 2*len(hostile))
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	shownSafely(t, []string{"serve"}, s.log.String())
}
