package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/faketime"
	"github.com/hookline/hookline/pkg/seal/internal/envelope"
	"github.com/hookline/hookline/pkg/webhook"
)

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var owner = WebhookKey(webhook.Account{API: "squake", ID: "acme"}, "1")

func newSealer(t testing.TB, now func() time.Time) *Sealer {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSealer("v1", private.PublicKey().Bytes(), now)
	if err != nil {
		t.Fatal(err)
	}
	s.Prepare()
	return s
}

// dataKeyOf seals once and gives the sealed data key that was used.
func dataKeyOf(t testing.TB, s *Sealer) [envelope.SealedDataKeySize]byte {
	t.Helper()
	sealed, err := s.Seal(owner, webhook.NewSecret(secretText))
	if err != nil {
		t.Fatal(err)
	}
	e, err := envelope.Parse(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if e.KeyID != "v1" {
		t.Fatalf("sealed under %q, want v1", e.KeyID)
	}
	return e.SealedDataKey
}

func TestDataKeyAgesByWallClock(t *testing.T) {
	start := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for name, tt := range map[string]struct {
		at    time.Duration
		fresh bool
	}{
		"at once":          {0, true},
		"just before":      {Lifetime - 1, true},
		"at its end":       {Lifetime, false},
		"long after":       {24 * time.Hour, false},
		"clock set back":   {-time.Nanosecond, false},
		"clock set back h": {-time.Hour, false},
	} {
		now := start
		s := newSealer(t, func() time.Time { return now })
		before := dataKeyOf(t, s)
		now = start.Add(tt.at)
		after := dataKeyOf(t, s)
		if (before == after) != tt.fresh {
			t.Errorf("%s: same data key %v, want %v", name, before == after, tt.fresh)
		}
		if again := dataKeyOf(t, s); again != after {
			t.Errorf("%s: a new data key at every use", name)
		}
	}
}

// The monotonic clock stands still while a process is frozen: neither side of
// an age may carry its reading, or Sub would use it.
func TestDataKeyIgnoresTheMonotonicClock(t *testing.T) {
	s := newSealer(t, time.Now)
	for range 2 {
		if made := s.current.made; made != made.Round(0) {
			t.Errorf("the data key's birth %v keeps a monotonic reading", made)
		}
		s.current.uses = MaxUses
		dataKeyOf(t, s)
	}
}

func TestDataKeyEndsAfterMaxUses(t *testing.T) {
	now := time.Now()
	s := newSealer(t, func() time.Time { return now })
	first := dataKeyOf(t, s)
	for range MaxUses - 2 {
		if _, err := s.Seal(owner, webhook.NewSecret("k")); err != nil {
			t.Fatal(err)
		}
	}
	if dataKeyOf(t, s) != first {
		t.Errorf("use %d has another data key already", MaxUses)
	}
	second := dataKeyOf(t, s)
	if second == first {
		t.Errorf("use %d has the first data key still", MaxUses+1)
	}
}

func TestIdleDataKeyIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := func(s *Sealer) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.current != nil
		}
		s := newSealer(t, time.Now)
		<-faketime.After(Lifetime - 1)
		before := dataKeyOf(t, s)
		<-faketime.After(time.Nanosecond)
		synctest.Wait()
		if held(s) {
			t.Error("the data key is held after its lifetime")
		}
		if dataKeyOf(t, s) == before || !held(s) {
			t.Error("the next use made no new data key")
		}
	})
}

// Every use is counted and no data key is used too often, whoever renews it.
func TestConcurrentRenewal(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newSealer(t, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(Lifetime / 10)
		return now
	})
	uses := map[[envelope.SealedDataKeySize]byte]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				k := dataKeyOf(t, s)
				mu.Lock()
				uses[k]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for _, n := range uses {
		if n > 10 {
			t.Errorf("a data key was used %d times in a lifetime of 10 ticks", n)
		}
	}
	if len(uses) < 40 {
		t.Errorf("400 uses had %d data keys, want at least 40", len(uses))
	}
}

func TestEqualKeysSealDifferently(t *testing.T) {
	s := newSealer(t, time.Now)
	one, err1 := s.Seal(owner, webhook.NewSecret(secretText))
	two, err2 := s.Seal(owner, webhook.NewSecret(secretText))
	if err1 != nil || err2 != nil || bytes.Equal(one, two) {
		t.Errorf("two seals of one key are equal (%v, %v)", err1, err2)
	}
}

func TestRejections(t *testing.T) {
	s := newSealer(t, time.Now)
	key := webhook.NewSecret(secretText)
	account := owner.Account
	for name, o := range map[string]Owner{
		"nobody":     {},
		"no scope":   {Account: account, ID: "1"},
		"odd scope":  {Account: account, Scope: "event", ID: "1"},
		"no id":      WebhookKey(account, ""),
		"no account": WebhookKey(webhook.Account{}, "1"),
		"no API":     AccountKey(webhook.Account{ID: "acme"}),
	} {
		_, err := s.Seal(o, key)
		if !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secretText) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	if _, err := s.Seal(owner, webhook.Secret{}); !errors.Is(err, webhook.ErrInvalid) {
		t.Errorf("empty key: %v, want ErrInvalid", err)
	}
}

func TestNewSealerRefuses(t *testing.T) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := private.PublicKey().Bytes()
	off := bytes.Clone(good)
	off[64] ^= 1
	for name, tt := range map[string]struct {
		id     string
		public []byte
	}{
		"no id":         {"", good},
		"long id":       {strings.Repeat("v", 65), good},
		"no key":        {"v1", nil},
		"short key":     {"v1", good[:64]},
		"off the curve": {"v1", off},
		"infinity":      {"v1", make([]byte, 65)},
	} {
		if _, err := NewSealer(tt.id, tt.public, time.Now); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// What can open must not come in here: neither package open nor the parts of
// HPKE that take a private key.
func TestCannotOpen(t *testing.T) {
	opening := map[string]bool{"Open": true, "NewRecipient": true, "PrivateKey": true, "GenerateKey": true, "NewPrivateKey": true, "NewDHKEMPrivateKey": true}
	var files []string
	for _, pattern := range []string{"*.go", "internal/envelope/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files at %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if strings.HasSuffix(strings.Trim(spec.Path.Value, `"`), "/seal/open") {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && opening[sel.Sel.Name] {
				t.Errorf("%s uses %s", name, sel.Sel.Name)
			}
			return true
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	key := webhook.NewSecret(secretText)
	b.Run("warm", func(b *testing.B) {
		now := time.Now()
		s := newSealer(b, func() time.Time { return now })
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Seal(owner, key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		now := time.Now()
		s := newSealer(b, func() time.Time { now = now.Add(Lifetime); return now })
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Seal(owner, key); err != nil {
				b.Fatal(err)
			}
		}
	})
}
