package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/webhook"
)

// load is clients that register as fast as they can, each event once, and for
// accounts of their own.
type load struct {
	server, data string

	mu        sync.Mutex
	begun     int
	tokens    []string // of the accounts
	responded []string // events whose registration was answered 201
}

// account is the nth account of a load.
func (*load) account(n int) webhook.Account {
	return webhook.Account{API: "abbeycross", ID: fmt.Sprint("load-", n)}
}

// next names an event that no other request has, and a token for it.
func (l *load) next(ctx context.Context) (event, token string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.begun / webhook.MaxWebhooks
	if n == len(l.tokens) {
		account := l.account(n).String()
		if _, err := tryCLI(ctx, "account", "create", account, "--data", l.data); err != nil {
			return "", "", err
		}
		token, err := tryCLI(ctx, "token", "create", "--account", account, "--data", l.data)
		if err != nil {
			return "", "", err
		}
		l.tokens = append(l.tokens, token)
	}
	l.begun++
	return fmt.Sprintf("load.%d", l.begun), l.tokens[n], nil
}

// one registers one event, and remembers it once that is answered 201.
func (l *load) one(ctx context.Context, client *http.Client) error {
	event, token, err := l.next(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	status, err := register(ctx, client, l.server, token, event)
	if err != nil {
		return fmt.Errorf("register %s: %w", event, err)
	}
	if status != http.StatusCreated {
		return fmt.Errorf("register %s: status %d, want 201", event, status)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.responded = append(l.responded, event)
	return nil
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.responded)
}

// mustStand demands that every event answered 201 is stored.
func (l *load) mustStand(t testing.TB) {
	t.Helper()
	s, stored := openData(t, l.data), map[string]bool{}
	for n := range l.tokens {
		webhooks, err := s.Webhooks(t.Context(), l.account(n))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range webhooks {
			stored[w.Event] = true
		}
	}
	lost := 0
	for _, event := range l.responded {
		if !stored[event] {
			lost++
		}
	}
	if lost > 0 || len(l.responded) == 0 {
		t.Errorf("%d of %d registrations that were answered 201 are lost", lost, len(l.responded))
	}
}

func demoFleet() webhook.Account { return webhook.Account{API: "abbeycross", ID: "demo"} }

func TestOneWinner(t *testing.T) {
	t.Parallel()
	const rounds, contestants = 5, 64
	s := boot(t, t.TempDir(), "--dev")
	client, token := newClient(t), s.token(t, "abbeycross")
	for round := range rounds {
		var created, refused atomic.Int32
		start := make(chan struct{})
		var all errgroup.Group
		for range contestants {
			all.Go(func() error {
				<-start
				status, err := register(t.Context(), client, s.URL, token, fmt.Sprintf("race.%d", round))
				switch status {
				case http.StatusCreated:
					created.Add(1)
				case http.StatusBadRequest:
					refused.Add(1)
				}
				return err
			})
		}
		close(start)
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if created.Load() != 1 || refused.Load() != contestants-1 {
			t.Errorf("round %d: %d times 201 and %d times 400, want 1 and %d", round, created.Load(), refused.Load(), contestants-1)
		}
	}
}

// Commands write beside a server under full load.
func TestCommandsBesideLoad(t *testing.T) {
	t.Parallel()
	const clients, writers = 8, 4
	each := long.Pick(8, 50)
	s := boot(t, t.TempDir(), "--dev")
	l := &load{server: s.URL, data: s.data}
	ctx, stop := context.WithCancel(t.Context())
	var busy, commands errgroup.Group
	for range clients {
		client := newClient(t)
		busy.Go(func() error {
			for ctx.Err() == nil {
				if err := l.one(t.Context(), client); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for writer := range writers {
		client := newClient(t)
		commands.Go(func() error {
			for n := range each {
				token, err := tryCLI(t.Context(), "token", "create", "--account", "abbeycross:demo", "--data", s.data)
				if err != nil {
					return err
				}
				event := fmt.Sprintf("command.%d.%d", writer, n)
				if status, err := register(t.Context(), client, s.URL, token, event); err != nil || status != http.StatusCreated {
					return fmt.Errorf("register %s with a new token: status %d, %w", event, status, err)
				}
			}
			return nil
		})
	}
	if err := commands.Wait(); err != nil {
		t.Errorf("a command beside the load: %v", err)
	}
	stop()
	if err := busy.Wait(); err != nil {
		t.Errorf("a request beside the commands: %v", err)
	}
	t.Logf("%d registrations beside %d commands", l.count(), writers*each)
	tokens, err := openData(t, s.data).Tokens(t.Context(), demoFleet())
	if err != nil || len(tokens) != writers*each+1 {
		t.Errorf("%d tokens, %v; want %d", len(tokens), err, writers*each+1)
	}
	l.mustStand(t)
}

// What was answered survives the server's sudden death, again and again.
func TestKilled(t *testing.T) {
	t.Parallel()
	const clients = 8
	times := long.Pick(5, 25)
	data := t.TempDir()
	l := &load{data: data}
	for range times {
		c := spawn(t, data, "--dev")
		l.server = c.URL
		l.untilDeath(t, c, clients, l.count()+1+rand.IntN(300))
		c.searchLog(t)
	}
	t.Logf("%d registrations over %d deaths", l.count(), times)
	l.mustStand(t)
	memory.CheckIntegrity(t, filepath.Join(data, databaseName))
}

// untilDeath registers until enough is answered, kills the server in the
// middle of the requests that follow, and waits until all clients have seen it.
func (l *load) untilDeath(t *testing.T, c *child, clients, enough int) {
	t.Helper()
	var all errgroup.Group
	for range clients {
		client := newClient(t)
		all.Go(func() error {
			for l.one(t.Context(), client) == nil {
				if l.count() >= enough {
					_ = c.process.Kill() // others may have done so
				}
			}
			return nil
		})
	}
	_ = all.Wait() // ends when the server has, and must not before
	if l.count() < enough {
		t.Fatalf("the server ended early: %s", c.log)
	}
	if err := c.wait(t); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the server ended with %v, want killed", err)
	}
}
