package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/hookline/hookline/pkg/webhook"
)

// onScreen runs a command that writes to a terminal of a width.
func (p dataDir) onScreen(t *testing.T, width int, args ...string) (text, said string) {
	t.Helper()
	var out, errors strings.Builder
	program := testProgram(noSettings, &out, &errors)
	program.screen = func(io.Writer, func(string) string) int { return width }
	if err := program.run(t.Context(), append(append([]string{"hookline"}, args...), p.flags()...)); err != nil {
		t.Fatalf("hookline %q: %v", args, err)
	}
	return out.String(), errors.String()
}

// Every list fits the terminal, with ids whole, whatever is in it. Elsewhere
// nothing is cut.
func TestListsFitTheTerminal(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	long := webhook.Account{API: "squake", ID: strings.Repeat("long-", 12)}
	const webhookID = "01a218fe-d14d-76ee-a4d8-9b3c50165312"
	event := "wide-漢字-" + strings.Repeat("é", 120)
	where.run(t, "account", "create", "shoptet:1")
	where.run(t, "account", "create", long.String())
	where.run(t, "token", "create", "--account", long.String(), "--expires", "30d")
	if err := addWebhook(where.data, long, webhookID, []string{event, "short"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	id := where.failedDelivery(t, webhook.Delivery{
		Account: long, Event: event, EventID: "e1", Time: now.Add(-5 * time.Minute), Payload: []byte(`1`), Content: "c",
		WebhookID: webhookID, URL: "https://receiver.example/" + strings.Repeat("路", 90), AcceptedAt: now, Next: now, Due: now,
	})
	var tokens []tokenResult
	decode(t, where.run(t, "token", "list", "--account", long.String(), "--json"), &tokens)
	where.run(t, "webhook", "disable", webhookID, "--account", long.String())
	for line, whole := range map[string]string{
		"account list":                             long.String(),
		"token list --account " + long.String():    tokens[0].ID,
		"webhook list --account " + long.String():  webhookID,
		"webhook list --all":                       webhookID,
		"delivery list":                            id,
		"delivery list --account " + long.String(): id,
		"delivery list --utc":                      id,
	} {
		args := strings.Fields(line)
		wide := 0
		for shown := range strings.Lines(where.run(t, args...) + "\n") {
			wide = max(wide, uniseg.StringWidth(shown))
		}
		for _, width := range []int{80, 120, 1000} {
			text, _ := where.onScreen(t, width, args...)
			contains(t, text, whole)
			widest := 0
			for shown := range strings.Lines(text) {
				widest = max(widest, uniseg.StringWidth(strings.TrimSuffix(shown, "\n")))
			}
			if widest > width || wide > width && widest < width-20 {
				t.Errorf("hookline %s is %d columns wide on a terminal of %d:\n%s", line, widest, width, text)
			}
			if cut := strings.Contains(text, ellipsis); cut && width == 1000 {
				t.Errorf("hookline %s is cut on a terminal of %d", line, width)
			}
		}
	}
}

// A terminal is told that a list is empty, and not each time what was asked for.
// Elsewhere the heading is there.
func TestListsOnATerminal(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	where.run(t, "account", "create", "squake:acme")
	for name, none := range map[string]string{"token": "no tokens\n", "webhook": "no webhooks\n", "delivery": "no deliveries\n"} {
		args := []string{name, "list", "--account", "squake:acme"}
		if text, said := where.onScreen(t, 80, args...); text != "" || said != none {
			t.Errorf("%s: %q, %q", args, text, said)
		}
		if text, _ := where.onScreen(t, 80, append(args, "--json")...); text != "[]\n" {
			t.Errorf("%s --json: %q", args, text)
		}
		if name != "token" {
			contains(t, where.run(t, args...), "EVENT")
		}
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	where.failedDelivery(t, webhook.Delivery{
		Account: webhook.Account{API: "squake", ID: "acme"}, Event: "order", EventID: "e1", Time: now, Payload: []byte(`1`), Content: "c",
		WebhookID: "w1", URL: "https://receiver.example/", AcceptedAt: now, Next: now, Due: now,
	})
	for line, want := range map[string]bool{"delivery list": true, "delivery list --account squake:acme": false} {
		if text, _ := where.onScreen(t, 200, strings.Fields(line)...); strings.Contains(text, "squake:acme") != want || !strings.Contains(text, "order") {
			t.Errorf("hookline %s: %s", line, text)
		}
		contains(t, where.run(t, strings.Fields(line)...), "squake:acme")
	}
}

// failedDelivery stores a delivery that was attempted once, and gives its id.
func (p dataDir) failedDelivery(t *testing.T, d webhook.Delivery) string {
	t.Helper()
	s := p.open(t)
	was, err := s.AddDelivery(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	then := was.Attempted(d.AcceptedAt, 404, "answered 404 with a reason that is rather long", d.AcceptedAt.Add(time.Hour))
	if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: then}); err != nil {
		t.Fatal(err)
	}
	return was.ID()
}

func TestTimesInLists(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	where.run(t, "account", "create", "squake:acme")
	exact := where.run(t, "account", "list")
	contains(t, exact, "Z")
	if text, _ := where.onScreen(t, 80, "account", "list", "--utc"); strings.TrimSpace(text) != exact {
		t.Errorf("with --utc: %s, want %s", text, exact)
	}
	text, _ := where.onScreen(t, 80, "account", "list")
	contains(t, text, " ago\n")
	for d, want := range map[time.Duration]string{-90 * time.Second: "1m ago", 0: "0s ago", 2 * time.Hour: "in 2h", -72 * time.Hour: "3d ago"} {
		if got := relative(d); got != want {
			t.Errorf("relative(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width int
		ends  bool
		want  string
	}{
		{"abc", 3, false, "abc"}, {"abcd", 3, false, "ab…"}, {"abcd", 1, false, "…"},
		{"https://a.example/in", 9, true, "https://…"}, {"https://a.example/hooks/orders", 24, true, "https://a.example/…rders"}, {"https://a.example/hooks/orders", 18, true, "https://a.example…"}, {"https://a.example/hooks/orders", 19, true, "https://a.example/…"}, {"abcdef", 4, true, "ab…f"},
		{"漢字漢字", 5, false, "漢字…"}, {"漢字漢字", 4, false, "漢…"}, {"漢字漢字", 6, true, "漢…字"},
		{"e\u0301e\u0301e\u0301", 2, false, "e\u0301…"},
	} {
		got := shorten(c.text, c.width, c.ends)
		if got != c.want || uniseg.StringWidth(got) > c.width {
			t.Errorf("shorten(%q, %d, %t) = %q, want %q", c.text, c.width, c.ends, got, c.want)
		}
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	columns := []column{{name: "ID"}, {name: "URL", least: 5}, {name: "B", drop: 1}, {name: "C", drop: 2}}
	for width, want := range map[int][]int{
		100: {10, 20, 6, 7}, 49: {10, 20, 6, 7}, 40: {10, 11, 6, 7}, 34: {10, 5, 6, 7}, 33: {10, 13, 6, 0}, 26: {10, 6, 6, 0}, 24: {10, 12, 0, 0}, 4: {10, 5, 0, 0},
	} {
		if got := fit(columns, []int{10, 20, 6, 7}, width); !slices.Equal(got, want) {
			t.Errorf("fit to %d: %v, want %v", width, got, want)
		}
	}
}
