package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/webhook"
)

func TestWarmTokenNeedsNoRead(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.expect("first", 1, nil)
	w.expectReads("first", 1)
	w.pass(30*time.Second - 1)
	for range 100 {
		w.expect("warm", 1, nil)
	}
	w.expectReads("warm, to the last nanosecond", 0)
	w.pass(1)
	w.expect("30 s old", 1, nil)
	w.expectReads("30 s old", 1)
	w.pass(30*time.Second - 1)
	w.expect("warm again", 1, nil)
	w.expectReads("warm again", 0)
}

func TestRevokedTokenDies(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.expect("before", 1, nil)
	w.pass(time.Millisecond)
	w.revoke(1)
	w.expect("cached still", 1, nil)
	w.pass(30*time.Second - time.Millisecond)
	w.expect("within 30 s", 1, auth.ErrInvalid)
	if known, unknown := w.Entries(); known != 0 || unknown != 1 {
		t.Errorf("%d known and %d unknown entries, want the old one replaced", known, unknown)
	}
}

func TestUnknownTokenIsRememberedForASecond(t *testing.T) {
	w := newEnv(t)
	w.expect("first", 1, auth.ErrInvalid)
	w.expectReads("first", 1)
	w.pass(time.Second - 1)
	w.expect("again", 1, auth.ErrInvalid)
	w.expectReads("again", 0)
	w.pass(1)
	w.expect("after a second", 1, auth.ErrInvalid)
	w.expectReads("after a second", 1)
}

func TestNewTokenIsGoodAtOnce(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.expect("never tried before", 1, nil)

	w.expect("tried too early", 2, auth.ErrInvalid)
	w.create(2)
	w.pass(time.Second)
	w.expect("a second after it was created", 2, nil)
	w.expect("and on", 2, nil)
	if known, unknown := w.Entries(); known != 2 || unknown != 0 {
		t.Errorf("%d known and %d unknown entries, want 2 and 0", known, unknown)
	}
}

// A read that takes long does not lengthen what it found.
func TestAgeCountsFromBeforeTheRead(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.during = func(context.Context) error { w.pass(20 * time.Second); return nil }
	w.expect("slow read", 1, nil)
	w.during = nil
	w.revoke(1)
	w.pass(10*time.Second - 1)
	w.expect("30 s after the start, less a bit", 1, nil)
	w.pass(1)
	w.expect("30 s after the start", 1, auth.ErrInvalid)

	w.during = func(context.Context) error { w.pass(time.Minute); return nil }
	w.create(2)
	w.expect("slower than the cache is long", 2, nil)
	w.expectReads("so far", 3)
	w.during = nil
	w.expect("again", 2, nil)
	w.expectReads("nothing of it was of use again", 1)
}

func TestClockGoesBack(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.expect("known", 1, nil)
	w.expect("unknown", 2, auth.ErrInvalid)
	w.expectReads("cold", 2)
	w.pass(-1)
	w.revoke(1)
	w.create(2)
	w.expect("known from the future", 1, auth.ErrInvalid)
	w.expect("unknown from the future", 2, nil)
	w.expectReads("nothing from the future is used", 2)
	w.expect("known from now", 1, auth.ErrInvalid)
	w.expect("unknown from now", 2, nil)
	w.expectReads("the new findings took the place of the old", 0)
}

// The clock that counts is the one on the wall: a function that was frozen for
// an hour finds its monotonic clock where it was.
func TestAgesByWallClock(t *testing.T) {
	w := newEnv(t)
	w.now = time.Now()
	if !strings.Contains(w.now.String(), "m=") {
		t.Fatal("this clock has no monotonic part to begin with")
	}
	w.create(1, func(k *webhook.Token) { k.ExpiresAt = w.now.Add(time.Hour) })
	w.expect("known", 1, nil)
	w.expect("unknown", 2, auth.ErrInvalid)
	for n := 1; n <= 2; n++ {
		at := w.ReadAt(webhook.HashToken(tokenText(n)))
		if !at.Equal(w.now.Round(0)) || strings.Contains(at.String(), "m=") {
			t.Errorf("token %d ages from %s", n, at)
		}
	}
}

func TestExpiryIsCheckedAtEveryUse(t *testing.T) {
	w := newEnv(t)
	w.create(1, func(k *webhook.Token) { k.ExpiresAt = w.now.Add(5 * time.Second) })
	w.expect("good", 1, nil)
	w.pass(5*time.Second - 1)
	w.expect("good to the last", 1, nil)
	w.pass(1)
	w.expect("expired, from the cache", 1, auth.ErrExpired)
	w.expectReads("one read for all", 1)

	w.create(2, func(k *webhook.Token) { k.ExpiresAt = w.now.Add(5 * time.Second) })
	w.during = func(context.Context) error { w.pass(5 * time.Second); return nil }
	w.expect("expires while it is read", 2, auth.ErrExpired)
}

func TestFloodOfJunk(t *testing.T) {
	const flood = 100_000
	w := newEnv(t)
	for n := range 100 {
		w.create(n)
		w.expect("known", n, nil)
	}
	for n := range flood {
		w.expect("junk", 1000+n, auth.ErrInvalid)
	}
	w.expectReads("each unknown token is looked for", 100+flood)
	if known, unknown := w.Entries(); known != 100 || unknown != auth.MaxUnknown {
		t.Errorf("%d known and %d unknown entries, want 100 and %d", known, unknown, auth.MaxUnknown)
	}
	for n := range 100 {
		w.expect("known after the flood", n, nil)
	}
	w.expectReads("after the flood", 0)
}

func TestKnownTokensAreBoundedToo(t *testing.T) {
	w := newEnv(t)
	for n := range auth.MaxKnown + 10 {
		w.create(n)
		w.expect("known", n, nil)
		w.expect("in steady use", 0, nil)
	}
	w.expectReads("each one once", auth.MaxKnown+10)
	if known, unknown := w.Entries(); known != auth.MaxKnown || unknown != 0 {
		t.Errorf("%d known and %d unknown entries, want %d and 0", known, unknown, auth.MaxKnown)
	}
	w.expect("the one in use was kept", 0, nil)
	w.expectReads("the one in use was kept", 0)
	w.expect("the one used longest ago was not", 1, nil)
	w.expectReads("the one used longest ago was not", 1)
}

// An answer that was long on its way does not undo one that was asked for
// later and came sooner.
func TestLateResponseDoesNotUndoANewerOne(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(*env)
		after  func(*env)
		late   error // of the call that was held up
		newer  error // of the calls that came later
	}{
		{"created meanwhile", func(*env) {}, func(w *env) { w.create(1) }, auth.ErrInvalid, nil},
		{"revoked meanwhile", func(w *env) { w.create(1) }, func(w *env) { w.revoke(1) }, nil, auth.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newEnv(t)
			tt.before(w)
			w.during = func(context.Context) error { // the first read is decided, and held up
				w.during = nil
				w.pass(time.Millisecond)
				tt.after(w)
				w.expect("newer read", 1, tt.newer)
				return nil
			}
			_, err := w.Authenticate(t.Context(), webhook.NewSecret(tokenText(1)))
			if !errors.Is(err, tt.late) {
				t.Errorf("late answer: %v, want %v", err, tt.late)
			}
			w.expect("afterwards", 1, tt.newer)
			w.expectReads("all", 2)
		})
	}
}
