package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hookline/hookline/pkg/webhook"
)

// The commands work on what customers register, beside the server.
func TestWebhookCommands(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, where dataDir) {
		s := boot(t, where.data, where.serveFlags()...)
		for _, c := range []operated{
			{"squake:acme", "/v2/webhooks", "Authorization: Bearer ",
				`{"kind":"order","endpoint_url":"https://receiver.example/in"}`, []string{"order"}, http.StatusUnprocessableEntity},
			{"shoptet:315185-myaddon", "/api/webhooks", "Shoptet-Access-Token: ",
				`{"data":[{"event":"order:create","url":"https://receiver.example/in"}]}`, []string{"order:create"}, http.StatusUnprocessableEntity},
			{"abbeycross:fleet-7", "/v1/webhooks/register", "Authorization: Bearer ",
				`{"url":"https://receiver.example/in","events":["trip.ended","trip.begun"]}`, []string{"trip.ended", "trip.begun"}, http.StatusBadRequest},
		} {
			t.Run(c.account, func(t *testing.T) { c.test(t, where, s) })
		}
	})
}

// operated is a registration that the operator works on.
type operated struct {
	account, path, header, body string
	events                      []string
	err                         int // the status while the events are taken
}

func (c operated) test(t *testing.T, where dataDir, s *instance) {
	where.cli(t, "account", "create", c.account)
	token := where.cli(t, "token", "create", "--account", c.account)
	register := func(want int) {
		t.Helper()
		status, err := post(t.Context(), newClient(t), s.URL+c.path, c.body, c.header+token, "Content-Type: application/json")
		if err != nil || status != want {
			t.Errorf("register: status %d, %v; want %d", status, err, want)
		}
	}
	if list := c.list(t, where); len(list) != 0 {
		t.Fatalf("before: %+v", list)
	}
	register(http.StatusCreated)
	list := c.list(t, where)
	c.isListed(t, list, true)
	id := list[0].ID
	before := c.records(t, where)

	for _, step := range []struct {
		command     string
		enabled     bool
		wantVersion int64
	}{{"enable", true, 1}, {"disable", false, 2}, {"disable", false, 2}, {"enable", true, 3}} {
		if said := where.cli(t, "webhook", step.command, id, "--account", c.account); said != step.command+"d "+id {
			t.Errorf("webhook %s said %q", step.command, said)
		}
		c.isListed(t, c.list(t, where), step.enabled)
		after := c.records(t, where)
		stored := cmpopts.IgnoreFields(webhook.Webhook{}, "Disabled", "DisabledAt", "Version", "UpdatedAt")
		if diff := cmp.Diff(before, after, stored); diff != "" {
			t.Errorf("webhook %s changed more: %s", step.command, diff)
		}
		for _, w := range after {
			if w.Version != step.wantVersion {
				t.Errorf("webhook %s: version %d, want %d", step.command, w.Version, step.wantVersion)
			}
		}
		register(c.err) // it keeps its events
	}
	if said := where.cli(t, "webhook", "delete", "--account", c.account, id); said != "deleted "+id {
		t.Errorf("webhook delete said %q", said)
	}
	if list := c.list(t, where); len(list) != 0 {
		t.Errorf("after webhook delete: %+v", list)
	}
	for _, command := range []string{"show", "enable", "disable", "delete"} {
		contains(t, where.fails(t, "webhook", command, id, "--account", c.account), c.account, id, "webhook list --account "+c.account)
	}
	register(http.StatusCreated)
}

// list is what webhook list tells.
func (c operated) list(t *testing.T, where dataDir) (list []webhookResult) {
	t.Helper()
	text := where.cli(t, "webhook", "list", "--json", "--account", c.account)
	if err := json.Unmarshal([]byte(text), &list); err != nil || !strings.HasPrefix(text, "[") {
		t.Fatalf("webhook list: %s, %v", text, err)
	}
	return list
}

// isListed demands one webhook for each event, all under one id.
func (c operated) isListed(t *testing.T, list []webhookResult, enabled bool) {
	t.Helper()
	if len(list) != len(c.events) {
		t.Fatalf("listed: %+v, want %q", list, c.events)
	}
	for i, w := range list {
		if w.Event != c.events[i] || w.ID == "" || w.ID != list[0].ID || w.URL != "https://receiver.example/in" || w.Enabled != enabled || w.Created.IsZero() {
			t.Errorf("listed: %+v, want %s, enabled: %v", w, c.events[i], enabled)
		}
	}
}

// records are the webhooks as they are kept.
func (c operated) records(t *testing.T, where dataDir) []webhook.Webhook {
	t.Helper()
	a, err := webhook.ParseAccount(c.account)
	if err != nil {
		t.Fatal(err)
	}
	records, err := where.open(t).Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return records
}
