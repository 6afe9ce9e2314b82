package open

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var (
	account = webhook.Account{API: "squake", ID: "acme"}
	owner   = seal.WebhookKey(account, "0198c0de-7000-7000-8000-000000000001")
)

// ring is a set of private keys in memory that counts what it is asked for.
type ring struct {
	mu    sync.Mutex
	keys  map[string]hpke.PrivateKey
	asked map[string]int
	fail  error
}

func newRing(t testing.TB, ids ...string) *ring {
	t.Helper()
	r := &ring{keys: map[string]hpke.PrivateKey{}, asked: map[string]int{}}
	for _, id := range ids {
		key, err := hpke.DHKEM(ecdh.P256()).GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		r.keys[id] = key
	}
	return r
}

func (r *ring) Private(_ context.Context, id string) (hpke.PrivateKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[id]++
	if r.fail != nil {
		return nil, r.fail
	}
	key, ok := r.keys[id]
	if !ok {
		return nil, fmt.Errorf("key %q: %w", id, webhook.ErrNotFound)
	}
	return key, nil
}

func (r *ring) sealer(t testing.TB, id string) *seal.Sealer {
	t.Helper()
	s, err := seal.NewSealer(id, r.keys[id].PublicKey().Bytes(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSeal(t testing.TB, s *seal.Sealer, o seal.Owner, text string) []byte {
	t.Helper()
	sealed, err := s.Seal(o, webhook.NewSecret(text))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestRoundTrip(t *testing.T) {
	keys := newRing(t, "v1")
	sealer, opener := keys.sealer(t, "v1"), New(keys)
	for _, o := range []seal.Owner{
		owner,
		seal.AccountKey(webhook.Account{API: "shoptet", ID: "315185-addon"}),
		seal.WebhookKey(webhook.Account{API: "x", ID: "y"}, strings.Repeat("i", 5000)),
	} {
		for _, text := range []string{"k", secretText, strings.Repeat("\x00\xff", 4096)} {
			sealed := mustSeal(t, sealer, o, text)
			if want := 143 + len("v1") + len(text); len(sealed) != want {
				t.Errorf("sealed key has %d bytes, want %d", len(sealed), want)
			}
			if len(text) > 1 && bytes.Contains(sealed, []byte(text)) {
				t.Errorf("sealed key shows the key")
			}
			got, err := opener.Open(t.Context(), o, sealed)
			if err != nil || got.Reveal() != text {
				t.Errorf("Open for %s = %d bytes, %v, want what was sealed", o.Account, len(got.Reveal()), err)
			}
		}
	}
	if keys.asked["v1"] != 1 {
		t.Errorf("private key was asked for %d times, want once", keys.asked["v1"])
	}
}

// A record written in format 1 must open for as long as there are any. The
// file was sealed to the public key of the RFC 9180 vector.
func TestOpensRecordOfFormat1(t *testing.T) {
	keys := &ring{keys: map[string]hpke.PrivateKey{"v1": rfcPrivateKey(t)}, asked: map[string]int{}}
	got, err := New(keys).Open(t.Context(), owner, unhex(t, format1(t)))
	if err != nil || got.Reveal() != secretText {
		t.Errorf("Open = %q, %v, want %q", got.Reveal(), err, secretText)
	}
}

func format1(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/format1.hex")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestOldRecordsOpenAfterRotation(t *testing.T) {
	keys := newRing(t, "v1", "v2")
	old := mustSeal(t, keys.sealer(t, "v1"), owner, "old")
	current := mustSeal(t, keys.sealer(t, "v2"), owner, "new")
	opener := New(keys)
	for want, sealed := range map[string][]byte{"old": old, "new": current} {
		got, err := opener.Open(t.Context(), owner, sealed)
		if err != nil || got.Reveal() != want {
			t.Errorf("Open = %q, %v, want %q", got.Reveal(), err, want)
		}
	}
	delete(keys.keys, "v1")
	if _, err := New(keys).Open(t.Context(), owner, old); !errors.Is(err, webhook.ErrNotFound) || errors.Is(err, ErrRefused) {
		t.Errorf("without the old private key: %v, want ErrNotFound", err)
	}
}

// anyID answers every id with one key: what is refused then is refused by the
// cryptography and not by a look-up.
type anyID struct{ hpke.PrivateKey }

func (k anyID) Private(context.Context, string) (hpke.PrivateKey, error) { return k.PrivateKey, nil }

func TestEveryBitCounts(t *testing.T) {
	keys := newRing(t, "v1")
	sealed := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
	opener := New(anyID{keys.keys["v1"]})
	if _, err := opener.Open(t.Context(), owner, sealed); err != nil {
		t.Fatal(err)
	}
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := opener.Open(t.Context(), owner, changed); !errors.Is(err, ErrRefused) {
			t.Errorf("byte %d bit %d flipped: %v, want ErrRefused", bit/8, bit%8, err)
		}
	}
	for n := range sealed {
		if _, err := opener.Open(t.Context(), owner, sealed[:n]); !errors.Is(err, ErrRefused) {
			t.Errorf("cut to %d bytes: %v, want ErrRefused", n, err)
		}
	}
	for _, longer := range [][]byte{append(bytes.Clone(sealed), 0), append([]byte{1}, sealed...)} {
		if _, err := opener.Open(t.Context(), owner, longer); !errors.Is(err, ErrRefused) {
			t.Errorf("a byte more: %v, want ErrRefused", err)
		}
	}
}

func TestEveryPartOfTheOwnerCounts(t *testing.T) {
	keys := newRing(t, "v1")
	sealer, opener := keys.sealer(t, "v1"), New(keys)
	of := func(api webhook.API, id string) webhook.Account {
		return webhook.Account{API: api, ID: id}
	}
	for name, tt := range map[string]struct{ sealed, opened seal.Owner }{
		"account":              {owner, seal.WebhookKey(of("squake", "other"), owner.ID)},
		"API":                  {owner, seal.WebhookKey(of("shoptet", "acme"), owner.ID)},
		"id":                   {owner, seal.WebhookKey(account, "0198c0de-7000-7000-8000-000000000002")},
		"scope":                {seal.WebhookKey(account, account.ID), seal.AccountKey(account)},
		"scope, the other way": {seal.AccountKey(account), seal.WebhookKey(account, account.ID)},
		"a:b and c":            {seal.WebhookKey(of("squake", "a:b"), "c"), seal.WebhookKey(of("squake", "a"), "b:c")},
		"ab and c":             {seal.WebhookKey(of("squake", "ab"), "c"), seal.WebhookKey(of("squake", "a"), "bc")},
		"colon in the API":     {seal.WebhookKey(of("a:b", "c"), "d"), seal.WebhookKey(of("a", "b:c"), "d")},
		"nobody":               {owner, seal.Owner{}},
	} {
		sealed := mustSeal(t, sealer, tt.sealed, secretText)
		if _, err := opener.Open(t.Context(), tt.sealed, sealed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := opener.Open(t.Context(), tt.opened, sealed); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: opened for another owner: %v, want ErrRefused", name, err)
		}
	}
}

// Two key ids over one key pair: the id itself is bound in.
func TestKeyIDCounts(t *testing.T) {
	keys := newRing(t, "v1")
	sealed := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
	renamed := bytes.Replace(sealed, []byte("v1"), []byte("v2"), 1)
	if _, err := New(anyID{keys.keys["v1"]}).Open(t.Context(), owner, renamed); !errors.Is(err, ErrRefused) {
		t.Errorf("under another key id: %v, want ErrRefused", err)
	}
	wrong := newRing(t, "v1")
	if _, err := New(wrong).Open(t.Context(), owner, sealed); !errors.Is(err, ErrRefused) {
		t.Errorf("with another private key: %v, want ErrRefused", err)
	}
}

func TestErrorsHideTheSecret(t *testing.T) {
	keys := newRing(t, "v1")
	sealer, opener := keys.sealer(t, "v1"), New(keys)
	sealed := mustSeal(t, sealer, owner, secretText)
	got, err := opener.Open(t.Context(), owner, sealed)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign := opener.Open(t.Context(), seal.AccountKey(account), sealed)
	_, malformed := opener.Open(t.Context(), owner, []byte(secretText))
	for _, shown := range []string{
		fmt.Sprintf("%v %+v %#v %s", got, got, got, got),
		fmt.Sprintf("%v %+v %#v", foreign, foreign, foreign),
		fmt.Sprintf("%v %+v %#v", malformed, malformed, malformed),
		fmt.Sprintf("%v %+v", sealer, opener),
	} {
		if strings.Contains(shown, secretText) {
			t.Errorf("shows the secret: %s", shown)
		}
	}
}
