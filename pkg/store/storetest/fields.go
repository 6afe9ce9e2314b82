package storetest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hookline/hookline/pkg/webhook"
)

// allBytes has every value of a byte.
func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// longURL is as long as a URL may be, and multi-byte as far as it can.
func longURL() string {
	u := "https://bücher.example/Ж?q=%00&x='\"#\u200d"
	return u + strings.Repeat("😀", 2000-utf8.RuneCountInString(u))
}

// Every field comes back as it went in, from Create and from the list, one at
// a time and in a batch; times to the millisecond in UTC, zero ones zero.
func testFields(t *testing.T, s *suite) {
	account := newAccount()
	prague := time.FixedZone("CEST", 2*60*60)
	created := time.Date(2026, 7, 8, 9, 10, 11, 987_654_321, prague)
	updated := time.Date(2031, 1, 2, 0, 30, 0, 999_999_999, prague)
	given := newBatch(account, "a", "b", "c.d:e/f#g", "ž 😀")
	given[0].URL = longURL()
	given[0].SealedKey = allBytes()
	given[0].SendPayload = true
	given[0].CreatedAt = created
	given[1].SealedKey = nil
	given[1].Position = batchSize - 1
	given[1].Version = 1<<62 + 1
	given[1].CreatedAt, given[1].UpdatedAt = created, updated
	given[2].SealedKey = []byte{0}
	given[2].CreatedAt = time.UnixMilli(0)
	given[2].Disabled, given[2].DisabledReason = true, "ž 😀#'\""
	given[2].RetiredKeys = retired(4)
	given[3].RetiredKeys = []webhook.RetiredKey{{Sealed: []byte{0}, Until: updated}}
	given[3].Statistics = webhook.Statistics{LastSentAt: created, LastFailedAt: updated, FailedAttempts: 1<<62 + 1}

	want := append([]webhook.Webhook(nil), given...)
	want[0].CreatedAt = time.Date(2026, 7, 8, 7, 10, 11, 987e6, time.UTC)
	want[1].CreatedAt = want[0].CreatedAt
	want[1].UpdatedAt = time.Date(2031, 1, 1, 22, 30, 0, 999e6, time.UTC)
	want[3].RetiredKeys = []webhook.RetiredKey{{Sealed: []byte{0}, Until: want[1].UpdatedAt}}
	want[3].Statistics.LastSentAt, want[3].Statistics.LastFailedAt = want[0].CreatedAt, want[1].UpdatedAt

	same(t, "created webhooks", s.mustCreate(t, creation(given[0])), want[:1])
	same(t, "created webhooks", s.mustCreate(t, creation(given[1:]...)), want[1:])
	s.mustHold(t, account, want...)
	again := creation(given...) // their own ids: read back as they stand
	got := s.mustCreate(t, again)
	same(t, "webhooks found", got, want)
	for _, w := range got {
		mustBeUTC(t, w.CreatedAt, w.UpdatedAt, w.Statistics.LastSentAt, w.Statistics.LastFailedAt)
		s.mustRead(t, w)
	}
	mustBeUTC(t, got[3].RetiredKeys[0].Until)
	if !got[0].UpdatedAt.IsZero() {
		t.Errorf("UpdatedAt of a new webhook = %v, want zero", got[0].UpdatedAt)
	}
	if got[1].SealedKey != nil || got[1].RetiredKeys != nil {
		t.Errorf("SealedKey = %v, RetiredKeys = %v, want nil", got[1].SealedKey, got[1].RetiredKeys)
	}
}

// What is stored does not change when the caller changes what it passed in or
// got back.
func testFieldsKept(t *testing.T, s *suite) {
	account := newAccount()
	given := newBatch(account, "a", "b")
	want := newBatch(account, "a", "b")
	for i := range want {
		want[i].ID, want[i].Claim, want[i].URL = given[i].ID, given[i].Claim, given[i].URL
		want[i].SealedKey = append([]byte(nil), given[i].SealedKey...)
	}
	got := s.mustCreate(t, creation(given...))
	for i := range given {
		given[i].URL = "changed"
		clear(given[i].SealedKey)
		got[i].Event = "changed"
	}
	s.mustHold(t, account, want...)
}
