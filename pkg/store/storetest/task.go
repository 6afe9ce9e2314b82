package storetest

import (
	"errors"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustAttempt fails the test unless the task of the message is want.
func (s *suite) mustAttempt(t *testing.T, m webhook.Message, want webhook.Task) {
	t.Helper()
	got, err := s.Store.Task(s.context(t), m)
	if err != nil {
		t.Fatalf("Task(%+v): %v", m, err)
	}
	sameDelivery(t, "delivery of the task", got.Delivery, want.Delivery)
	same(t, "target of the task", []webhook.Target{got.Target}, []webhook.Target{want.Target})
}

// A task is the delivery, the webhook of its event and the account, all as
// they stand now, whatever attempt the message is for.
func testTask(t *testing.T, s *suite) {
	ctx := s.context(t)
	for _, size := range []int{100, 2000} {
		target := s.newTarget(t, "event "+newID())
		d := newDueTo(target.Webhook, s.moment())
		d.Payload = payload(size)
		task := webhook.Task{Delivery: s.mustKeep(t, d), Target: target}
		message := task.Delivery.Message()
		stands := func() { t.Helper(); s.mustAttempt(t, message, task) }
		stands()

		for _, edit := range []func(*webhook.Webhook){
			withURL("https://elsewhere.example/"),
			func(w *webhook.Webhook) { w.SealedKey, w.RetiredKeys = []byte("new"), retired(1) },
			func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = true, "answered 410" },
			func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = false, "" },
		} {
			now := next(task.Webhook, edit)
			s.mustChange(t, changing(task.Webhook, now))
			task.Webhook = now
			stands()
		}
		now := failed(task.Delivery, s.moment())
		s.mustSettle(t, webhook.Settlement{Was: task.Delivery, Now: now})
		task.Delivery = now
		stands()
		message = now.Message()
		stands()

		if err := s.Delete(ctx, []webhook.Webhook{task.Webhook}); err != nil {
			t.Fatal(err)
		}
		task.Webhook = webhook.Webhook{}
		stands()
		task.Webhook = newWebhook(d.Account, d.Event)
		s.mustCreate(t, creation(task.Webhook, newWebhook(d.Account, "other")))
		stands()
		s.mustClose(t, d.Account)
		task.Account.Closing = true
		stands()
		if err := s.DeleteAccount(ctx, d.Account); err != nil {
			t.Fatal(err)
		}
		task.Account = webhook.AccountInfo{}
		stands()
		if err := s.Delete(ctx, []webhook.Webhook{task.Webhook}); err != nil {
			t.Fatal(err)
		}
		task.Webhook = webhook.Webhook{}
		stands()
	}
}

// There is no task without a delivery, though webhook and account are there;
// and what a task gave does not change what is stored.
func testTaskUnknown(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	target := s.newTarget(t, "event")
	d := newDueTo(target.Webhook, s.moment())
	if got, err := store.Task(ctx, d.Message()); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Task of an unknown delivery = %+v, %v, want ErrNotFound", got, err)
	}
	task := webhook.Task{Delivery: s.mustKeep(t, d), Target: target}
	got, err := store.Task(ctx, task.Delivery.Message())
	if err != nil {
		t.Fatal(err)
	}
	clear(got.Webhook.SealedKey)
	clear(got.Webhook.RetiredKeys[0].Sealed)
	clear(got.Webhook.RetiredKeys)
	clear(got.Account.SealedKey)
	s.mustAttempt(t, task.Delivery.Message(), task)
	other := d
	other.EventID = newID()
	if got, err := store.Task(ctx, other.Message()); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("Task beside a delivery = %+v, %v, want ErrNotFound", got, err)
	}
}
