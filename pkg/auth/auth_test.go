package auth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/needed"
	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/webhook"
)

func TestAuthenticate(t *testing.T) {
	w := newEnv(t)
	for n, change := range map[int]func(*webhook.Token){
		1: func(*webhook.Token) {},
		2: func(k *webhook.Token) { k.Rights = webhook.AllRights },
		3: func(k *webhook.Token) { k.Rights = 0 },
		4: func(k *webhook.Token) { k.ExpiresAt = w.now.Add(time.Millisecond) },
		5: func(k *webhook.Token) { k.Account.ID = "other" },
	} {
		want := w.create(n, change)
		for _, cached := range []bool{false, true} {
			got, err := w.Authenticate(t.Context(), webhook.NewSecret(tokenText(n)))
			if err != nil || got != want {
				t.Errorf("token %d, cached %v: %+v, %v, want %+v", n, cached, got, err, want)
			}
		}
	}

	w.create(10, func(k *webhook.Token) { k.ExpiresAt = w.now })
	w.create(11, func(k *webhook.Token) { k.Account.API = "abbeycross" })
	w.create(12, func(k *webhook.Token) { k.Account.API, k.ExpiresAt = "abbeycross", w.now })
	for _, when := range []string{"uncached", "cached"} {
		w.expect(when+", expired", 10, auth.ErrExpired)
		w.expect(when+", of another API", 11, auth.ErrInvalid)
		w.expect(when+", of another API and expired", 12, auth.ErrInvalid)
		w.expect(when+", unknown", 13, auth.ErrInvalid)
	}
}

func TestJunkNeverReachesTheStore(t *testing.T) {
	w := newEnv(t)
	good := tokenText(1)
	for _, junk := range []string{
		"", "x", "hk_", good[:len(good)-1], good + "0", good[:len(good)-1] + "=", "HK" + good[2:],
		strings.ToUpper(good), " " + good[1:], strings.Repeat("hk_", 1<<20),
	} {
		_, err := w.Authenticate(t.Context(), webhook.NewSecret(junk))
		if !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%.60q: error %v, want ErrInvalid", junk, err)
		}
		if junk != "" && junk != "x" && junk != "hk_" && strings.Contains(err.Error(), junk) {
			t.Errorf("the error shows what was sent: %v", err)
		}
	}
	w.expectReads("junk", 0)
	if known, unknown := w.Entries(); known+unknown != 0 {
		t.Errorf("junk left %d + %d entries", known, unknown)
	}
}

// A store that answers with another token's record is broken; nobody gets in,
// and it is an internal error, not the client's.
func TestAnotherTokensRecord(t *testing.T) {
	w := newEnv(t)
	for _, bit := range []byte{0x01, 0x80} {
		w.create(1, func(k *webhook.Token) { k.Hash[len(k.Hash)-1] ^= bit })
		got, err := w.Authenticate(t.Context(), webhook.NewSecret(tokenText(1)))
		if err == nil || errors.Is(err, auth.ErrInvalid) || got != (auth.Principal{}) {
			t.Errorf("%+v, %v, want an error that is the store's", got, err)
		}
	}
	w.expectReads("broken answers are not cached", 2)
}

func TestStoreErrorsAreForgotten(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	broken := errors.New("disk on fire")
	for _, cause := range []error{broken, webhook.ErrUnavailable, context.DeadlineExceeded} {
		w.during = func(context.Context) error { return cause }
		w.expect("while the store fails", 1, cause)
		w.expect("while the store fails", 2, cause)
		for _, class := range []error{auth.ErrInvalid, auth.ErrMissing, auth.ErrExpired} {
			_, err := w.Authenticate(t.Context(), webhook.NewSecret(tokenText(1)))
			if errors.Is(err, class) {
				t.Errorf("%v is reported as the client's fault", cause)
			}
		}
	}
	w.during = nil
	w.expectReads("every call asked again", 15)
	w.expect("after that", 1, nil)
	w.expect("after that", 2, auth.ErrInvalid)
}

// What is stale is not used because the store fails: revoked means revoked.
func TestStoreFailsWhenAFindingIsOld(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	w.expect("first", 1, nil)
	broken := errors.New("disk on fire")
	w.during = func(context.Context) error { return broken }
	w.pass(29 * time.Second)
	w.expect("still young", 1, nil)
	w.pass(time.Second)
	w.expect("too old", 1, broken)
}

func TestCancelledContext(t *testing.T) {
	w := newEnv(t)
	w.create(1)
	ctx, cancel := context.WithCancel(t.Context())
	w.during = func(ctx context.Context) error { cancel(); return ctx.Err() }
	for _, n := range []int{1, 2} { // in the middle of the read, then before it
		_, err := w.Authenticate(ctx, webhook.NewSecret(tokenText(n)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("token %d: error %v, want Canceled", n, err)
		}
	}
	w.during = nil
	w.expect("another caller, known", 1, nil)
	w.expect("another caller, unknown", 2, auth.ErrInvalid)
	if _, err := w.Authenticate(ctx, webhook.NewSecret(tokenText(1))); err != nil {
		t.Errorf("a cached token needs no store: %v", err)
	}
}

// Many callers, tokens that come and go, a clock that moves: under the race
// detector, and never an answer that the store did not give in the last 30 s.
func TestConcurrentUse(t *testing.T) {
	const workers, rounds, tokens = 8, 400, 16
	w := newEnv(t)
	for n := range tokens {
		w.create(n)
	}
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for r := range rounds {
				w.expect("always there", (i+r)%tokens, nil)
				w.expect("never there", tokens+(i*r)%97, auth.ErrInvalid)
				if r%10 == 0 {
					w.pass(time.Second)
				}
				n := 1000 + i
				w.create(n)
				w.expect("new", n, nil)
				w.revoke(n)
				w.pass(30 * time.Second)
				w.expect("revoked", n, auth.ErrInvalid)
				w.pass(time.Second)
			}
		})
	}
	wg.Wait()
}

func TestNewNeeds(t *testing.T) {
	needed.Fields(t, auth.Config{Tokens: newEnv(t), API: "squake", Now: time.Now}, func(c auth.Config) { auth.New(c) })
}
