package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// Webhooks are found by id, those of one registration by event, and in no other
// account.
func testByID(t *testing.T, s *suite) {
	account, other := newAccount(), newAccount()
	batch := newBatch(account, numbered("event", 3)...)
	batch[2].ID, batch[0].Position, batch[1].Position = batch[0].ID, 1, 0
	namesake := newWebhook(other, "event")
	namesake.ID = batch[0].ID
	s.mustCreate(t, creation(batch...))
	s.mustCreate(t, creation(namesake))
	for id, want := range map[string][]webhook.Webhook{
		batch[0].ID: {batch[0], batch[2]},
		batch[1].ID: {batch[1]},
		newID():     nil,
	} {
		got, err := s.WebhooksByID(s.context(t), account, id)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "webhooks of "+id, got, want)
	}
}

// fill gives an account as many webhooks as it may have, less some.
func (s *suite) fill(t *testing.T, account webhook.Account, less int) (made []webhook.Webhook) {
	t.Helper()
	if !s.limits {
		t.Skip("the list of events bounds how many webhooks an account has")
	}
	for chunk := range slices.Chunk(numbered("event", webhook.MaxWebhooks-less), batchSize) {
		made = append(made, s.mustCreate(t, creation(newBatch(account, chunk...)...))...)
	}
	return made
}

// An account with 500 webhooks gets no more until one is deleted. What is taken
// is said before, and what one request made is no excess.
func testTooMany(t *testing.T, s *suite) {
	ctx, account := s.context(t), newAccount()
	made := s.fill(t, account, 2)
	refused := func(list ...webhook.Webhook) {
		t.Helper()
		if _, err := s.Create(ctx, creation(list...)); !errors.Is(err, webhook.ErrTooMany) {
			t.Errorf("creation of %d webhooks: error = %v, want ErrTooMany", len(list), err)
		}
		s.mustHold(t, account, made...)
	}
	refused(newBatch(account, "x-1", "x-2", "x-3")...)
	last := newBatch(account, "x-1", "x-2")
	made = append(made, s.mustCreate(t, creation(last...))...)
	refused(newWebhook(account, "x-3"))
	for _, again := range [][]webhook.Webhook{last, last[:1]} {
		same(t, "webhooks of the same request", s.mustCreate(t, creation(again...)), again)
	}
	for _, list := range [][]webhook.Webhook{newBatch(account, "x-1"), newBatch(account, "x-1", "x-3")} {
		_, err := s.Create(ctx, creation(list...))
		mustSayTaken(t, err, map[string]string{"x-1": last[0].ID})
	}
	s.mustCreate(t, creation(newWebhook(newAccount(), "x-3")))
	if err := s.Delete(ctx, made[:1]); err != nil {
		t.Fatal(err)
	}
	made = append(made[1:], s.mustCreate(t, creation(newWebhook(account, "x-3")))...)
	refused(newWebhook(account, "x-4"))
}

// Of concurrent creations as many succeed as there is room for.
func testTooManyRace(t *testing.T, s *suite) {
	const room = 5
	account := newAccount()
	made := s.fill(t, account, room)
	errs := make([]error, contestants)
	rivals := newBatch(account, numbered("rival", contestants)...)
	race(contestants, func(i int) { _, errs[i] = s.Create(s.context(t), creation(rivals[i])) })
	for i, err := range errs {
		switch {
		case err == nil:
			made = append(made, rivals[i])
		case !errors.Is(err, webhook.ErrTooMany):
			t.Errorf("error = %v, want ErrTooMany", err)
		}
	}
	if len(made) != webhook.MaxWebhooks {
		t.Errorf("%d webhooks were created, want %d", len(made), webhook.MaxWebhooks)
	}
	s.mustHold(t, account, made...)
}
