package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/webhook"
)

// setting reads a number that makes a test longer than it is by default.
func setting(t testing.TB, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: give a number from 1", name, text)
	}
	return n
}

// inbox is a receiver that remembers under which webhook-ids each event came.
// It refuses one event in fifty the first time.
type inbox struct {
	*httptest.Server

	mu       sync.Mutex
	ids      map[string]map[string]int // by the event's payload; how often
	requests int
	agent    string        // the latest sender's
	changed  chan struct{} // holds one signal
}

const refusedOf = 50

func newInbox(t testing.TB) *inbox {
	in := &inbox{ids: map[string]map[string]int{}, changed: make(chan struct{}, 1)}
	in.Server = httptest.NewServer(http.HandlerFunc(in.receive))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) receive(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Data string `json:"data"`
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(text, &body) != nil {
		w.WriteHeader(http.StatusBadRequest) // cut off
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.requests++
	in.agent = r.UserAgent()
	first := in.ids[body.Data] == nil
	if n, err := strconv.Atoi(body.Data); first && err == nil && n%refusedOf == 0 {
		in.ids[body.Data] = map[string]int{}
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if first {
		in.ids[body.Data] = map[string]int{}
	}
	in.ids[body.Data][r.Header.Get("webhook-id")]++
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

// received counts the events that came, all of whose webhook-ids are one.
func (in *inbox) received(t testing.TB) (count int) {
	t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	for event, ids := range in.ids {
		if len(ids) > 1 {
			t.Errorf("event %s came under several webhook-ids: %v", event, ids)
		}
		count += len(ids)
	}
	return count
}

// mortal is a server that is killed and started again, always on the same data.
type mortal struct {
	mu      sync.Mutex
	current *child
	born    chan struct{} // closed when the present one is replaced
}

func (m *mortal) set(c *child) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.born != nil {
		close(m.born)
	}
	m.current, m.born = c, make(chan struct{})
}

func (m *mortal) get() (url string, replaced <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current.URL, m.born
}

// publishUntilAccepted publishes events under ids and times of their own, as
// often as it takes.
func (m *mortal) publishUntilAccepted(ctx context.Context, client *http.Client, token string, first, n int) error {
	var events []map[string]any
	for i := first; i < first+n; i++ {
		events = append(events, map[string]any{
			"account": "squake:demo", "event": "order", "id": strconv.Itoa(i),
			"time": time.Now().UTC().Format(time.RFC3339Nano), "payload": strconv.Itoa(i),
		})
	}
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		return err
	}
	for {
		url, replaced := m.get()
		accepted, err := publish(ctx, client, url, token, body)
		if err == nil && accepted == n {
			return nil
		}
		if err == nil {
			return fmt.Errorf("%d of %d events accepted", accepted, n)
		}
		select {
		case <-replaced: // it was killed
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// publish sends events, and says how many were accepted, now or before.
func publish(ctx context.Context, client *http.Client, server, token string, body []byte) (accepted int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var results struct{ Results []struct{ Status string } }
	if err := json.NewDecoder(response.Body).Decode(&results); err != nil {
		return 0, err
	}
	for _, result := range results.Results {
		if result.Status == "accepted" || result.Status == "duplicate" {
			accepted++
		}
	}
	return accepted, nil
}

// Whatever a server that is killed at any moment has accepted arrives, under
// one webhook-id, and is recorded as delivered.
// HOOKLINE_TEST_KILLS and HOOKLINE_TEST_EVENTS make it longer.
func TestKilledServerLosesNoEvent(t *testing.T) {
	t.Parallel()
	const publishers, together = 4, 10
	kills, events := setting(t, "HOOKLINE_TEST_KILLS", long.Pick(4, 12)), setting(t, "HOOKLINE_TEST_EVENTS", long.Pick(800, 2400))
	in := newInbox(t)
	data := t.TempDir()
	m := &mortal{}
	m.set(spawn(t, data, "--dev"))
	registration := `{"kind":"order","endpoint_url":"` + in.URL + `"}`
	status, err := post(t.Context(), newClient(t), m.current.URL+"/v2/webhooks", registration,
		"Authorization: Bearer "+m.current.token(t, "squake"), "Content-Type: application/json")
	if err != nil || status != http.StatusCreated {
		t.Fatalf("register: %d, %v", status, err)
	}
	token := cli(t, "token", "create", "--operator", "--data", data)

	// Each publisher has published its share of the events at each kill.
	var all errgroup.Group
	shares := make(chan struct{}, publishers)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for p := range publishers {
		client := newClient(t)
		all.Go(func() error {
			for first := p * together; first < events; first += publishers * together {
				if err := m.publishUntilAccepted(ctx, client, token, first, min(together, events-first)); err != nil {
					return err
				}
				shares <- struct{}{}
			}
			return nil
		})
	}
	killAsTheyGo(t, m, data, kills, events/together, shares)
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	mustReceive(t, in, events)
	mustBeDelivered(t, data, events)
	if want := "Hookline/" + webhook.Version; in.agent != want {
		t.Errorf("User-Agent %q, want %q", in.agent, want)
	}
	t.Logf("%d events, %d kills, %d requests at the receiver", events, kills, in.requests)
	m.current.signal(t, os.Interrupt)
	if err := m.current.wait(t); err != nil {
		t.Errorf("serve ended with %v: %s", err, m.current.log)
	}
}

// killAsTheyGo kills the server so many times, spread over the requests, each
// time a random moment after one of them, and starts it again.
func killAsTheyGo(t *testing.T, m *mortal, data string, kills, requests int, responded <-chan struct{}) {
	t.Helper()
	killed := 0
	for n := range requests {
		<-responded
		if killed >= kills || n < killed*requests/kills {
			continue
		}
		killed++
		<-time.After(rand.N(30 * time.Millisecond))
		c := m.current
		if err := c.process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.wait(t) // by the signal
		c.searchLog(t)
		m.set(spawn(t, data, "--dev"))
	}
}

// mustReceive waits until so many events have come.
func mustReceive(t *testing.T, in *inbox, events int) {
	t.Helper()
	end := time.After(2 * timeout)
	for in.received(t) < events {
		select {
		case <-in.changed:
		case <-end:
			t.Fatalf("%d of %d accepted events have come", in.received(t), events)
		}
	}
}

// mustBeDelivered demands that all deliveries come to be recorded as such.
func mustBeDelivered(t *testing.T, data string, events int) {
	t.Helper()
	s := openData(t, data)
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(timeout); ; <-ticks.C {
		delivered, stored := 0, 0
		err := s.Deliveries(t.Context(), webhook.Account{API: "squake", ID: "demo"}, time.Time{}, func(d webhook.Delivery) bool {
			stored++
			if d.Status == webhook.StatusDelivered && !d.Open() {
				delivered++
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if stored == events && delivered == events {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d deliveries are stored and %d delivered, want %d", stored, delivered, events)
		}
	}
}
