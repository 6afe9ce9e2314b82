package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/operator"
)

// marker stands in payloads that no log may hold.
const marker = "payload-7f3a"

// operators publishes to a server over HTTP.
type operators struct{ server, token string }

func newOperator(t testing.TB, where dataDir, s *instance) operators {
	t.Helper()
	return operators{s.URL, where.run(t, "token", "create", "--operator")}
}

// publish publishes events, written as JSON, and gives what became of each.
func (o operators) publish(t testing.TB, events ...string) []operator.Result {
	t.Helper()
	var response struct{ Results []operator.Result }
	decode(t, mustRespond(t, http.StatusAccepted, "POST", o.server+"/events", `{"events":[`+strings.Join(events, ",")+`]}`,
		"Authorization: Bearer "+o.token), &response)
	if len(response.Results) != len(events) {
		t.Fatalf("%d results of %d events", len(response.Results), len(events))
	}
	return response.Results
}

// eventOf is an event of a customer's webhook as JSON. A payload is JSON.
func (c *customerOf) eventOf(t testing.TB, id string, at time.Time, payload string) string {
	t.Helper()
	event := map[string]any{"account": c.account, "event": c.event, "id": id, "time": at.Format(time.RFC3339), "payload": json.RawMessage(payload)}
	if c.instance != "" {
		event["instance"] = c.instance
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Both ways of publishing, for each API: what is accepted arrives once, signed
// with the key that the customer was shown; the same again does not arrive, and
// another payload under the same id is refused.
func TestPublishedOnceReceivedOnce(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	operator := newOperator(t, where, s)
	at := time.Now().UTC().Truncate(time.Second)
	var secrets []string
	for _, customer := range customers(t, where, s, c) {
		secrets = append(secrets, customer.key)
		t.Run(customer.api, func(t *testing.T) {
			const payload, other = `{"said":"` + marker + `"}`, `{"said":"other"}`
			flags := []string{"--id", "by-cli", "--time", at.Format(time.RFC3339)}
			// A process of its own: the server notices what another has written.
			line := where.cli(t, customer.publish(append(flags, "--payload", payload)...)...)
			id, found := strings.CutPrefix(line, "accepted ")
			if !found {
				t.Fatalf("publish said %q", line)
			}
			customer.verified(t, c.next(t), id)
			accepted := operator.publish(t, customer.eventOf(t, "by-http", at, payload))[0]
			if accepted.Status != "accepted" || accepted.Delivery == nil {
				t.Fatalf("POST /events: %+v", accepted)
			}
			customer.verified(t, c.next(t), *accepted.Delivery)

			// The same again, by the other way.
			if got := operator.publish(t, customer.eventOf(t, "by-cli", at, payload))[0]; got.Status != "duplicate" || *got.Delivery != id {
				t.Errorf("POST /events again: %+v, want a duplicate of %s", got, id)
			}
			if line := where.run(t, customer.publish(append(flags, "--payload", ` {"said" : "`+marker+`"}`)...)...); line != "duplicate "+id {
				t.Errorf("publish again said %q", line)
			}
			if line := where.fails(t, customer.publish(append(flags, "--payload", other)...)...); line != "hookline: the event was rejected: id reused with other content\n" {
				t.Errorf("publish with another payload said %q", line)
			}
			if got := operator.publish(t, customer.eventOf(t, "by-http", at, other))[0]; got.Status != "rejected" || got.Error != "id reused with other content" {
				t.Errorf("POST /events with another payload: %+v", got)
			}
			for _, id := range []string{id, *accepted.Delivery} {
				where.becomes(t, customer.account, id, attempted(1))
			}
		})
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	// Nor is anything sent again at another start.
	if err := boot(t, where.data).stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
	s.searchLogFor(t, append(secrets, operator.token, marker, "query-7f3a")...)
}

// Numbers and strings arrive as the publisher spelled them, however the payload
// was given.
func TestPayloadIsPassedOnAsSpelled(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	const spaced = "{ \"n\" : [1.50e1, -0, 12345678901234567890.10],\n \"s\":\"é\\/\\u00e9 <&>\" }"
	const compact = `{"n":[1.50e1,-0,12345678901234567890.10],"s":"é\/\u00e9 <&>"}`
	file := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(file, []byte("\n"+spaced+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(time.Second)
	for _, customer := range customers(t, where, s, c) {
		begin, end := map[string]string{
			"squake":     `{"data":`,
			"abbeycross": `{"type":"trip.ended","timestamp":"` + at.Format(time.RFC3339) + `","data":`,
			"shoptet": `{"eshopId":1,"event":"order:create","eventCreated":"` + at.Format("2006-01-02T15:04:05-0700") +
				`","eventInstance":"2018000012","payload":`,
		}[customer.api], `}`
		want, none := compact, "null"
		if customer.api == "shoptet" { // PHP's way of escaping; and no payload is no field
			want = `{"n":[1.50e1,-0,12345678901234567890.10],"s":"\u00e9\/\u00e9 <&>"}`
			none, begin = "", strings.TrimSuffix(begin, `,"payload":`)
			want = `,"payload":` + want
		}
		for _, given := range []struct {
			stdin, want string
			flags       []string
		}{
			{"", want, []string{"--payload", spaced}},
			{"", want, []string{"--payload", "@" + file}},
			{spaced, want, []string{"--payload", "@-"}},
			{"", none, nil},
		} {
			args := customer.publish(append(given.flags, "--time", at.Format(time.RFC3339))...)
			where.runWith(t, given.stdin, args...)
			if got := c.next(t).body; got != begin+given.want+end {
				t.Errorf("%q:\n got %s\nwant %s", args, got, begin+given.want+end)
			}
		}
	}
}

// The largest payload is delivered, whatever white space is in it; a larger one
// is refused, and not read without bounds.
func TestPayloadSize(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	largest := `"` + strings.Repeat("x", 200<<10-2) + `"`
	where.runWith(t, strings.Repeat(" ", 500<<10)+largest, customer.publish("--payload", "@-")...)
	if got := c.next(t); got.body != `{"data":`+largest+`}` {
		t.Errorf("%d bytes arrived, want %d", len(got.body), len(largest)+9)
	}
	file := filepath.Join(t.TempDir(), "payload.json")
	for _, text := range []string{`"x` + largest[1:], strings.Repeat(" ", 16*200<<10) + "1"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		contains(t, where.fails(t, customer.publish("--payload", "@"+file)...), "200 KiB at most")
	}
	contains(t, where.fails(t, customer.publish("--payload", "@"+file+".none")...), "payload.json.none")
}

// silent is a standard input that nothing is written to before the test ends. It
// calls stop when it is read.
type silent struct {
	stop  func()
	ended <-chan struct{}
}

func (s silent) Read([]byte) (int, error) {
	s.stop()
	<-s.ended
	return 0, io.EOF
}

// Ctrl-C ends a command that waits for its standard input.
func TestPayloadInterrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer close(ended)
	program := testProgram(noSettings, io.Discard, io.Discard)
	program.stdin = silent{stop, ended}
	args := []string{"hookline", "publish", "--account", "squake:demo", "--event", "order", "--payload", "@-"}
	if err := program.run(ctx, args); !errors.Is(err, context.Canceled) {
		t.Errorf("publish, interrupted: %v", err)
	}
}

// What is accepted at the greatest depth is delivered, and shown in both forms;
// what is deeper is refused, however deep it is.
func TestPayloadDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	for _, customer := range customers(t, where, s, c) {
		deepest := nested(api.MaxDepth)
		id := customer.published(t, where, "--payload", deepest)
		contains(t, c.next(t).body, deepest)
		if got := string(where.show(t, customer.account, id).Payload); got != deepest {
			t.Errorf("delivery show --json has the payload %.40s, want %d levels", got, api.MaxDepth)
		}
		contains(t, where.run(t, "delivery", "show", id, "--account", customer.account), "payload\n  [\n    [\n")
		for _, depth := range []int{api.MaxDepth + 1, 10_000, 50_000} {
			line := where.fails(t, customer.publish("--payload", nested(depth))...)
			if line != "hookline: the event was rejected: payload: is nested more than 500 deep\n" {
				t.Errorf("a payload %d deep: %q", depth, line)
			}
		}
	}
}

// An event without a webhook that could get it is no failure, and one of a
// disabled webhook is held: the result says so, in words and to machines. An
// account that does not exist is a failure.
func TestPublishWithoutWebhook(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	customer := customers(t, where, s, c)[0]
	where.run(t, "webhook", "disable", customer.id, "--account", customer.account)
	held := where.run(t, "publish", "--account", "squake:demo", "--event", "order", "--id", "1", "--time", time.Now().Format(time.RFC3339), "--json")
	if got := regexp.MustCompile(`^\{"delivery":"[0-9a-f]{44}","status":"held"\}$`); !got.MatchString(held) {
		t.Errorf("publish said %q", held)
	}
	if got := where.run(t, "publish", "--account", "squake:demo", "--event", "order"); !strings.HasPrefix(got, "held ") ||
		!strings.HasSuffix(got, ": the webhook of squake:demo for order is disabled") {
		t.Errorf("publish said %q", got)
	}
	contains(t, where.run(t, "delivery", "list", "--status", "cancelled", "--account", "squake:demo"), "cancelled: the webhook is disabled")
	contains(t, where.fails(t, "publish", "--account", "squake:nobody", "--event", "order"), "there is no account squake:nobody; create it with")
	for _, given := range []struct{ account, event, text, json string }{
		{"squake:demo", "certificate_document_available", "no webhook: squake:demo has none for certificate_document_available", `{"delivery":null,"status":"no_webhook"}`},
	} {
		args := []string{"publish", "--account", given.account, "--event", given.event}
		if got := where.run(t, args...); got != given.text {
			t.Errorf("%q said %q, want %q", args, got, given.text)
		}
		if got := where.run(t, append(args, "--json")...); got != given.json {
			t.Errorf("%q said %q, want %q", append(args, "--json"), got, given.json)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.nothingMore(t)
}
