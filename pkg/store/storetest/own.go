package storetest

import (
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// again gives records for another try of the request that made those of was:
// under new ids, with the same claims.
func again(was ...webhook.Webhook) []webhook.Webhook {
	batch := make([]webhook.Webhook, len(was))
	for i, w := range was {
		batch[i] = newWebhook(w.Account, w.Event)
		batch[i].Claim = w.Claim
		batch[i].Position = i
	}
	return batch
}

// A record that carries the request's claim is its own: it is returned as it
// stands. An id says nothing: two requests may have made up the same.
func testOwn(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	w := newWebhook(account, "event")
	s.mustCreate(t, creation(w))
	same(t, "webhooks found under an earlier id", s.mustCreate(t, creation(again(w)...)), []webhook.Webhook{w})
	s.mustHold(t, account, w)

	stranger := newWebhook(account, "event")
	stranger.ID = w.ID
	_, err := s.Create(ctx, creation(stranger))
	mustSayTaken(t, err, map[string]string{"event": w.ID})

	fresh := newWebhook(account, "other")
	fresh.Claim = w.Claim
	same(t, "webhooks of which no earlier one stands", s.mustCreate(t, creation(fresh)), []webhook.Webhook{fresh})
	s.mustHold(t, account, w, fresh)
}

// The same holds for a batch, whether its records share an id or not.
func testOwnBatch(t *testing.T, s *suite) {
	for name, shared := range map[string]bool{"own ids": false, "one id": true} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			batch := newBatch(account, "a", "b", "c")
			want := []webhook.Webhook{batch[2], batch[1], batch[0]}
			if shared {
				for i := range batch {
					batch[i].ID, want[i].ID = batch[0].ID, batch[0].ID
				}
			}
			s.mustCreate(t, creation(batch...))
			same(t, "webhooks found", s.mustCreate(t, creation(again(want...)...)), want)
			s.mustHold(t, account, batch...)
		})
	}
}

// Where some of a batch stand as its own, the others are added; where others
// are taken, only those are the conflict, and nothing is added.
func testOwnPartly(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	stand := newBatch(account, "b", "d")
	s.mustCreate(t, creation(stand...))

	batch := newBatch(account, "a", "b", "c", "d")
	batch[1].Claim = stand[0].Claim
	_, err := s.Create(ctx, creation(batch...))
	mustSayTaken(t, err, map[string]string{"d": stand[1].ID})
	s.mustHold(t, account, stand...)

	batch[3].Claim = stand[1].Claim
	want := []webhook.Webhook{batch[0], stand[0], batch[2], stand[1]}
	same(t, "webhooks partly found", s.mustCreate(t, creation(batch...)), want)
	s.mustHold(t, account, want...)
}

// A repeated creation with exclusions finds its own as well.
func testOwnExclusions(t *testing.T, s *suite) {
	account := newAccount()
	xs := []webhook.Exclusion{pair("a", "x"), pair("b", "y")}
	batch := newBatch(account, "a", "b")
	s.mustCreate(t, excluding(xs, batch...))
	same(t, "webhooks found", s.mustCreate(t, excluding(xs, again(batch...)...)), batch)
	s.mustHold(t, account, batch...)
}
