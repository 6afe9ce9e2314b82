package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustAdd creates webhooks of the events, one request each.
func mustAdd(t *testing.T, s *Store, events ...string) {
	t.Helper()
	for _, event := range events {
		if err := s.writer.write(t.Context(), adding(event)); err != nil {
			t.Fatal(err)
		}
	}
}

// record is what adding leaves of an event, in the given version.
func record(event string, version int64) webhook.Webhook {
	return webhook.Webhook{Account: testAccount, Event: event, ID: event, Version: version}
}

// start calls a method of the store, and returns when its request is queued.
func start(s *Store, call func() error) pendingWrite {
	before := s.writer.acceptedSoFar()
	p := make(pendingWrite, 1)
	go func() { p <- call() }()
	waitAccepted(s, before)
	return p
}

// Changes and deletions that are refused, even after they have begun to
// write, leave nothing behind and touch nobody else of their group.
func TestRefusedInGroup(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b")
	release := hold(t, s)
	commits := s.Commits()
	ctx := t.Context()
	first := queueWrite(ctx, s, adding("first"))
	refused := map[error]pendingWrite{
		webhook.ErrChanged: start(s, func() error {
			return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{record("a", 9)}, Now: []webhook.Webhook{record("c", 10)}})
		}),
		webhook.ErrTaken: start(s, func() error {
			return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{record("a", 1)}, Now: []webhook.Webhook{record("b", 2)}})
		}),
		webhook.ErrNotFound: start(s, func() error {
			return s.Delete(ctx, []webhook.Webhook{record("a", 1), record("b", 1), record("c", 1)})
		}),
	}
	last := queueWrite(ctx, s, adding("last"))
	release()
	for want, p := range refused {
		if err := <-p; !errors.Is(err, want) {
			t.Errorf("error = %v, want %v", err, want)
		}
	}
	if err := errors.Join(<-first, <-last); err != nil {
		t.Error(err)
	}
	mustHold(t, s, "a", "b", "first", "last")
	if n := s.Commits() - commits; n != 1 {
		t.Errorf("%d commits for one group", n)
	}
}

// A change or deletion that fails half-way, by an error of its own, leaves its
// records as they were and touches nobody else of its group.
func TestChangeFailsHalfWay(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b")
	ctx := t.Context()
	err := s.writer.write(ctx, func(tx *session) error {
		return script(tx.conn, `
			CREATE TRIGGER no_update BEFORE UPDATE ON webhook WHEN OLD.event = 'b' BEGIN SELECT RAISE(ABORT, 'no'); END;
			CREATE TRIGGER no_delete BEFORE DELETE ON webhook WHEN OLD.event = 'b' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	})
	if err != nil {
		t.Fatal(err)
	}
	was := []webhook.Webhook{record("a", 1), record("b", 1)}
	moved := []webhook.Webhook{record("c", 2), record("b", 2)}
	release := hold(t, s)
	first := queueWrite(ctx, s, adding("first"))
	fails := []pendingWrite{
		start(s, func() error { return s.Change(ctx, webhook.Change{Was: was, Now: moved}) }),
		start(s, func() error { return s.Delete(ctx, was) }),
	}
	last := queueWrite(ctx, s, adding("last"))
	release()
	for i, p := range fails {
		if err := <-p; err == nil || errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("write %d: error of the statement = %v", i, err)
		}
	}
	if err := errors.Join(<-first, <-last); err != nil {
		t.Error(err)
	}
	mustHold(t, s, "a", "b", "first", "last")
}

// A client that leaves while its change is in a group may do with its values
// what it likes: what is written is what it asked for.
func TestChangeOfLeavingClient(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b")
	release := hold(t, s)
	begun, finish := make(chan struct{}), make(chan struct{})
	slow := queueWrite(t.Context(), s, func(*session) error {
		close(begun)
		<-finish
		return nil
	})
	leaving, leave := context.WithCancel(t.Context())
	want := record("a", 2)
	want.SealedKey, want.RetiredKeys = []byte("key"), []webhook.RetiredKey{{Sealed: []byte("retired"), Until: time.UnixMilli(1).UTC()}}
	now := normalised(want)
	changed := webhook.Change{Was: []webhook.Webhook{record("a", 1)}, Now: []webhook.Webhook{now}}
	deleted := []webhook.Webhook{record("b", 1)}
	pending := []pendingWrite{
		start(s, func() error { return s.Change(leaving, changed) }),
		start(s, func() error { return s.Delete(leaving, deleted) }),
	}
	release()
	<-begun
	leave()
	for _, p := range pending {
		if err := <-p; !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled", err)
		}
	}
	clear(now.SealedKey)
	clear(now.RetiredKeys)
	changed.Was[0].Event, changed.Now[0].URL, deleted[0].Event = "elsewhere", "changed", "elsewhere"
	close(finish)
	if err := <-slow; err != nil {
		t.Error(err)
	}
	got, err := s.Webhooks(t.Context(), testAccount)
	if diff := cmp.Diff([]webhook.Webhook{want}, got); err != nil || diff != "" {
		t.Errorf("webhooks (-want +got): %v\n%s", err, diff)
	}
}

// A commit that may come back after a crash makes a change's outcome unknown,
// and never says that nothing was written.
func TestUncertainChange(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b")
	ctx := t.Context()
	release := hold(t, s)
	var pending []pendingWrite
	for _, call := range []func() error{
		func() error {
			return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{record("a", 1)}, Now: []webhook.Webhook{record("c", 2)}})
		},
		func() error { return s.Delete(ctx, []webhook.Webhook{record("b", 1)}) },
		func() error {
			_, err := s.AddDelivery(ctx, webhook.Delivery{Account: testAccount, EventID: "1", Time: time.UnixMilli(1)})
			return err
		},
		func() error {
			d := webhook.Delivery{Account: testAccount, EventID: "0", Time: time.UnixMilli(0)}
			_, err := s.RecordAttempt(ctx, webhook.AttemptResult{Was: d, Now: d})
			return err
		},
	} {
		pending = append(pending, start(s, call))
	}
	spoiled := queueWrite(ctx, s, spoilCommit)
	release()
	if err := <-spoiled; !errors.Is(err, errUncertain) {
		t.Errorf("error = %v, want errUncertain", err)
	}
	for i, p := range pending {
		if err := <-p; !errors.Is(err, webhook.ErrUnknownOutcome) || errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("write %d: error = %v, want ErrUnknownOutcome", i, err)
		}
	}
	mustHold(t, s, "a", "b")
}

// Retired keys are kept as JSON that says what is what.
func TestRetiredKeys(t *testing.T) {
	keys := []webhook.RetiredKey{
		{Sealed: []byte("sealed"), Until: time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)},
		{Sealed: []byte{0, 255}, Until: time.UnixMilli(-1).UTC()},
	}
	text, err := encodeRetired(keys)
	const want = `[{"sealed":"c2VhbGVk","until":1772600767089},{"sealed":"AP8=","until":-1}]`
	if err != nil || text != want {
		t.Fatalf("encodeRetired = %q, %v, want %q", text, err, want)
	}
	got, err := decodeRetired(text)
	if err != nil || !cmp.Equal(got, keys) {
		t.Errorf("decodeRetired = %+v, %v, want %+v", got, err, keys)
	}
}

// A record that cannot be read is an error of its own: it names the record,
// and does not touch others of the group.
func TestDamagedRecord(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b")
	ctx := t.Context()
	err := s.writer.write(ctx, func(tx *session) error {
		return script(tx.conn, "UPDATE webhook SET retired_keys = '[{' WHERE event = 'a'")
	})
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, s)
	damaged := start(s, func() error {
		return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{record("a", 1)}, Now: []webhook.Webhook{record("a", 2)}})
	})
	sound := start(s, func() error {
		return s.Change(ctx, webhook.Change{Was: []webhook.Webhook{record("b", 1)}, Now: []webhook.Webhook{record("b", 2)}})
	})
	release()
	if err := <-damaged; !errors.Is(err, errDamaged) || !strings.Contains(fmt.Sprint(err), "webhook a") {
		t.Errorf("error = %v, want errDamaged, with the record's id", err)
	}
	if err := <-sound; err != nil {
		t.Error(err)
	}
	if _, err := s.Webhook(ctx, testAccount, "a"); !errors.Is(err, errDamaged) {
		t.Errorf("Webhook: error = %v, want errDamaged", err)
	}
	if w, err := s.Webhook(ctx, testAccount, "b"); err != nil || w.Version != 2 {
		t.Errorf("Webhook of b = %+v, %v", w, err)
	}
	if err := s.Delete(ctx, []webhook.Webhook{record("a", 1)}); err != nil {
		t.Errorf("Delete of the damaged record: %v", err)
	}
}

// What is asked for often is found in an index, in its order: nothing is
// looked through and nothing sorted.
func TestPlans(t *testing.T) {
	s, _ := openLogged(t)
	const byID = "delivery USING INDEX sqlite_autoindex_delivery_1 (dialect=? AND account=? AND id"
	for query, want := range map[string][]string{
		listDeliveries: {"SEARCH " + byID + ">? AND id<?)"},
		selectAttemptInput: {
			"SEARCH subject USING INDEX sqlite_autoindex_delivery_1 (dialect=? AND account=? AND id=?)",
			"SEARCH w USING PRIMARY KEY (dialect=? AND account=? AND event=?) LEFT-JOIN",
			"SEARCH a USING PRIMARY KEY (dialect=? AND id=?) LEFT-JOIN",
			"CORRELATED SCALAR SUBQUERY 1",
			"SEARCH payload USING INTEGER PRIMARY KEY (rowid=?)",
		},
		updateAttempted:  {"SEARCH " + byID + "=?)"},
		updateRedirected: {"SEARCH " + byID + "=?)"},
		leaseDelivery:    {"SEARCH " + byID + "=?)"},
		listDue:          {"SEARCH delivery USING INDEX delivery_due (due>? AND due<?)"},
		listDueAt:        {"SEARCH delivery USING INDEX delivery_due (due=? AND rowid>?)"},
		listOldest:       {"SEARCH delivery USING INTEGER PRIMARY KEY (rowid>?)"},
		countOfAccount:   {"SEARCH webhook USING COVERING INDEX webhook_id (dialect=? AND account=?)"},
		listWebhooksByID: {"SEARCH webhook USING INDEX webhook_id (dialect=? AND account=? AND id=?)"},
		listAttempts: {
			"SEARCH attempt USING PRIMARY KEY (delivery=? AND number<?)",
			"SCALAR SUBQUERY 1",
			"SEARCH delivery USING COVERING INDEX sqlite_autoindex_delivery_1 (dialect=? AND account=? AND id=?)",
		},
	} {
		args := make([]any, strings.Count(query, "?"))
		got, err := list(t.Context(), s, "EXPLAIN QUERY PLAN "+query, func(r *row) (string, error) {
			_, _, _ = r.int(), r.int(), r.int() // of the step, its parent, and nothing
			return r.text(), nil
		}, args...)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("plan of %s = %q, %v, want %q", query, got, err, want)
		}
	}
}

// While deliveries are being given away nothing holds the log: it can be
// carried over into the database and started anew.
func TestDeliveriesHoldNoLog(t *testing.T) {
	const count = deliveryPage + 1
	s, _ := openLogged(t)
	ctx := t.Context()
	addDeliveries(t, s, 0, count)
	calls := 0
	err := s.Deliveries(ctx, testAccount, time.Time{}, func(webhook.Delivery) bool {
		calls++
		if calls == 2 || calls == count {
			addDeliveries(t, s, count+calls, 1) // something for the log
			var busy bool
			err := s.writer.write(ctx, func(tx *session) (err error) {
				busy, err = checkpoint(tx)
				return err
			})
			if err != nil || busy {
				t.Errorf("at delivery %d: checkpoint says busy = %t, %v", calls, busy, err)
			}
		}
		return true
	})
	if err != nil || calls != count {
		t.Errorf("Deliveries: %v after %d of %d", err, calls, count)
	}
}

// checkpoint carries the log over into the database, and says whether something
// kept it from starting anew.
func checkpoint(tx *session) (busy bool, err error) {
	// Not within a transaction; the writer then starts its own anew.
	if err := tx.commit(); err != nil {
		return false, err
	}
	busy, err = one(tx.conn, "PRAGMA wal_checkpoint(TRUNCATE)", func(r *row) (bool, error) { return r.bool(), nil })
	return busy, errors.Join(err, tx.begin())
}

// addDeliveries adds n deliveries that happened from first milliseconds after
// 1970 on.
func addDeliveries(t *testing.T, s *Store, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		d := webhook.Delivery{Account: testAccount, Event: "e", EventID: fmt.Sprint(i), Time: time.UnixMilli(int64(i)),
			URL: strings.Repeat("u", 100)}
		if _, err := s.AddDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}
