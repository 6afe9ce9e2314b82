package portal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// TestSentTwice: who sends a registration twice is told that the webhook is
// registered, and how to come to a key. Anything else that is taken is an error
// of the form.
func TestSentTwice(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, tt := range []struct {
		account    webhook.Account
		events     []string
		old        string   // another event, with the same URL
		others     []string // events of this and others, one a line
		keyed      bool     // the first answer shows a key
		says, next string
	}{
		{squakeAccount, []string{"order"}, "confirmation_document_available", nil, true, "Its signing key was in the first answer", "/portal/webhooks/{id}/delete"},
		{shoptetAccount, []string{"order:create"}, "order:update", nil, false, "Nothing is lost: its deliveries are signed with the signature key of the account", "/portal/key"},
		{abbeyAccount, []string{"a.b", "c.d"}, "g.h", []string{"a.b", "a.b\nc.d\ne.f", "a.b\ng.h"}, true, "Its API secret key was in the first answer", "/portal/webhooks/{id}/key"},
	} {
		r := e.enter(t, tt.account, webhook.AllRights)
		form := func(url string, events ...string) []string {
			if tt.account == abbeyAccount {
				events = []string{strings.Join(events, "\n")}
			}
			pairs := []string{"url", url}
			for _, name := range events {
				pairs = append(pairs, "event", name)
			}
			return pairs
		}
		send := func(pairs []string) { r.get("/portal/webhooks/new"); r.post("/portal/webhooks", pairs...) }
		send(form(e.receiver.URL, tt.events...))
		r.shows(200)
		if shown := between(r.page, `class="key">`, "<"); (shown != "") != tt.keyed {
			t.Fatalf("%v: the first answer shows %q", tt.account, shown)
		}
		list, err := e.store.Webhooks(t.Context(), tt.account)
		if err != nil || len(list) != len(tt.events) {
			t.Fatalf("%d webhooks, %v", len(list), err)
		}
		send(form(e.receiver.URL, tt.events...))
		r.shows(409, "The webhook is registered", "It seems that the form was sent twice.", tt.says, `href="`+strings.ReplaceAll(tt.next, "{id}", list[0].ID)+`"`, `href="/portal/webhooks/`+list[0].ID+`"`)
		r.get(strings.ReplaceAll(tt.next, "{id}", list[0].ID))
		r.shows(200)
		if after, err := e.store.Webhooks(t.Context(), tt.account); err != nil || len(after) != len(list) || after[0].Version != list[0].Version {
			t.Errorf("%v: sent twice there is %+v, %v", tt.account, after, err)
		}
		old := webhook.Webhook{Account: tt.account, Event: tt.old, ID: "77", RequestID: "77", URL: e.receiver.URL, Version: 1, CreatedAt: time.Now().UTC().Truncate(time.Millisecond).Add(-2 * time.Minute)}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{old}}); err != nil {
			t.Fatal(err)
		}
		refused := [][]string{form(e.receiver.URL+"/x", tt.events...), form(e.receiver.URL, tt.old)}
		for _, others := range tt.others {
			refused = append(refused, form(e.receiver.URL, others))
		}
		for _, pairs := range refused {
			send(pairs)
			if r.shows(422, "Webhook already exists for this event"); t.Failed() {
				t.Fatalf("%v: %q", tt.account, pairs)
			}
		}
	}
}
