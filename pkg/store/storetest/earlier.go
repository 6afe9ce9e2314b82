package storetest

import (
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// A record found under an id of an earlier try, or under the creation's own,
// is the request's own: it is returned as it stands.
func testEarlier(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	w := newWebhook(account, "event")
	s.mustCreate(t, creation(w))

	again := newWebhook(account, "event")
	c := creation(again)
	c.Earlier = []string{newID(), w.ID, newID()}
	same(t, "webhooks found under an earlier id", s.mustCreate(t, c), []webhook.Webhook{w})
	s.mustHold(t, account, w)

	again.ID = w.ID
	same(t, "webhooks found under their own id", s.mustCreate(t, creation(again)), []webhook.Webhook{w})
	s.mustHold(t, account, w)

	stranger := creation(newWebhook(account, "event"))
	stranger.Earlier = []string{newID()}
	_, err := s.Create(ctx, stranger)
	mustSayTaken(t, err, map[string]string{"event": w.ID})

	fresh := creation(newWebhook(account, "other"))
	fresh.Earlier = []string{newID()}
	same(t, "webhooks of which no earlier one stands", s.mustCreate(t, fresh), fresh.Webhooks)
	s.mustHold(t, account, w, fresh.Webhooks[0])
}

// The same holds for a batch, whether its records share an id or not.
func testEarlierBatch(t *testing.T, s *suite) {
	for name, shared := range map[string]bool{"own ids": false, "one id": true} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			batch := newBatch(account, "a", "b", "c")
			again := newBatch(account, "c", "b", "a")
			if shared {
				for i := range batch {
					batch[i].ID, again[i].ID = batch[0].ID, again[0].ID
				}
			}
			s.mustCreate(t, creation(batch...))
			want := []webhook.Webhook{batch[2], batch[1], batch[0]}

			c := creation(again...)
			for _, w := range batch {
				c.Earlier = append(c.Earlier, w.ID)
			}
			same(t, "webhooks found under earlier ids", s.mustCreate(t, c), want)
			for i := range again {
				again[i].ID = want[i].ID
			}
			same(t, "webhooks found under their own ids", s.mustCreate(t, creation(again...)), want)
			s.mustHold(t, account, batch...)
		})
	}
}

// Where some of a batch stand as its own, the others are added; where others
// are taken, only those are the conflict, and nothing is added.
func testEarlierPartly(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	stand := newBatch(account, "b", "d")
	s.mustCreate(t, creation(stand...))

	c := creation(newBatch(account, "a", "b", "c", "d")...)
	c.Earlier = []string{stand[0].ID}
	_, err := s.Create(ctx, c)
	mustSayTaken(t, err, map[string]string{"d": stand[1].ID})
	s.mustHold(t, account, stand...)

	c.Earlier = append(c.Earlier, stand[1].ID)
	want := []webhook.Webhook{c.Webhooks[0], stand[0], c.Webhooks[2], stand[1]}
	same(t, "webhooks partly found", s.mustCreate(t, c), want)
	s.mustHold(t, account, want...)
}

// A repeated creation with exclusions finds its own as well.
func testEarlierExclusions(t *testing.T, s *suite) {
	account := newAccount()
	xs := []webhook.Exclusion{pair("a", "x"), pair("b", "y")}
	batch := newBatch(account, "a", "b")
	s.mustCreate(t, excluding(xs, batch...))
	c := excluding(xs, newBatch(account, "a", "b")...)
	c.Earlier = []string{batch[0].ID, batch[1].ID}
	same(t, "webhooks found under earlier ids", s.mustCreate(t, c), batch)
	s.mustHold(t, account, batch...)
}
