package local

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/webhook"
)

// waits sends a message of each event key now and again, and gives the longest
// that one waited for its attempt. In an event key %d stands for the number of
// the message, for as many webhooks.
func waits(t *testing.T, q *Queue, r *receivers, every time.Duration, eventKeys ...string) (longest time.Duration) {
	t.Helper()
	const count = 300
	sent := map[string][]time.Time{}
	before := map[string]int{}
	for i := range count {
		for _, name := range eventKeys {
			name = strings.ReplaceAll(name, "%d", fmt.Sprint(i))
			if sent[name] == nil {
				before[name], _ = r.count(name)
			}
			now := time.Now()
			if offer(t, q, message(name, before[name]+len(sent[name]), now)) == 0 {
				t.Fatalf("there is no room for %s", name)
			}
			sent[name] = append(sent[name], now)
		}
		faketime.Pass(every)
	}
	faketime.Pass(2 * hang)
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, sent := range sent {
		started := r.started[name][before[name]:]
		if len(started) != len(sent) {
			t.Fatalf("%s: %d attempts of %d", name, len(started), len(sent))
		}
		for i, at := range started {
			longest = max(longest, at.Sub(sent[i]))
		}
	}
	return longest
}

// hangings are the event keys of hanging receivers: accounts times webhooks.
func hangings(accounts, each int) (names []string) {
	for i := range each {
		for a := range accounts {
			names = append(names, fmt.Sprintf("hang%d/%d", a, i))
		}
	}
	return names
}

// provenBefore says that the event keys whose names begin so are proven.
func provenBefore(prefix string) func(context.Context, webhook.EventKey) bool {
	return func(_ context.Context, key webhook.EventKey) bool {
		return prefix != "" && strings.HasPrefix(nameOf(webhook.Message{Account: key.Account, Event: key.Event}), prefix)
	}
}

// Receivers that hang, each with a backlog, delay no webhook of another
// account, be it new or proven, also after a restart, and do not wait for each
// other.
func TestHangingDelayNoOneElse(t *testing.T) {
	for _, tt := range []struct {
		accounts, each int
		// known is set when they have hung before.
		known bool
		// proven begins the names of those that were proven before a restart.
		proven string
	}{
		{50, 1, false, ""},
		{300, 1, false, ""},
		{300, 1, true, ""},
		{2000, 1, true, ""},
		{1, 500, false, ""},
		{1, 500, true, ""},
		{1, 500, false, "hang"}, // all at once
		{4, 500, false, ""},
		{4, 500, false, "healthy/proven"},
		{4, 500, true, ""},
		{4, 500, false, "h"},
		{400, 5, true, ""},
		{100, 20, false, "healthy/proven"},
	} {
		t.Run(fmt.Sprintf("%d of %d known %t proven %q", tt.each, tt.accounts, tt.known, tt.proven), func(t *testing.T) {
			r := hangers(5 * time.Millisecond)
			inFakeTime(t, Config{Proven: provenBefore(tt.proven)}, r, func(t *testing.T, q *Queue) {
				burden := func(first int) {
					for _, name := range hangings(tt.accounts, tt.each) {
						offer(t, q, messages(name, first, 5, time.Now())...)
					}
				}
				burden(0)
				if tt.known {
					faketime.Pass(20 * hang)
					burden(5)
					if n, want := r.under(), min(tt.accounts, defaultSlots/4); n < want {
						t.Errorf("%d attempts to suspects at once, want %d at least", n, want)
					}
				}
				longest := waits(t, q, r, 100*time.Millisecond, "healthy/proven", "healthy/new%d", "new%d")
				if longest > 20*time.Millisecond { // a few attempts
					t.Errorf("a message of a healthy one waited %v", longest)
				}
				if r.top > defaultSlots {
					t.Errorf("%d attempts at once", r.top)
				}
			})
		})
	}
}

// An account's own hanging webhooks do not delay its proven ones, hold only a
// small part of the slots, and are all attempted.
func TestOneAccount(t *testing.T) {
	r := hangers(5 * time.Millisecond)
	inFakeTime(t, Config{Proven: provenBefore("one/healthy")}, r, func(t *testing.T, q *Queue) {
		const hanging = 500
		for i := range hanging {
			offer(t, q, messages(fmt.Sprintf("one/hang%d", i), 0, 3, time.Now())...)
		}
		if n := r.under(); n != defaultSlots*5/8/5 {
			t.Errorf("%d attempts at once, want a fifth of the room for unproven ones", n)
		}
		if longest := waits(t, q, r, 100*time.Millisecond, "one/healthy"); longest > 0 {
			t.Errorf("a message of the healthy one waited %v", longest)
		}
		faketime.Pass(3 * hanging * hang)
		for i := range hanging {
			if started, _ := r.count(fmt.Sprintf("one/hang%d", i)); started == 0 {
				t.Errorf("hang%d was not attempted", i)
			}
		}
		if most := defaultSlots / 4; r.top > most {
			t.Errorf("%d attempts at once, want %d at most", r.top, most)
		}
	})
}

// One that was proven is never delayed by any number of those that were not.
func TestProvenPassUnproven(t *testing.T) {
	r := hangers(5 * time.Millisecond)
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		send(t, q, message("healthy", -1, time.Now()))
		faketime.Pass(time.Second)
		for i := range 3000 {
			offer(t, q, messages(fmt.Sprintf("hang%d", i), 0, 5, time.Now())...)
		}
		if longest := waits(t, q, r, 10*time.Millisecond, "healthy"); longest != 0 {
			t.Errorf("a message of the healthy one waited %v", longest)
		}
	})
}

// Webhooks that were quick, and all begin to hang at the same time, leave room
// for one that is quick still.
func TestSuddenHanging(t *testing.T) {
	broken := false
	r := newReceivers(func(m webhook.Message) time.Duration {
		if broken && m.Account.ID != "healthy" {
			return hang
		}
		return 5 * time.Millisecond
	})
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		send(t, q, message("healthy", -1, time.Now()))
		for i := range 100 {
			send(t, q, message(fmt.Sprint("s", i), 0, time.Now()))
		}
		faketime.Pass(time.Second)
		broken = true
		for i := range 100 {
			offer(t, q, messages(fmt.Sprint("s", i), 1, 50, time.Now())...)
		}
		if longest := waits(t, q, r, 10*time.Millisecond, "healthy"); longest != 0 {
			t.Errorf("a message of the healthy one waited %v", longest)
		}
	})
}

// Webhooks that are quick and have backlogs that take all slots leave another
// its turn: here 60 with 40 slots, which turn round in 150 ms.
func TestBacklogsTakeTurns(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 100 * time.Millisecond })
	inFakeTime(t, Config{Slots: 40}, r, func(t *testing.T, q *Queue) {
		for i := range 60 {
			send(t, q, messages(fmt.Sprintf("busy%d", i), 0, 500, time.Now())...)
		}
		faketime.Pass(5 * time.Second)
		if longest := waits(t, q, r, 500*time.Millisecond, "other"); longest > 200*time.Millisecond {
			t.Errorf("a message waited %v behind the others' backlogs", longest)
		}
		if r.top != 40 {
			t.Errorf("%d attempts at once, want all 40", r.top)
		}
		for i := range 60 {
			if started, _ := r.count(fmt.Sprintf("busy%d", i)); started != 500 {
				t.Errorf("busy%d: %d attempts of 500", i, started)
			}
		}
	})
}

// The bound holds for each, and a webhook that is new is tried once first.
func TestBoundPerWebhook(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return 100 * time.Millisecond })
	inFakeTime(t, Config{PerWebhook: 7}, r, func(t *testing.T, q *Queue) {
		for _, name := range []string{"a", "b"} {
			send(t, q, messages(name, 0, 50, time.Now())...)
			if started, _ := r.count(name); started != 1 {
				t.Errorf("%s: %d attempts before the first has ended, want 1", name, started)
			}
		}
		faketime.Pass(10 * time.Second)
		for _, name := range []string{"a", "b"} {
			if started, most := r.count(name); started != 50 || most != 7 {
				t.Errorf("%s: %d attempts, %d at once; want 50, 7", name, started, most)
			}
		}
	})
}

// A webhook is a suspect from the moment an attempt has become slow until a
// quick one has ended with no slow one beside it.
func TestSuspects(t *testing.T) {
	slowly := slow
	r := newReceivers(func(m webhook.Message) time.Duration {
		if m.ID == message("x", 3, time.Time{}).ID {
			return 10 * slow
		}
		return slowly
	})
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		want := func(s lane) {
			t.Helper()
			q.mu.Lock()
			defer q.mu.Unlock()
			q.catchUp(time.Now())
			if got := q.lines[lineKey{EventKey: eventKeyOf("x")}].lane; got != s {
				t.Errorf("lane = %d, want %d", got, s)
			}
		}
		send(t, q, message("x", 0, time.Now()))
		want(unproven)
		faketime.Pass(slow)
		want(suspect)
		slowly = slow - 1
		send(t, q, message("x", 1, time.Now()))
		faketime.Pass(slow)
		want(trusted)
		send(t, q, message("x", 3, time.Now()))
		faketime.Pass(slow - 1)
		want(trusted)
		faketime.Pass(1)
		want(suspect)
		send(t, q, message("x", 4, time.Now()))
		faketime.Pass(slow)
		want(suspect)
		faketime.Pass(10 * slow)
		send(t, q, message("x", 5, time.Now()))
		faketime.Pass(slow)
		want(trusted)
	})
}

// What is remembered of idle webhooks is bounded; what is in the queue is not
// forgotten.
func TestForgetsIdle(t *testing.T) {
	r := newReceivers(func(webhook.Message) time.Duration { return time.Millisecond })
	inFakeTime(t, Config{}, r, func(t *testing.T, q *Queue) {
		send(t, q, message("kept", 0, time.Now().Add(time.Minute)))
		for i := range remembered + 5000 {
			send(t, q, message(fmt.Sprintf("s%d", i), 0, time.Now()))
			if i%100 == 0 {
				faketime.Pass(time.Millisecond)
			}
		}
		q.mu.Lock()
		if n, accounts := len(q.lines), len(q.accounts); n > remembered+100 || accounts > n {
			t.Errorf("%d webhooks of %d accounts are remembered", n, accounts)
		}
		q.mu.Unlock()
		faketime.Pass(time.Minute)
		if started, _ := r.count("kept"); started != 1 {
			t.Error("a message that waited was forgotten")
		}
	})
}
