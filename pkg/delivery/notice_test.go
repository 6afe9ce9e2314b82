package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// noticing is a worker's setting that stores notices.
func noticing() func(*delivery.WorkerConfig) {
	n := 0
	return func(c *delivery.WorkerConfig) {
		c.NoticeID = func() (string, error) { n++; return fmt.Sprintf("n%04d", n), nil }
	}
}

// told lists the notices of the store, as "<type> <events>".
func (w *env) told(t *testing.T) []string {
	t.Helper()
	list, err := w.store.Notices(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, n := range list {
		said = append(said, fmt.Sprint(n.Type, " ", n.Events))
	}
	return said
}

// attemptAll delivers an event until its delivery ends.
func (w *env) attemptAll(t *testing.T, worker *delivery.Worker, s webhook.EventKey, id string, responses ...delivery.Response) {
	t.Helper()
	w.receiver.mu.Lock()
	w.receiver.responses, w.receiver.got = responses, nil
	w.receiver.mu.Unlock()
	published := event(s, id)
	published.Time = w.clock.Now()
	if got := w.publisher().Publish(t.Context(), []webhook.Event{published}); got[0].Status != delivery.Accepted {
		t.Fatalf("published: %+v", got)
	}
	for range 100 {
		for _, m := range w.queue.take() {
			if m.At.After(w.clock.Now()) {
				w.clock.Set(m.At)
			}
			if _, err := worker.Attempt(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		switch d, err := w.store.Delivery(t.Context(), s.Account, published.DeliveryID()); {
		case err != nil:
			t.Fatal(err)
		case !d.Open():
			return
		}
		w.clock.Advance(time.Hour)
		if _, err := w.sweeper().Sweep(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("the delivery of %s does not end", id)
}

// Each change is told once, however many deliveries show it; with notices off
// nothing is.
func TestNotices(t *testing.T) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			w, s := newEnv(t), eventKeys[2] // AbbeyCross
			w.register(t, webhook.EventKey{Account: s.Account, Event: "trip.started"}, "both", "trip.ended")
			trip := webhook.EventKey{Account: s.Account, Event: "trip.ended"}
			var settings []func(*delivery.WorkerConfig)
			if on {
				settings = append(settings, noticing())
			}
			worker := w.worker(settings...)
			w.attemptAll(t, worker, s, "1", delivery.Response{Status: 200})
			w.attemptAll(t, worker, s, "2", failing(500))
			w.attemptAll(t, worker, s, "3", failing(500))
			w.attemptAll(t, worker, s, "4", delivery.Response{Status: 200})
			w.attemptAll(t, worker, s, "5", delivery.Response{Status: 200})
			w.attemptAll(t, worker, trip, "6", failing(410))
			want := []string{
				"webhook.exhausted [shipment.created]", "webhook.recovered [shipment.created]",
				"webhook.disabled [trip.ended trip.started]",
			}
			if !on {
				want = nil
			}
			if got := w.told(t); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		})
	}
}

// A notice that cannot be stored is no failure of the attempt. The next delivery
// that ends so tells it, and the one after that writes nothing.
func TestExhaustedIsToldLater(t *testing.T) {
	w, s := newEnv(t), eventKeys[0]
	tries, down := 0, errors.New("the store is down")
	w.store.before = func(call string) error {
		if call == "Tell" {
			tries++
			return down
		}
		return nil
	}
	worker := w.worker(noticing())
	w.attemptAll(t, worker, s, "1", failing(500))
	if got := w.told(t); got != nil {
		t.Fatalf("told %q", got)
	}
	down = nil
	w.attemptAll(t, worker, s, "2", failing(500))
	w.attemptAll(t, worker, s, "3", failing(500))
	if tries != 2 {
		t.Errorf("%d tries to store it, want 2", tries)
	}
	if got, want := w.told(t), []string{"webhook.exhausted [order]"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
