package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/webhook"
)

// act is one step of a random history: messages are sent, then time passes.
type act struct {
	send []sending
	pass time.Duration
}

type sending struct {
	key, number  int
	delay, lasts time.Duration
}

// name is the event key: there are two or three for each account.
func (s sending) name() string { return fmt.Sprintf("a%d/e%d", s.key%3, s.key) }

var acts = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
	return act{
		send: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sending {
			return sending{
				key:    rapid.IntRange(0, 7).Draw(t, "event key"),
				number: rapid.IntRange(0, 8).Draw(t, "number"),
				delay:  span.Draw(t, "delay"),
				lasts:  span.Draw(t, "lasts"),
			}
		}), 0, 12).Draw(t, "messages"),
		pass: span.Draw(t, "pass"),
	}
}), 1, 40)

var span = rapid.SampledFrom([]time.Duration{
	0, 0, time.Nanosecond, time.Millisecond, 10 * time.Millisecond, slow - 1, slow, slow + 1, 3 * time.Second, time.Minute,
})

// model is what a queue should do, as plainly as can be.
type model struct {
	cfg Config

	mu         sync.Mutex
	pending    map[attemptKey]webhook.Message // taken and not ended
	lasts      map[attemptKey]time.Duration
	running    map[attemptKey]bool
	by         map[webhook.EventKey]int
	violations []string
}

func (m *model) faultf(format string, args ...any) {
	m.violations = append(m.violations, fmt.Sprintf(format, args...))
}

func (m *model) attempt(_ context.Context, msg webhook.Message) {
	key := keyOf(msg)
	m.mu.Lock()
	if want, taken := m.pending[key]; !taken || want != msg {
		m.faultf("attempt of what was not sent: %v", msg)
	}
	if m.running[key] {
		m.faultf("two attempts at once: %v", msg)
	}
	if time.Now().Before(msg.At) {
		m.faultf("attempt %v early", time.Until(msg.At))
	}
	m.running[key] = true
	m.by[msg.EventKey()]++
	if n := m.by[msg.EventKey()]; n > m.cfg.PerWebhook {
		m.faultf("%d attempts of one webhook at once", n)
	}
	if n := len(m.running); n > m.cfg.Slots {
		m.faultf("%d attempts at once", n)
	}
	lasts := m.lasts[key]
	m.mu.Unlock()
	<-faketime.After(lasts)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.running, key)
	delete(m.pending, key)
	m.by[msg.EventKey()]--
}

// send sends one message to both.
func (m *model) send(q *Queue, s sending) {
	msg := message(s.name(), s.number, time.Now().Add(s.delay))
	key := keyOf(msg)
	m.mu.Lock()
	queued, double := m.pending[key]
	full := len(m.pending) >= m.cfg.Capacity
	if !double && !full || double && queued.At.After(time.Now()) && msg.At.Before(queued.At) {
		m.pending[key], m.lasts[key] = msg, s.lasts
	}
	m.mu.Unlock()
	err := q.Send(context.Background(), []webhook.Message{msg})
	if wantErr := full && !double; wantErr != errors.Is(err, errFull) {
		m.faultf("Send = %v, double %t, full %t", err, double, full)
	}
	synctest.Wait() // so that the model knows what has ended
}

// checkStats holds the queue to count what was sent to it and has not ended.
func (m *model) checkStats(s Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	later, oldest := 0, time.Time{}
	for key, msg := range m.pending {
		switch {
		case m.running[key]:
		case msg.At.After(time.Now()):
			later++
		case oldest.IsZero() || msg.At.Before(oldest):
			oldest = msg.At
		}
	}
	held := s.Unproven.Held + s.Trusted.Held + s.Suspect.Held
	running := s.Unproven.Running + s.Trusted.Running + s.Suspect.Running
	if held != len(m.pending) || running != len(m.running) || s.Later != later || s.Ready != held-running-later || (s.Ready == 0) != s.Since.IsZero() || s.Since.Before(oldest) {
		m.faultf("stats %+v of %d held, %d running, %d for later, the oldest since %v", s, len(m.pending), len(m.running), later, oldest)
	}
}

// check looks for what must hold in the queue at any time of rest.
func (m *model) check(q *Queue) {
	m.checkStats(q.Stats())
	q.mu.Lock()
	defer q.mu.Unlock()
	held, running := 0, [lanes]int{}
	for s, l := range q.lines {
		held += l.held
		if q.accounts[s.Account] != l.account {
			m.faultf("%v is in another account", s)
		}
		if l.node.in != nil && l.node.in != &l.part().turns {
			m.faultf("%v is in the turns of another lane", s)
		}
		if l.ready.first != nil && l.running == 0 && l.node.in == nil {
			m.faultf("%v waits for nothing", s)
		}
		if l.ready.first != nil && l.running == 0 && l.part().running == 0 && q.room(l.lane) > 0 {
			m.faultf("%v waits though there is room", s)
		}
	}
	for a, of := range q.accounts {
		for s := range lanes {
			p := &of.parts[s]
			running[s] += p.running
			if p.turns.first != nil && p.node.in != &q.turns[s] && (p.node.in != &q.blocked[s] || p.running == 0) {
				m.faultf("the lines of %v of lane %d wait for nothing", a, s)
			}
		}
	}
	if held != q.held || held != len(q.known) || running != q.running || len(q.accounts) > len(q.lines) {
		m.faultf("counts: %d held of %d, %d known, %v running of %v", q.held, held, len(q.known), q.running, running)
	}
}

// play runs a history and gives what went wrong.
func (m *model) play(t *testing.T, history []act) {
	synctest.Test(t, func(t *testing.T) {
		q := New(m.cfg)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go q.Run(ctx, m.attempt)
		synctest.Wait()
		for _, step := range history {
			for _, s := range step.send {
				m.send(q, s)
				m.check(q)
			}
			faketime.Pass(step.pass)
			m.check(q)
		}
		// Nothing lasts longer than a minute, and one attempt can always run.
		faketime.Pass(time.Duration(m.left()+2) * time.Minute)
		if n := m.left(); n != 0 {
			m.faultf("%d messages were lost", n)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.held != 0 || len(q.known) != 0 || q.room(trusted) != m.cfg.Slots || q.fresh.first != nil {
			m.faultf("an empty queue holds %d, knows %d, has room for %d", q.held, len(q.known), q.room(trusted))
		}
		for s, l := range q.lines {
			if l.held != 0 || l.running != 0 || l.overdue != 0 || l.node.in != nil || l.part().held != 0 {
				m.faultf("the idle line %v is %+v", s, *l)
			}
		}
		if q.blocked != [lanes]list[*part]{} {
			m.faultf("parts of an empty queue are blocked")
		}
	})
}

// left is how many messages were taken and have not ended.
func (m *model) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending)
}

// Whatever is sent when, nothing that was taken is lost, or attempted early,
// or twice at once, and all bounds hold.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			cfg: Config{
				Slots:      rapid.IntRange(1, 12).Draw(rt, "slots"),
				PerWebhook: rapid.IntRange(1, 4).Draw(rt, "per webhook"),
				Capacity:   rapid.IntRange(1, 40).Draw(rt, "capacity"),
			},
			pending: map[attemptKey]webhook.Message{}, lasts: map[attemptKey]time.Duration{},
			running: map[attemptKey]bool{}, by: map[webhook.EventKey]int{},
		}
		m.play(t, acts.Draw(rt, "history"))
		for _, err := range m.violations {
			rt.Error(err)
		}
	})
}

// Freed follows every refusal by Lease, whatever happens, once the queue is
// empty, so that nobody waits for it in vain.
func TestRejectionIsFollowedByFreed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{Slots: rapid.IntRange(1, 8).Draw(rt, "slots"), Capacity: rapid.IntRange(1, 40).Draw(rt, "capacity")}
		history := acts.Draw(rt, "history")
		err := ""
		synctest.Test(t, func(t *testing.T) {
			r := newReceivers(func(m webhook.Message) time.Duration { return time.Duration(m.ID[len(m.ID)-1]) * 30 * time.Millisecond })
			q := New(cfg)
			ctx, stop := context.WithCancel(t.Context())
			go q.Run(ctx, r.attempt)
			refused := false
			for _, step := range history {
				for _, s := range step.send {
					name := s.name()
					signalled(q)
					if refused = !room(q, eventKeyOf(name)); !refused {
						_ = q.Send(ctx, []webhook.Message{message(name, s.number, time.Now().Add(s.delay))})
					}
				}
			}
			faketime.Pass(time.Hour)
			if refused && !signalled(q) {
				err = "the last refusal was not followed by a signal"
			}
			stop()
		})
		if err != "" {
			rt.Error(err)
		}
	})
}
