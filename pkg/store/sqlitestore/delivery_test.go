package sqlitestore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// A page of deliveries is found in the primary key, and not sorted.
func TestDeliveriesPlan(t *testing.T) {
	s, _ := openLogged(t)
	rows, err := s.readers.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+listDeliveries, "d", "a", 0, 1, "e", "1", 100)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	const want = "SEARCH delivery USING PRIMARY KEY (dialect=? AND account=? AND time>? AND (time,event,event_id)<(?,?,?))"
	if err := rows.Err(); err != nil || len(plan) != 1 || plan[0] != want {
		t.Errorf("plan = %q, %v, want only %q", plan, err, want)
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
			var busy, frames, done int
			err := s.writer.write(ctx, func(tx *session) error {
				// Not within a transaction; the writer then starts its own anew.
				if _, err := run(tx.commit); err != nil {
					return err
				}
				err := tx.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
				if _, beginErr := run(tx.begin); err == nil {
					err = beginErr
				}
				return err
			})
			if err != nil || busy != 0 {
				t.Errorf("at delivery %d: checkpoint says busy = %d, %v", calls, busy, err)
			}
		}
		return true
	})
	if err != nil || calls != count {
		t.Errorf("Deliveries: %v after %d of %d", err, calls, count)
	}
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
