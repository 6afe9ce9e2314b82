package keygen_test

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
)

// The example of RFC 9562, appendix A.6, but for the highest bit of its rand_a:
// the counter that stands there starts with that bit clear.
func TestUUIDGolden(t *testing.T) {
	example := time.Date(2022, 2, 22, 14, 22, 22, 0, time.FixedZone("", -5*60*60))
	source := bytes.NewReader([]byte{0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f})
	got, err := keygen.New(source, at(example)).UUID()
	if want := "017f22e2-79b0-74c3-98c4-dc0c0c07398f"; err != nil || got != want {
		t.Errorf("UUID() = %q, %v, want %q", got, err, want)
	}
}

func TestUUIDsSortAsMade(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	now := someDay
	g := keygen.New(rand.Reader, func() time.Time { return now })
	last := ""
	for i := range 100_000 {
		switch {
		case i%5_000 == 0: // many in one millisecond
			now = now.Add(time.Millisecond)
		case i == 60_001: // the clock goes back
			now = now.Add(-time.Hour)
		}
		id, err := g.UUID()
		if err != nil || !form.MatchString(id) {
			t.Fatalf("UUID() = %q, %v", id, err)
		}
		if id <= last {
			t.Fatalf("%s came after %s", id, last)
		}
		last = id
	}
}

func TestSequenceGolden(t *testing.T) {
	epoch := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	last := epoch.Add((1<<41 - 1) * time.Millisecond)
	for _, tt := range []struct {
		name   string
		now    time.Time
		number uint8
		random byte
		want   int64
	}{
		{"the least", epoch.Add(time.Millisecond), 0, 0x00, 1 << 12},
		{"only low bits of randomness", epoch.Add(time.Millisecond), 0, 0xf0, 1 << 12},
		{"number and randomness", epoch.Add(2 * time.Millisecond), 0xab, 0x7c, 0x2abc},
		{"another zone", epoch.Add(time.Hour).In(time.FixedZone("", 3600)), 1, 0, 3_600_000<<12 | 1<<4},
		{"less than a millisecond on", epoch.Add(2*time.Millisecond - 1), 0, 1, 1<<12 | 1},
		{"the greatest", last, 255, 0xff, 1<<53 - 1},
		{"the end of the last millisecond", last.Add(time.Millisecond - 1), 255, 0xff, 1<<53 - 1},
	} {
		got, err := keygen.New(bytes.NewReader([]byte{tt.random}), at(tt.now)).Sequence(tt.number)
		if err != nil || got != tt.want {
			t.Errorf("%s: %#x, %v, want %#x", tt.name, got, err, tt.want)
		}
	}
	for _, now := range []time.Time{
		{}, time.Unix(0, 0), epoch.Add(-1), epoch, epoch.Add(time.Millisecond - 1), last.Add(time.Millisecond),
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := keygen.New(&counting{}, at(now)).Sequence(255); err == nil || got != 0 {
			t.Errorf("at %s: %d, %v, want an error", now, got, err)
		}
	}
}

// Whatever the number and the random bits, a later millisecond is greater;
// within one, a greater number is.
func TestSequenceGrows(t *testing.T) {
	now := someDay
	g := keygen.New(rand.Reader, func() time.Time { return now })
	last := int64(0)
	for range 200 {
		now = now.Add(time.Millisecond)
		for number := 0; number < 256; number += 51 {
			id, err := g.Sequence(byte(number))
			if err != nil || id <= last || id >= 1<<53 {
				t.Fatalf("Sequence(%d) = %d after %d, %v", number, id, last, err)
			}
			last = id
		}
	}
}
