// Package notice tells the operator when webhooks fail, are disabled and work
// again. The stores keep each notice from the change that it tells of until it
// was taken, so it is sent at least once, under one id.
package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// page is how many notices or failing webhooks are read at a time.
	page = 50
	// atOnce is how many notices are sent at a time, and maxRefused how many may
	// be refused in a row before the rest is left to the next sweep.
	atOnce, maxRefused = 10, 20
	// overlap is looked through twice, because a webhook may be found late: its
	// write comes after the attempt since which it fails.
	overlap = 5 * time.Minute
	// wholeInterval is how often all that fails is looked through. Only then a
	// webhook is found that was enabled again and fails since long ago.
	wholeInterval = time.Hour
	// removeTimeout bounds the removal of a notice that was taken.
	removeTimeout = 5 * time.Second
)

// Store is the part of store.Store that notices need.
type Store interface {
	store.Notices
	Failing(ctx context.Context, api webhook.API, after string, limit int) ([]webhook.Webhook, string, error)
}

// Sender sends one notice. An error says that it may not have been taken. The
// error holds neither a key nor a URL.
type Sender interface {
	Send(context.Context, webhook.Notice) error
}

// Config is what a Notifier is made of. All fields are needed.
type Config struct {
	Store  Store
	Sender Sender
	// APIs are those whose webhooks are looked after.
	APIs []webhook.API
	// NewID makes a UUIDv7.
	NewID func() (string, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// Notifier finds webhooks that fail for long, and sends the stored notices.
// Several may run at once: each notice is stored once, but may be sent twice.
type Notifier struct {
	cfg Config
	mu  sync.Mutex // held by Sweep
	// seen is until when webhooks that began to fail were looked at, and whole
	// when all were.
	seen, whole time.Time
}

// New makes a notifier. It panics if a field of cfg is missing.
func New(cfg Config) *Notifier {
	if cfg.Store == nil || cfg.Sender == nil || len(cfg.APIs) == 0 || cfg.NewID == nil || cfg.Now == nil || cfg.Log == nil {
		panic("notice: a field of Config is missing")
	}
	return &Notifier{cfg: cfg}
}

// Sweep stores a notice for each webhook that fails for
// [webhook.TellFailingAfter] now, and sends all stored notices. What is not taken
// is sent again by the next sweep. The error is the store's, or says how many
// were not taken.
func (n *Notifier) Sweep(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return errors.Join(n.find(ctx), n.send(ctx))
}

// Watch sweeps until ctx ends, in intervals that double up to longest while
// notices are refused. It logs errors.
func (n *Notifier) Watch(ctx context.Context, interval, longest time.Duration) {
	for wait := interval; ; {
		switch err := n.Sweep(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "notices", slog.String("error", err.Error()))
			wait = min(2*wait, longest)
		default:
			wait = interval
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// find stores a notice for each webhook that fails for an hour.
func (n *Notifier) find(ctx context.Context) error {
	now := n.cfg.Now().Round(0) // the monotonic clock stops while a function is frozen
	until, from := now.Add(-webhook.TellFailingAfter), n.seen.Add(-overlap)
	whole := n.whole.IsZero() || now.Sub(n.whole) >= wholeInterval || now.Before(n.whole)
	if whole {
		from = time.Time{}
	}
	for _, api := range n.cfg.APIs {
		if err := n.findOf(ctx, api, from, until); err != nil {
			return fmt.Errorf("find webhooks of %s that fail: %w", api, err)
		}
	}
	if n.seen = until; whole {
		n.whole = now
	}
	return nil
}

// findOf looks through the webhooks of an API that fail since from to until,
// longest first.
func (n *Notifier) findOf(ctx context.Context, api webhook.API, from, until time.Time) error {
	after := ""
	if !from.IsZero() {
		after = store.Position{Since: from, Key: webhook.EventKey{Account: webhook.Account{API: api}}}.String()
	}
	for {
		list, next, err := n.cfg.Store.Failing(ctx, api, after, page)
		if err != nil {
			return err
		}
		for _, w := range list {
			if w.FailingSince().After(until) {
				return nil
			}
			if err := n.tell(ctx, w); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// tell stores the notice that a webhook fails, unless that was told or it is
// disabled.
func (n *Notifier) tell(ctx context.Context, w webhook.Webhook) error {
	if w.State() != webhook.StateFailing || w.Statistics.Told.Has(webhook.NoticeFailing) {
		return nil
	}
	id, err := n.cfg.NewID()
	if err != nil {
		return err
	}
	err = n.cfg.Store.Tell(ctx, w.Notice(id, webhook.NoticeFailing, n.cfg.Now()))
	if errors.Is(err, webhook.ErrChanged) {
		return nil // it works again, or another sweeper was first
	}
	return err
}

// send sends the stored notices, page by page.
func (n *Notifier) send(ctx context.Context) error {
	pass := sending{Notifier: n, held: map[hook]bool{}}
	for after := ""; ; {
		list, err := n.cfg.Store.Notices(ctx, after, page)
		if err != nil {
			return err
		}
		if len(list) == 0 || !pass.page(ctx, list) {
			break
		}
		after = list[len(list)-1].ID
	}
	if pass.refused == 0 {
		return ctx.Err()
	}
	return fmt.Errorf("%d notices were not taken: %w", pass.refused, pass.first)
}

// hook names a webhook, whose notices keep their order.
type hook struct {
	account webhook.Account
	webhook string
}

// sending is a pass over the stored notices.
type sending struct {
	*Notifier
	mu sync.Mutex
	// held has the webhooks of notices that were refused: later ones wait.
	held    map[hook]bool
	refused int
	row     int   // refused since the latest that was taken
	first   error // the first refusal
}

// page sends a page of notices: those of one webhook in order, others at once.
// It reports whether to go on.
func (s *sending) page(ctx context.Context, list []webhook.Notice) bool {
	var order []hook
	of := map[hook][]webhook.Notice{}
	for _, n := range list {
		about := hook{n.Account, n.WebhookID}
		if of[about] == nil {
			order = append(order, about)
		}
		of[about] = append(of[about], n)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, about := range order {
		group.Go(func() error {
			for _, n := range of[about] {
				if !s.mayGoOn(ctx, about) {
					break
				}
				s.count(about, s.sendOne(ctx, n))
			}
			return nil
		})
	}
	_ = group.Wait() // each has been counted
	return s.row < maxRefused && ctx.Err() == nil
}

func (s *sending) mayGoOn(ctx context.Context, about hook) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.held[about] && s.row < maxRefused && ctx.Err() == nil
}

func (s *sending) count(about hook, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.row = 0
		return
	}
	if s.first == nil {
		s.first = err
	}
	s.held[about] = true
	s.refused++
	s.row++
}

// sendOne sends a notice and removes it. If it cannot be removed, it is sent
// again under the same id.
func (s *sending) sendOne(ctx context.Context, n webhook.Notice) error {
	if err := s.cfg.Sender.Send(ctx, n); err != nil {
		return err
	}
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	if err := s.cfg.Store.RemoveNotice(removing, n.ID); err != nil {
		return err
	}
	s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "notice", slog.String("notice", n.ID), slog.String("type", string(n.Type)),
		slog.String("account", n.Account.String()), slog.String("webhook", n.WebhookID))
	return nil
}
