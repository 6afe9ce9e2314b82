package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustResolve fails the test unless Recipients gives want for the keys.
func (s *suite) mustResolve(t *testing.T, eventKeys []webhook.EventKey, want ...webhook.Recipient) {
	t.Helper()
	got, err := s.Store.Recipients(s.context(t), eventKeys)
	if err != nil {
		t.Fatalf("Recipients of %d event keys: %v", len(eventKeys), err)
	}
	same(t, "targets", got, want)
}

// newRecipient creates an account with a key and a webhook in it, and gives them
// as they are read.
func (s *suite) newRecipient(t *testing.T, event string) webhook.Recipient {
	t.Helper()
	account := webhook.AccountInfo{Account: newAccount(), CreatedAt: at, SealedKey: []byte(newID())}
	if err := s.CreateAccount(s.context(t), account); err != nil {
		t.Fatal(err)
	}
	w := newWebhook(account.Account, event)
	w.URL, w.SealedKey, w.RetiredKeys = longURL(), allBytes(), retired(4)
	w.SendPayload, w.Statistics.FailedAttempts = true, 3
	s.mustCreate(t, creation(w))
	return webhook.Recipient{Webhook: w, Account: account}
}

// eventKey is what a target is found by.
func eventKey(x webhook.Recipient) webhook.EventKey {
	return webhook.EventKey{Account: x.Account.Account, Event: x.Webhook.Event}
}

// Webhooks and accounts come in the order of the keys, as often as they
// are asked for, and zero where there is none.
func testRecipients(t *testing.T, s *suite) {
	first, second := s.newRecipient(t, "event"), s.newRecipient(t, "ž 😀#'\"")
	bare := webhook.Recipient{Account: webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}}
	homeless := webhook.Recipient{Webhook: newWebhook(newAccount(), "event")}
	s.mustCreate(t, creation(homeless.Webhook))
	unregistered := webhook.Recipient{Account: first.Account}

	s.mustResolve(t, []webhook.EventKey{eventKey(first)}, first)
	for _, event := range []string{"even", "events", "EVENT", "event ", second.Webhook.Event} {
		s.mustResolve(t, []webhook.EventKey{{Account: first.Account.Account, Event: event}}, unregistered)
	}
	unknown := webhook.EventKey{Account: newAccount(), Event: "event"}
	s.mustResolve(t, []webhook.EventKey{unknown}, webhook.Recipient{})
	s.mustResolve(t, []webhook.EventKey{unknown, unknown}, webhook.Recipient{}, webhook.Recipient{})
	bareEventKey := webhook.EventKey{Account: bare.Account.Account, Event: "event"}
	homelessEventKey := webhook.EventKey{Account: homeless.Webhook.Account, Event: "event"}
	missing := webhook.EventKey{Account: first.Account.Account, Event: second.Webhook.Event}
	s.mustResolve(t,
		[]webhook.EventKey{eventKey(second), unknown, eventKey(first), bareEventKey, eventKey(second), missing, homelessEventKey, eventKey(first), unknown},
		second, webhook.Recipient{}, first, bare, second, unregistered, homeless, first, webhook.Recipient{})

	eventKeys := []webhook.EventKey{eventKey(first), eventKey(first)}
	got, err := s.Store.Recipients(s.context(t), eventKeys)
	if err != nil {
		t.Fatal(err)
	}
	clear(got[0].Webhook.SealedKey)
	clear(got[0].Webhook.RetiredKeys[0].Sealed)
	clear(got[0].Webhook.RetiredKeys)
	clear(got[0].Account.SealedKey)
	same(t, "the same target", got[1:], []webhook.Recipient{first})
	s.mustResolve(t, eventKeys, first, first)
}

// What was changed or deleted is seen so at once.
func testRecipientsNow(t *testing.T, s *suite) {
	ctx := s.context(t)
	recipient := s.newRecipient(t, "event")
	eventKeys := []webhook.EventKey{eventKey(recipient)}
	now := next(recipient.Webhook, func(w *webhook.Webhook) {
		w.URL, w.Disabled, w.DisabledReason = "https://elsewhere.example/", true, "answered 410"
	})
	s.mustChange(t, changing(recipient.Webhook, now))
	recipient.Webhook = now
	s.mustResolve(t, eventKeys, recipient)
	if err := s.SetAccountKey(ctx, recipient.Account.Account, []byte("another")); err != nil {
		t.Fatal(err)
	}
	recipient.Account.SealedKey = []byte("another")
	s.mustResolve(t, eventKeys, recipient)
	s.mustClose(t, recipient.Account.Account)
	recipient.Account.Closing = true
	s.mustResolve(t, eventKeys, recipient)
	if err := s.Delete(ctx, []webhook.Webhook{recipient.Webhook}); err != nil {
		t.Fatal(err)
	}
	recipient.Webhook = webhook.Webhook{}
	s.mustResolve(t, eventKeys, recipient)
	if err := s.DeleteAccount(ctx, recipient.Account.Account); err != nil {
		t.Fatal(err)
	}
	s.mustResolve(t, eventKeys, webhook.Recipient{})
}

// 100 event keys come at once, of one account, of ten, and of as many accounts
// as event keys.
func testRecipientsMany(t *testing.T, s *suite) {
	const most = 100
	for _, each := range []int{most, most / 10, 1} {
		t.Run(fmt.Sprint(most/each), func(t *testing.T) {
			var eventKeys []webhook.EventKey
			var want []webhook.Recipient
			for range most / each {
				account := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}
				var made []webhook.Webhook
				for i, event := range numbered("event", each) {
					recipient := webhook.Recipient{Account: account}
					if i%7 != 3 { // some events have none
						recipient.Webhook = newWebhook(account.Account, event)
						recipient.Webhook.URL = longURL()
						made = append(made, recipient.Webhook)
					}
					eventKeys = append(eventKeys, webhook.EventKey{Account: account.Account, Event: event})
					want = append(want, recipient)
				}
				for group := range slices.Chunk(made, batchSize) {
					s.mustCreate(t, creation(group...))
				}
			}
			s.mustResolve(t, eventKeys, want...)
			slices.Reverse(eventKeys)
			slices.Reverse(want)
			s.mustResolve(t, eventKeys, want...)
			for i := range eventKeys {
				eventKeys[i], want[i] = eventKeys[i%3], want[i%3]
			}
			s.mustResolve(t, eventKeys, want...)
		})
	}
}

// mustAttempt fails the test unless the input of the message is want.
func (s *suite) mustAttempt(t *testing.T, m webhook.Message, want webhook.AttemptInput) {
	t.Helper()
	got, err := s.Store.AttemptInput(s.context(t), m)
	if err != nil {
		t.Fatalf("AttemptInput(%+v): %v", m, err)
	}
	sameDelivery(t, "delivery of the attempt", got.Delivery, want.Delivery)
	same(t, "recipient of the attempt", []webhook.Recipient{got.Recipient}, []webhook.Recipient{want.Recipient})
}

// The input is the delivery, the webhook of its event and the account, all as
// they stand now, whatever attempt the message is for.
func testInput(t *testing.T, s *suite) {
	ctx := s.context(t)
	for _, size := range []int{100, 2000} {
		recipient := s.newRecipient(t, "event "+newID())
		d := newDueTo(recipient.Webhook, s.moment())
		d.Payload = payload(size)
		input := webhook.AttemptInput{Delivery: s.mustKeep(t, d), Recipient: recipient}
		message := input.Delivery.Message()
		existing := func() { t.Helper(); s.mustAttempt(t, message, input) }
		existing()

		for _, edit := range []func(*webhook.Webhook){
			withURL("https://elsewhere.example/"),
			func(w *webhook.Webhook) { w.SealedKey, w.RetiredKeys = []byte("new"), retired(1) },
			func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = true, "answered 410" },
			func(w *webhook.Webhook) { w.Disabled, w.DisabledReason = false, "" },
		} {
			now := next(input.Webhook, edit)
			s.mustChange(t, changing(input.Webhook, now))
			input.Webhook = now
			existing()
		}
		now := failed(input.Delivery, s.moment())
		s.mustRecord(t, webhook.AttemptResult{Was: input.Delivery, Now: now})
		input.Delivery = now
		existing()
		message = now.Message()
		existing()

		if err := s.Delete(ctx, []webhook.Webhook{input.Webhook}); err != nil {
			t.Fatal(err)
		}
		input.Webhook = webhook.Webhook{}
		existing()
		input.Webhook = newWebhook(d.Account, d.Event)
		s.mustCreate(t, creation(input.Webhook, newWebhook(d.Account, "other")))
		existing()
		s.mustClose(t, d.Account)
		input.Account.Closing = true
		existing()
		if err := s.DeleteAccount(ctx, d.Account); err != nil {
			t.Fatal(err)
		}
		input.Account = webhook.AccountInfo{}
		existing()
		if err := s.Delete(ctx, []webhook.Webhook{input.Webhook}); err != nil {
			t.Fatal(err)
		}
		input.Webhook = webhook.Webhook{}
		existing()
	}
}

// There is no input without a delivery, though webhook and account are there;
// and what an input gave does not change what is stored.
func testInputUnknown(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	recipient := s.newRecipient(t, "event")
	d := newDueTo(recipient.Webhook, s.moment())
	if got, err := store.AttemptInput(ctx, d.Message()); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("AttemptInput of an unknown delivery = %+v, %v, want ErrNotFound", got, err)
	}
	input := webhook.AttemptInput{Delivery: s.mustKeep(t, d), Recipient: recipient}
	got, err := store.AttemptInput(ctx, input.Delivery.Message())
	if err != nil {
		t.Fatal(err)
	}
	clear(got.Webhook.SealedKey)
	clear(got.Webhook.RetiredKeys[0].Sealed)
	clear(got.Webhook.RetiredKeys)
	clear(got.Account.SealedKey)
	s.mustAttempt(t, input.Delivery.Message(), input)
	other := d
	other.EventID = newID()
	if got, err := store.AttemptInput(ctx, other.Message()); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("AttemptInput beside a delivery = %+v, %v, want ErrNotFound", got, err)
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

// mustRecord records a result, and fails the test if that fails.
func (s *suite) mustRecord(t *testing.T, result webhook.AttemptResult) {
	t.Helper()
	if _, err := s.Store.RecordAttempt(s.context(t), result); err != nil {
		t.Fatalf("RecordAttempt(%+v): %v", result.Now, err)
	}
}

// What became of a delivery is written, attempt after attempt, set and unset
// again; times to the millisecond.
func testRecord(t *testing.T, s *suite) {
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
			s.mustRecord(t, webhook.AttemptResult{Was: was, Now: next})
			next.AttemptedAt, next.Next, next.Due = toMilli(next.AttemptedAt), toMilli(next.Next), toMilli(next.Due)
			s.mustStand(t, next)
			was = next
		}
	}
}

// toMilli gives a time as it is kept.
func toMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// A result writes what an attempt changes and nothing else, whatever it
// says; the deliveries beside are left alone.
func testRecordLeaves(t *testing.T, s *suite) {
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
		s.mustRecord(t, webhook.AttemptResult{Was: was, Now: now})
		s.mustStand(t, want)
		s.mustStand(t, bystander)
		s.mustDeliver(t, now.Account, time.Time{})

		// As a list gives it: without its payload.
		was = want
		was.Payload = nil
		s.mustRecord(t, webhook.AttemptResult{Was: was, Now: sent(was)})
		s.mustStand(t, sent(want))

		// Asked for anew, the delivery goes to another webhook.
		was, now = sent(want), sent(want).Retried(s.moment())
		now.Event, now.WebhookID, now.URL = "other", newID(), "https://other.example/"
		got, err := s.Store.RecordAttempt(s.context(t), webhook.AttemptResult{Was: was, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		want = was.Retried(now.Next).For(webhook.Webhook{ID: now.WebhookID, URL: now.URL})
		s.mustStand(t, want)
		want.Payload, got.Payload = nil, nil
		mustBeRecord(t, "redirected delivery", got, want)

		// Nobody who read it before asks for another, or ends it, though no
		// attempt was made since.
		again := now.For(webhook.Webhook{ID: newID(), URL: now.URL})
		again.Next = now.Next.Add(time.Second)
		for _, late := range []webhook.Delivery{again, was.Cancelled("cancelled: too late"), was.GivenUp("given up")} {
			got, err = s.Store.RecordAttempt(s.context(t), webhook.AttemptResult{Was: was, Now: late})
			if !errors.Is(err, webhook.ErrChanged) {
				t.Fatalf("%v after it was redirected: %v, want ErrChanged", late.Status, err)
			}
			got.Payload = nil
			mustBeRecord(t, "delivery that was redirected before", got, want)
		}
	}
}

// A delivery whose attempts have moved is left as it is, and given to who
// wanted to record it; its webhook's statistics are left too.
func testRecordChanged(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	w := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(w))
	first := s.mustKeep(t, newDueTo(w, s.moment()))
	existing := failed(first, s.moment())
	s.mustRecord(t, webhook.AttemptResult{Was: first, Now: existing})
	ahead := existing
	ahead.Attempts++
	for _, result := range []webhook.AttemptResult{
		{Was: first, Now: sent(first), Stats: webhook.StatsSent},
		{Was: first, Now: existing, Stats: webhook.StatsFailed},
		{Was: first, Now: first.Cancelled("cancelled")},
		{Was: ahead, Now: sent(ahead), Stats: webhook.StatsFailed},
		{Was: ahead, Now: existing},
	} {
		got, err := store.RecordAttempt(ctx, result)
		if !errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound) {
			t.Fatalf("RecordAttempt of attempt %d after %d: error = %v, want ErrChanged", result.Was.Attempts+1, existing.Attempts, err)
		}
		got.Payload = nil // whether it comes along is not said
		mustBeRecord(t, "delivery that stands", got, existing)
		s.mustStand(t, existing)
		s.mustRead(t, w)
	}
	s.mustRecord(t, webhook.AttemptResult{Was: existing, Now: sent(existing)})
	s.mustStand(t, sent(existing))
}

// What is not there is not recorded, and does not come to be there.
func testRecordUnknown(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	w := newWebhook(newAccount(), "event")
	s.mustCreate(t, creation(w))
	d := newDueTo(w, s.moment())
	stored := s.mustKeep(t, d)
	otherID, otherTime, otherEvent, otherAccount := d, d, d, d
	otherID.EventID = newID()
	otherTime.Time = d.Time.Add(time.Millisecond)
	otherEvent.Event = "events"
	otherAccount.Account = newAccount()
	for _, x := range []webhook.Delivery{otherID, otherTime, otherEvent, otherAccount} {
		_, err := store.RecordAttempt(ctx, webhook.AttemptResult{Was: x, Now: failed(x, d.Due), Stats: webhook.StatsFailed})
		if !errors.Is(err, webhook.ErrNotFound) || errors.Is(err, webhook.ErrChanged) {
			t.Fatalf("RecordAttempt of an unknown delivery: error = %v, want ErrNotFound", err)
		}
		s.mustNotBe(ctx, t, x.Account, x.ID())
	}
	s.mustDeliver(t, otherAccount.Account, time.Time{})
	if got := s.due(t, d.Due.Add(-time.Hour), d.Due, d.Account, otherAccount.Account); len(got) != 1 {
		t.Errorf("%d deliveries are due, want 1", len(got))
	}
	s.mustStand(t, stored)
	s.mustRead(t, w)
}

// Of concurrent results of one attempt exactly one is written and counted
// once; the others are given what it wrote.
func testRecordRace(t *testing.T, s *suite) {
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
			got[i], errs[i] = store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now[i], Stats: webhook.StatsFailed})
		})
		winner := oneWinner(t, errs)
		for i, err := range errs {
			if i == winner {
				continue
			}
			if !errors.Is(err, webhook.ErrChanged) {
				t.Fatalf("round %d: RecordAttempt: error = %v, want ErrChanged", round, err)
			}
			got[i].Payload = nil
			mustBeRecord(t, "delivery that stands", got[i], now[winner])
		}
		s.mustStand(t, now[winner])
		w.Statistics = webhook.Statistics{FailedAttempts: 1, LastFailedAt: now[winner].AttemptedAt, Since: now[winner].AttemptedAt, LastStatus: 503}
		s.mustRead(t, w)
	}
}

// Attempts that each go on from what they were told stands are all counted.
func testRecordSequence(t *testing.T, s *suite) {
	const writers = 6
	ctx, store := s.context(t), s.Store
	for range min(s.rounds, 50) {
		was := s.mustKeep(t, newDue(newAccount(), s.moment()))
		reached, errs := make([]int64, writers), make([]error, writers)
		race(writers, func(i int) {
			read, tries := was, 0
			for {
				now := failed(read, was.Due)
				existing, err := store.RecordAttempt(ctx, webhook.AttemptResult{Was: read, Now: now})
				if tries++; !errors.Is(err, webhook.ErrChanged) || tries > writers {
					reached[i], errs[i] = now.Attempts, err
					return
				}
				read = existing
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
