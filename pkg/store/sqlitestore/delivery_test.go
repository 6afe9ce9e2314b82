package sqlitestore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// What is asked for often is found in an index, in its order: nothing is
// looked through and nothing sorted.
func TestPlans(t *testing.T) {
	s, _ := openLogged(t)
	const byID = "delivery USING INDEX sqlite_autoindex_delivery_1 (dialect=? AND account=? AND id"
	for query, want := range map[string][]string{
		listDeliveries: {"SEARCH " + byID + ">? AND id<?)"},
		findTask: {
			"SEARCH subject USING INDEX sqlite_autoindex_delivery_1 (dialect=? AND account=? AND id=?)",
			"SEARCH w USING PRIMARY KEY (dialect=? AND account=? AND event=?) LEFT-JOIN",
			"SEARCH a USING PRIMARY KEY (dialect=? AND id=?) LEFT-JOIN",
			"CORRELATED SCALAR SUBQUERY 1",
			"SEARCH payload USING INTEGER PRIMARY KEY (rowid=?)",
		},
		settleDelivery: {"SEARCH " + byID + "=?)"},
		leaseDelivery:  {"SEARCH " + byID + "=?)"},
		listDue:        {"SEARCH delivery USING INDEX delivery_due (due>? AND due<?)"},
		listDueAt:      {"SEARCH delivery USING INDEX delivery_due (due=? AND rowid>?)"},
		listOldest:     {"SEARCH delivery USING INTEGER PRIMARY KEY (rowid>?)"},
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
