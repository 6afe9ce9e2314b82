package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/webhook"
)

// tokenText makes the text of the nth token.
func tokenText(n int) string { return fmt.Sprintf("hk_%043d", n) }

// env is an Authenticator for Squake with a store and a clock to play with.
type env struct {
	*auth.Authenticator
	t *testing.T

	mu     sync.Mutex
	tokens map[webhook.TokenHash]webhook.Token
	reads  int
	now    time.Time
	// during, when set, runs in the middle of a read: the answer is decided,
	// and not given yet. Its error is the read's.
	during func(ctx context.Context) error
}

func newEnv(t *testing.T) *env {
	w := &env{t: t, tokens: make(map[webhook.TokenHash]webhook.Token), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.Authenticator = auth.New(auth.Config{Tokens: w, API: "squake", Now: w.clock})
	return w
}

func (w *env) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *env) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Token is the store's.
func (w *env) Token(ctx context.Context, h webhook.TokenHash) (webhook.Token, error) {
	if err := ctx.Err(); err != nil {
		return webhook.Token{}, fmt.Errorf("read token: %w", err)
	}
	w.mu.Lock()
	w.reads++
	found, ok := w.tokens[h]
	during := w.during
	w.mu.Unlock()
	if during != nil {
		if err := during(ctx); err != nil {
			return webhook.Token{}, err
		}
	}
	if !ok {
		return webhook.Token{}, fmt.Errorf("read token: %w", webhook.ErrNotFound)
	}
	return found, nil
}

// create puts the nth token into the store, as change makes it.
func (w *env) create(n int, change ...func(*webhook.Token)) auth.Principal {
	token := webhook.Token{
		ID:      fmt.Sprint("id-", n),
		Account: webhook.Account{API: "squake", ID: "acme"},
		Hash:    webhook.HashToken(tokenText(n)),
		Rights:  webhook.Read,
	}
	key := token.Hash
	for _, f := range change {
		f(&token)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[key] = token
	return auth.Principal{Account: token.Account, TokenID: token.ID, Rights: token.Rights}
}

func (w *env) revoke(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, webhook.HashToken(tokenText(n)))
}

// expect authenticates with the nth token and says what must come of it.
func (w *env) expect(when string, n int, wantErr error) {
	w.t.Helper()
	got, err := w.Authenticate(w.t.Context(), webhook.NewSecret(tokenText(n)))
	if !errors.Is(err, wantErr) {
		w.t.Errorf("%s: error %v, want %v", when, err, wantErr)
	}
	if (err == nil) != (got != auth.Principal{}) {
		w.t.Errorf("%s: both %+v and %v", when, got, err)
	}
	if err != nil && strings.Contains(err.Error(), tokenText(n)) {
		w.t.Errorf("%s: the error shows the token: %v", when, err)
	}
}

// expectReads says how often the store was read since the last call.
func (w *env) expectReads(when string, want int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reads != want {
		w.t.Errorf("%s: %d reads of the store, want %d", when, w.reads, want)
	}
	w.reads = 0
}
