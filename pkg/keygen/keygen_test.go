package keygen_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

// at is a clock that stands still.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }

var someDay = time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

// counting is a random source that gives 0, 1, 2, … 255, 0, ….
type counting struct{ next byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.next
		c.next++
	}
	return len(p), nil
}

// secretMakers are the methods that make a secret, with what they give for
// the bytes 0, 1, 2, ….
var secretMakers = []struct {
	name   string
	make   func(*keygen.Generator) (webhook.Secret, error)
	bytes  int
	golden string
	decode func(string) ([]byte, error)
}{
	{"Base64Key", (*keygen.Generator).Base64Key, 32, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		base64.StdEncoding.Strict().DecodeString},
	{"PrefixedKey", (*keygen.Generator).PrefixedKey, 32, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		func(s string) ([]byte, error) {
			return base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(s, "whsec_"))
		}},
	{"HexKey", (*keygen.Generator).HexKey, 16, "000102030405060708090a0b0c0d0e0f", hex.DecodeString},
	{"Token", (*keygen.Generator).Token, 32, "hk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		func(s string) ([]byte, error) {
			return base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(s, "hk_"))
		}},
}

func TestSecretsGolden(t *testing.T) {
	for _, tt := range secretMakers {
		for name, source := range map[string]io.Reader{
			"all at once":    &counting{},
			"byte by byte":   iotest.OneByteReader(&counting{}),
			"error at end":   iotest.DataErrReader(io.LimitReader(&counting{}, int64(tt.bytes))),
			"half at a time": iotest.HalfReader(&counting{}),
		} {
			got, err := tt.make(keygen.New(source, at(someDay)))
			if err != nil || got.Reveal() != tt.golden {
				t.Errorf("%s, %s: %q, %v, want %q", tt.name, name, got.Reveal(), err, tt.golden)
			}
		}
	}
}

// The characters that tell the two base64 alphabets apart come from high bits.
func TestSecretAlphabets(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, 32)
	for i, want := range []string{
		strings.Repeat("/", 42) + "8=",
		"whsec_" + strings.Repeat("/", 42) + "8=",
		strings.Repeat("f", 32),
		"hk_" + strings.Repeat("_", 42) + "8",
	} {
		tt := secretMakers[i]
		got, err := tt.make(keygen.New(bytes.NewReader(ones), at(someDay)))
		if err != nil || got.Reveal() != want {
			t.Errorf("%s of all ones: %q, %v, want %q", tt.name, got.Reveal(), err, want)
		}
	}
}

func TestFailingSource(t *testing.T) {
	broken := errors.New("out of entropy")
	for _, tt := range secretMakers {
		for _, source := range []struct {
			name string
			r    io.Reader
			want error
		}{
			{"fails", iotest.ErrReader(broken), broken},
			{"empty", bytes.NewReader(nil), io.EOF},
			{"one byte short", io.LimitReader(&counting{}, int64(tt.bytes-1)), io.ErrUnexpectedEOF},
			{"fails late", io.MultiReader(io.LimitReader(&counting{}, int64(tt.bytes-1)), iotest.ErrReader(broken)), broken},
		} {
			got, err := tt.make(keygen.New(source.r, at(someDay)))
			if !errors.Is(err, source.want) || got != (webhook.Secret{}) {
				t.Errorf("%s, source %s: %q, %v, want error %v", tt.name, source.name, got.Reveal(), err, source.want)
			}
			if err != nil && (strings.Contains(err.Error(), tt.golden[:8]) || !strings.Contains(err.Error(), "make a")) {
				t.Errorf("%s, source %s: error %q", tt.name, source.name, err)
			}
		}
	}
	// A UUID takes 2 bytes for its counter and 8 for the rest.
	for _, n := range []int64{0, 1, 2, 9} {
		got, err := keygen.New(io.LimitReader(&counting{}, n), at(someDay)).UUID()
		if err == nil || got != "" {
			t.Errorf("UUID of %d random bytes: %q, %v", n, got, err)
		}
	}
	if got, err := keygen.New(iotest.ErrReader(broken), at(someDay)).Sequence(1); !errors.Is(err, broken) || got != 0 {
		t.Errorf("Sequence without randomness: %d, %v", got, err)
	}
}

func TestSecretsAreUnique(t *testing.T) {
	const n = 20_000
	g := keygen.New(rand.Reader, time.Now)
	for _, tt := range secretMakers {
		seen := make(map[string]bool, n)
		for range n {
			secret, err := tt.make(g)
			if err != nil {
				t.Fatal(err)
			}
			seen[secret.Reveal()] = true
			raw, err := tt.decode(secret.Reveal())
			if err != nil || len(raw) != tt.bytes || len(secret.Reveal()) != len(tt.golden) {
				t.Fatalf("%s: %d characters, decoded %d bytes, %v", tt.name, len(secret.Reveal()), len(raw), err)
			}
		}
		if len(seen) != n {
			t.Errorf("%s: %d different of %d", tt.name, len(seen), n)
		}
	}
}

func TestLooksLikeToken(t *testing.T) {
	body := strings.Repeat("aZ0-_", 9)[:43]
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"hk_" + body, true},
		{"hk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", true},
		{"", false},
		{"hk_", false},
		{body + "hk_", false},
		{"HK_" + body, false},
		{"hk_" + body[1:], false},
		{"hk_" + body + "a", false},
		{"hk_" + body[1:] + "=", false},
		{"hk_" + body[1:] + "+", false},
		{"hk_" + body[1:] + "/", false},
		{"hk_" + body[1:] + " ", false},
		{"hk_" + body[1:] + "\n", false},
		{"hk_" + body[1:] + ",", false},
		{"hk_" + body[1:] + "\x00", false},
		{"hk_" + body[1:] + "\x7f", false},
		{"hk_" + body[2:] + "ä", false}, // two bytes
		{"hk_@" + body[1:], false},
		{"hk_" + body[1:] + "[", false},
		{"hk_" + body[1:] + "`", false},
		{"hk_" + body[1:] + "{", false},
		{"hk_" + body[1:] + ":", false},
	} {
		if got := keygen.LooksLikeToken(tt.in); got != tt.want {
			t.Errorf("LooksLikeToken(%q) = %v", tt.in, got)
		}
	}
	g := keygen.New(rand.Reader, time.Now)
	for range 10_000 {
		token, err := g.Token()
		if err != nil || !keygen.LooksLikeToken(token.Reveal()) {
			t.Fatalf("a token does not look like one: %v", err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	const workers, each = 8, 500
	g := keygen.New(rand.Reader, time.Now)
	made := make([]map[string]bool, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			made[i] = make(map[string]bool)
			for range each {
				id, idErr := g.UUID()
				key, keyErr := g.Base64Key()
				_, seqErr := g.Sequence(byte(i))
				if err := errors.Join(idErr, keyErr, seqErr); err != nil {
					t.Error(err)
				}
				made[i][id], made[i][key.Reveal()] = true, true
			}
		})
	}
	wg.Wait()
	all := make(map[string]bool)
	for _, m := range made {
		for s := range m {
			all[s] = true
		}
	}
	if want := workers * each * 2; len(all) != want {
		t.Errorf("%d different ids and keys, want %d", len(all), want)
	}
}
