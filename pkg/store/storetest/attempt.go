package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustAim fails the test unless Targets gives want for the subjects.
func (s *suite) mustAim(t *testing.T, subjects []webhook.Subject, want ...webhook.Target) {
	t.Helper()
	got, err := s.Store.Targets(s.context(t), subjects)
	if err != nil {
		t.Fatalf("Targets of %d subjects: %v", len(subjects), err)
	}
	same(t, "targets", got, want)
}

// newTarget creates an account with a key and a webhook in it, and gives them
// as they are read.
func (s *suite) newTarget(t *testing.T, event string) webhook.Target {
	t.Helper()
	account := webhook.AccountInfo{Account: newAccount(), CreatedAt: at, SealedKey: []byte(newID())}
	if err := s.CreateAccount(s.context(t), account); err != nil {
		t.Fatal(err)
	}
	w := newWebhook(account.Account, event)
	w.URL, w.SealedKey, w.RetiredKeys = longURL(), allBytes(), retired(4)
	w.SendPayload, w.Statistics.FailedAttempts = true, 3
	s.mustCreate(t, creation(w))
	return webhook.Target{Webhook: w, Account: account}
}

// subject is what a target is found by.
func subject(x webhook.Target) webhook.Subject {
	return webhook.Subject{Account: x.Account.Account, Event: x.Webhook.Event}
}

// Webhooks and accounts come in the order of the subjects, as often as they
// are asked for, and zero where there is none.
func testTargets(t *testing.T, s *suite) {
	first, second := s.newTarget(t, "event"), s.newTarget(t, "ž 😀#'\"")
	bare := webhook.Target{Account: webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}}
	homeless := webhook.Target{Webhook: newWebhook(newAccount(), "event")}
	s.mustCreate(t, creation(homeless.Webhook))
	unregistered := webhook.Target{Account: first.Account}

	s.mustAim(t, []webhook.Subject{subject(first)}, first)
	for _, event := range []string{"even", "events", "EVENT", "event ", second.Webhook.Event} {
		s.mustAim(t, []webhook.Subject{{Account: first.Account.Account, Event: event}}, unregistered)
	}
	unknown := webhook.Subject{Account: newAccount(), Event: "event"}
	s.mustAim(t, []webhook.Subject{unknown}, webhook.Target{})
	s.mustAim(t, []webhook.Subject{unknown, unknown}, webhook.Target{}, webhook.Target{})
	bareSubject := webhook.Subject{Account: bare.Account.Account, Event: "event"}
	homelessSubject := webhook.Subject{Account: homeless.Webhook.Account, Event: "event"}
	missing := webhook.Subject{Account: first.Account.Account, Event: second.Webhook.Event}
	s.mustAim(t,
		[]webhook.Subject{subject(second), unknown, subject(first), bareSubject, subject(second), missing, homelessSubject, subject(first), unknown},
		second, webhook.Target{}, first, bare, second, unregistered, homeless, first, webhook.Target{})

	subjects := []webhook.Subject{subject(first), subject(first)}
	got, err := s.Store.Targets(s.context(t), subjects)
	if err != nil {
		t.Fatal(err)
	}
	clear(got[0].Webhook.SealedKey)
	clear(got[0].Webhook.RetiredKeys[0].Sealed)
	clear(got[0].Webhook.RetiredKeys)
	clear(got[0].Account.SealedKey)
	same(t, "the same target", got[1:], []webhook.Target{first})
	s.mustAim(t, subjects, first, first)
}

// What was changed or deleted is seen so at once.
func testTargetsNow(t *testing.T, s *suite) {
	ctx := s.context(t)
	target := s.newTarget(t, "event")
	subjects := []webhook.Subject{subject(target)}
	now := next(target.Webhook, func(w *webhook.Webhook) {
		w.URL, w.Disabled, w.DisabledReason = "https://elsewhere.example/", true, "answered 410"
	})
	s.mustChange(t, changing(target.Webhook, now))
	target.Webhook = now
	s.mustAim(t, subjects, target)
	if err := s.SetAccountKey(ctx, target.Account.Account, []byte("another")); err != nil {
		t.Fatal(err)
	}
	target.Account.SealedKey = []byte("another")
	s.mustAim(t, subjects, target)
	s.mustClose(t, target.Account.Account)
	target.Account.Closing = true
	s.mustAim(t, subjects, target)
	if err := s.Delete(ctx, []webhook.Webhook{target.Webhook}); err != nil {
		t.Fatal(err)
	}
	target.Webhook = webhook.Webhook{}
	s.mustAim(t, subjects, target)
	if err := s.DeleteAccount(ctx, target.Account.Account); err != nil {
		t.Fatal(err)
	}
	s.mustAim(t, subjects, webhook.Target{})
}

// 100 subjects come at once, of one account, of ten, and of as many accounts
// as subjects.
func testTargetsMany(t *testing.T, s *suite) {
	const most = 100
	for _, each := range []int{most, most / 10, 1} {
		t.Run(fmt.Sprint(most/each), func(t *testing.T) {
			var subjects []webhook.Subject
			var want []webhook.Target
			for range most / each {
				account := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}
				var made []webhook.Webhook
				for i, event := range numbered("event", each) {
					target := webhook.Target{Account: account}
					if i%7 != 3 { // some events have none
						target.Webhook = newWebhook(account.Account, event)
						target.Webhook.URL = longURL()
						made = append(made, target.Webhook)
					}
					subjects = append(subjects, webhook.Subject{Account: account.Account, Event: event})
					want = append(want, target)
				}
				for group := range slices.Chunk(made, batchSize) {
					s.mustCreate(t, creation(group...))
				}
			}
			s.mustAim(t, subjects, want...)
			slices.Reverse(subjects)
			slices.Reverse(want)
			s.mustAim(t, subjects, want...)
			for i := range subjects {
				subjects[i], want[i] = subjects[i%3], want[i%3]
			}
			s.mustAim(t, subjects, want...)
		})
	}
}

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

// failed gives d as it is after one more attempt that failed, with another to
// come, for which the sweeper looks at due.
func failed(d webhook.Delivery, due time.Time) webhook.Delivery {
	d.Attempts++
	d.AttemptedAt = d.AcceptedAt.Add(time.Duration(d.Attempts) * time.Minute)
	d.Status, d.StatusCode, d.Reason = webhook.StatusRetrying, 503, "answered 503"
	d.Next, d.Due, d.Sends = due.Add(-2*time.Minute), due, 0
	return d
}

// sent gives d as it is after one more attempt that succeeded.
func sent(d webhook.Delivery) webhook.Delivery {
	d = failed(d, time.Time{})
	d.Status, d.StatusCode, d.Reason = webhook.StatusDelivered, 204, ""
	d.Next, d.Due = time.Time{}, time.Time{}
	return d
}

// mustSettle settles, and fails the test if that fails.
func (s *suite) mustSettle(t *testing.T, settlement webhook.Settlement) {
	t.Helper()
	if _, err := s.Store.Settle(s.context(t), settlement); err != nil {
		t.Fatalf("Settle(%+v): %v", settlement.Now, err)
	}
}

// What became of a delivery is written, attempt after attempt, set and unset
// again; times to the millisecond.
func testSettle(t *testing.T, s *suite) {
	for _, size := range []int{100, 2000} {
		d := newDue(newAccount(), s.moment())
		d.Payload = payload(size)
		was := s.mustKeep(t, d)
		prague := time.FixedZone("CEST", 2*60*60)
		for _, now := range []func(webhook.Delivery) webhook.Delivery{
			func(d webhook.Delivery) webhook.Delivery { return failed(d, s.moment()) },
			func(d webhook.Delivery) webhook.Delivery {
				d = failed(d, s.moment().Add(987_654*time.Nanosecond).In(prague))
				d.AttemptedAt = time.Date(2026, 7, 8, 9, 10, 11, 987_654_321, prague)
				d.StatusCode, d.Reason, d.Sends = 0, "no answer: ž😀#'\"", 1<<40
				return d
			},
			sent,
			func(d webhook.Delivery) webhook.Delivery { return failed(d, s.moment()) },
			func(d webhook.Delivery) webhook.Delivery { return d.Cancelled("cancelled: the webhook was deleted") },
			func(d webhook.Delivery) webhook.Delivery { d.Attempts += 5; return d },
			func(d webhook.Delivery) webhook.Delivery {
				d.Status, d.Attempts, d.AttemptedAt, d.StatusCode, d.Reason = webhook.StatusPending, 0, time.Time{}, 0, ""
				return d
			},
		} {
			next := now(was)
			s.mustSettle(t, webhook.Settlement{Was: was, Now: next})
			next.AttemptedAt, next.Next, next.Due = toMilli(next.AttemptedAt), toMilli(next.Next), toMilli(next.Due)
			s.mustStand(t, next)
			was = next
		}
	}
}

// toMilli gives a time as it is kept.
func toMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// A settlement writes what an attempt changes and nothing else, whatever it
// says; the deliveries beside are left alone.
func testSettleLeaves(t *testing.T, s *suite) {
	account := newAccount()
	for _, size := range []int{100, 2000} {
		d, beside := newDue(account, s.moment()), newDue(account, s.moment())
		d.Payload = payload(size)
		was, bystander := s.mustKeep(t, d), s.mustKeep(t, beside)
		want := failed(was, s.moment())
		now := want
		now.Account, now.Event, now.EventID, now.Time = newAccount(), "other", newID(), d.Time.Add(time.Hour)
		now.Number, now.Instance, now.Payload, now.Content = 7, "other", []byte("7"), "other"
		now.PayloadRef, now.WebhookID, now.URL, now.AcceptedAt = "other", newID(), "https://other.example/", at.Add(time.Minute)
		s.mustSettle(t, webhook.Settlement{Was: was, Now: now})
		s.mustStand(t, want)
		s.mustStand(t, bystander)
		s.mustDeliver(t, now.Account, time.Time{})

		// As a list gives it: without its payload.
		was = want
		was.Payload = nil
		s.mustSettle(t, webhook.Settlement{Was: was, Now: sent(was)})
		s.mustStand(t, sent(want))
	}
}

// A delivery whose attempts have moved is left as it is, and given to who
// wanted to settle it; its webhook's statistics are left too.
func testSettleChanged(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	w := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(w))
	first := s.mustKeep(t, newDueTo(w, s.moment()))
	stands := failed(first, s.moment())
	s.mustSettle(t, webhook.Settlement{Was: first, Now: stands})
	ahead := stands
	ahead.Attempts++
	for _, settlement := range []webhook.Settlement{
		{Was: first, Now: sent(first), Mark: webhook.MarkSent},
		{Was: first, Now: stands, Mark: webhook.MarkFailed},
		{Was: first, Now: first.Cancelled("cancelled")},
		{Was: ahead, Now: sent(ahead), Mark: webhook.MarkFailed},
		{Was: ahead, Now: stands},
	} {
		got, err := store.Settle(ctx, settlement)
		if !errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("Settle of attempt %d after %d: error = %v, want ErrChanged", settlement.Was.Attempts+1, stands.Attempts, err)
		}
		got.Payload = nil // whether it comes along is not said
		mustBeRecord(t, "delivery that stands", got, stands)
		s.mustStand(t, stands)
		s.mustRead(t, w)
	}
	s.mustSettle(t, webhook.Settlement{Was: stands, Now: sent(stands)})
	s.mustStand(t, sent(stands))
}

// What is not there is not settled, and does not come to be there.
func testSettleUnknown(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	w := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(w))
	d := newDueTo(w, s.moment())
	kept := s.mustKeep(t, d)
	otherID, otherTime, otherEvent, otherAccount := d, d, d, d
	otherID.EventID = newID()
	otherTime.Time = d.Time.Add(time.Millisecond)
	otherEvent.Event = "events"
	otherAccount.Account = newAccount()
	for _, x := range []webhook.Delivery{otherID, otherTime, otherEvent, otherAccount} {
		_, err := store.Settle(ctx, webhook.Settlement{Was: x, Now: failed(x, d.Due), Mark: webhook.MarkFailed})
		if !errors.Is(err, webhook.ErrNotFound) || errors.Is(err, webhook.ErrChanged) {
			t.Fatalf("Settle of an unknown delivery: error = %v, want ErrNotFound", err)
		}
		s.mustNotBe(ctx, t, x.Account, x.ID())
	}
	s.mustDeliver(t, otherAccount.Account, time.Time{})
	if got := s.due(t, d.Due.Add(-time.Hour), d.Due, d.Account, otherAccount.Account); len(got) != 1 {
		t.Errorf("%d deliveries are due, want 1", len(got))
	}
	s.mustStand(t, kept)
	s.mustRead(t, w)
}

// Of concurrent settlements of one attempt exactly one is written and marked
// once; the others are given what it wrote.
func testSettleRace(t *testing.T, s *suite) {
	const rivals = 8
	ctx, store := s.context(t), s.Store
	for round := range s.rounds {
		w := newWebhook(newAccount(), "event")
		s.mustCreate(t, creation(w))
		was := s.mustKeep(t, newDueTo(w, s.moment()))
		now := make([]webhook.Delivery, rivals)
		for i := range now {
			now[i] = failed(was, was.Due.Add(time.Duration(i+1)*time.Minute))
			now[i].AttemptedAt = at.Add(time.Duration(i+1) * time.Second)
			now[i].Reason = fmt.Sprint("rival ", i)
		}
		got, errs := make([]webhook.Delivery, rivals), make([]error, rivals)
		race(rivals, func(i int) {
			got[i], errs[i] = store.Settle(ctx, webhook.Settlement{Was: was, Now: now[i], Mark: webhook.MarkFailed})
		})
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i == winner {
				continue
			}
			if !errors.Is(err, webhook.ErrChanged) {
				t.Fatalf("round %d: Settle: error = %v, want ErrChanged", round, err)
			}
			got[i].Payload = nil
			mustBeRecord(t, "delivery that stands", got[i], now[winner])
		}
		s.mustStand(t, now[winner])
		w.Statistics = webhook.Statistics{FailedAttempts: 1, LastFailedAt: now[winner].AttemptedAt}
		s.mustRead(t, w)
	}
}

// Attempts that each go on from what they were told stands are all counted.
func testSettleSequence(t *testing.T, s *suite) {
	const writers = 6
	ctx, store := s.context(t), s.Store
	for range min(s.rounds, 50) {
		was := s.mustKeep(t, newDue(newAccount(), s.moment()))
		reached, errs := make([]int64, writers), make([]error, writers)
		race(writers, func(i int) {
			read, tries := was, 0
			for {
				now := failed(read, was.Due)
				standing, err := store.Settle(ctx, webhook.Settlement{Was: read, Now: now})
				if tries++; !errors.Is(err, webhook.ErrChanged) || tries > writers {
					reached[i], errs[i] = now.Attempts, err
					return
				}
				read = standing
			}
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		slices.Sort(reached)
		same(t, "attempts written", reached, []int64{1, 2, 3, 4, 5, 6})
		d, err := store.Delivery(ctx, was.Account, was.ID())
		if err != nil || d.Attempts != writers {
			t.Fatalf("Delivery = %d attempts, %v, want %d", d.Attempts, err, writers)
		}
	}
}
