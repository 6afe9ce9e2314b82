package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// Of concurrent creations of one event exactly one succeeds, and all others
// learn the winner's id.
func testRequestID(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	var want []webhook.Webhook
	for round := range s.rounds {
		event := fmt.Sprintf("event-%05d", round)
		rivals := make([]webhook.Webhook, contestants)
		for i := range rivals {
			rivals[i] = newWebhook(account, event)
		}
		got := make([][]webhook.Webhook, contestants)
		errs := make([]error, contestants)
		race(contestants, func(i int) { got[i], errs[i] = s.Create(ctx, creation(rivals[i])) })
		winner := oneWinner(t, errs)
		same(t, "created webhooks", got[winner], rivals[winner:winner+1])
		mustBeTaken(t, errs, winner, map[string]string{event: rivals[winner].ID})
		want = append(want, rivals[winner])
	}
	s.mustHold(t, account, want...)
}

// oneWinner gives the place of the only nil in errs.
func oneWinner(t *testing.T, errs []error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("requests %d and %d both succeeded", winner, i)
		case err == nil:
			winner = i
		}
	}
	if winner < 0 {
		t.Fatalf("no request succeeded; the first failed with: %v", errs[0])
	}
	return winner
}

// mustBeTaken fails the test unless all but the winner's error say want.
func mustBeTaken(t *testing.T, errs []error, winner int, want map[string]string) {
	t.Helper()
	for i, err := range errs {
		if i != winner {
			mustSayTaken(t, err, want)
		}
	}
}

// mustSayTaken fails the test unless err is a TakenError of exactly want.
func mustSayTaken(t *testing.T, err error, want map[string]string) {
	t.Helper()
	var taken *webhook.TakenError
	if !errors.As(err, &taken) {
		t.Fatalf("error = %v, want a TakenError of %v", err, want)
	}
	if diff := cmp.Diff(want, taken.IDs); diff != "" {
		t.Fatalf("TakenError.IDs (-want +got):\n%s", diff)
	}
	if errors.Is(err, webhook.ErrExcluded) {
		t.Errorf("error %v is both taken and excluded", err)
	}
}

// A webhook is refused for as long as one stands, and what stands is not
// touched; each is read the moment its creation has returned.
func testRequestIDSequence(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	s.mustHold(t, account)
	var want []webhook.Webhook
	for i := range 10 {
		w := newWebhook(account, fmt.Sprintf("event-%d", i))
		same(t, "created webhooks", s.mustCreate(t, creation(w)), []webhook.Webhook{w})
		want = append(want, w)
		s.mustHold(t, account, want...)

		_, err := s.Create(ctx, creation(newWebhook(account, w.Event)))
		mustSayTaken(t, err, map[string]string{w.Event: w.ID})
		s.mustHold(t, account, want...)
	}
}

// again gives records for another try of the request that made those of was:
// under new ids, with the same claims.
func again(was ...webhook.Webhook) []webhook.Webhook {
	batch := make([]webhook.Webhook, len(was))
	for i, w := range was {
		batch[i] = newWebhook(w.Account, w.Event)
		batch[i].RequestID = w.RequestID
		batch[i].Position = i
	}
	return batch
}

// A record that carries the request's claim is its own: it is returned as it
// stands. An id says nothing: two requests may have made up the same.
func testOwn(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	w := newWebhook(account, "event")
	s.mustCreate(t, creation(w))
	same(t, "webhooks found under an earlier id", s.mustCreate(t, creation(again(w)...)), []webhook.Webhook{w})
	s.mustHold(t, account, w)

	stranger := newWebhook(account, "event")
	stranger.ID = w.ID
	_, err := s.Create(ctx, creation(stranger))
	mustSayTaken(t, err, map[string]string{"event": w.ID})

	fresh := newWebhook(account, "other")
	fresh.RequestID = w.RequestID
	same(t, "webhooks of which no earlier one stands", s.mustCreate(t, creation(fresh)), []webhook.Webhook{fresh})
	s.mustHold(t, account, w, fresh)
}

// The same holds for a batch, whether its records share an id or not.
func testOwnBatch(t *testing.T, s *suite) {
	for name, shared := range map[string]bool{"own ids": false, "one id": true} {
		t.Run(name, func(t *testing.T) {
			account := newAccount()
			batch := newBatch(account, "a", "b", "c")
			want := []webhook.Webhook{batch[2], batch[1], batch[0]}
			if shared {
				for i := range batch {
					batch[i].ID, want[i].ID = batch[0].ID, batch[0].ID
				}
			}
			s.mustCreate(t, creation(batch...))
			same(t, "webhooks found", s.mustCreate(t, creation(again(want...)...)), want)
			s.mustHold(t, account, batch...)
		})
	}
}

// Where some of a batch stand as its own, the others are added; where others
// are taken, only those are the conflict, and nothing is added.
func testOwnPartly(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	stand := newBatch(account, "b", "d")
	s.mustCreate(t, creation(stand...))

	batch := newBatch(account, "a", "b", "c", "d")
	batch[1].RequestID = stand[0].RequestID
	_, err := s.Create(ctx, creation(batch...))
	mustSayTaken(t, err, map[string]string{"d": stand[1].ID})
	s.mustHold(t, account, stand...)

	batch[3].RequestID = stand[1].RequestID
	want := []webhook.Webhook{batch[0], stand[0], batch[2], stand[1]}
	same(t, "webhooks partly found", s.mustCreate(t, creation(batch...)), want)
	s.mustHold(t, account, want...)
}

// A repeated creation with exclusions finds its own as well.
func testOwnExclusions(t *testing.T, s *suite) {
	account := newAccount()
	xs := []webhook.Exclusion{pair("a", "x"), pair("b", "y")}
	batch := newBatch(account, "a", "b")
	s.mustCreate(t, excluding(xs, batch...))
	same(t, "webhooks found", s.mustCreate(t, excluding(xs, again(batch...)...)), batch)
	s.mustHold(t, account, batch...)
}

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
func testFieldsStored(t *testing.T, s *suite) {
	account := newAccount()
	given := newBatch(account, "a", "b")
	want := newBatch(account, "a", "b")
	for i := range want {
		want[i].ID, want[i].RequestID, want[i].URL = given[i].ID, given[i].RequestID, given[i].URL
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

// One event may be registered in every account and API; each sees its own
// only, however alike the names are.
func testIsolation(t *testing.T, s *suite) {
	ctx := s.context(t)
	d := webhook.API("t" + newID())
	var accounts []webhook.Account
	ids := []string{"a", "A", "a-", "a-b", "a_b", "ab", "a-b-c", "b", "-a", "ACCOUNT", "E", "T"}
	for _, api := range []webhook.API{d, d + "a", d + "-a", "a" + d} {
		for _, id := range ids {
			accounts = append(accounts, webhook.Account{API: api, ID: id})
		}
	}
	events := []string{"e", "e-e", "e.e", "e:e", "ee"}
	held := make(map[webhook.Account][]webhook.Webhook)
	for _, a := range accounts {
		s.mustHold(t, a)
		held[a] = newBatch(a, events...)
		s.mustCreate(t, creation(held[a]...))
	}
	for _, a := range accounts {
		s.mustHold(t, a, held[a]...)
	}
	for i, a := range accounts {
		// The request that made another account's record did not make this one's:
		// neither the next account's, nor that of the next API's account of this id.
		for _, next := range []int{1, len(ids)} {
			other := accounts[(i+next)%len(accounts)]
			_, err := s.Create(ctx, creation(again(webhook.Webhook{Account: a, Event: "e", RequestID: held[other][0].RequestID})...))
			mustSayTaken(t, err, map[string]string{"e": held[a][0].ID})
		}
	}
}

// Webhooks, accounts, tokens and sealing keys of one name do not meet.
func testIsolationKinds(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := newAccount()
	name := account.ID
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account, CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account)
	w := newWebhook(account, name)
	s.mustCreate(t, creation(w))
	token := newToken(account, name)
	if err := s.CreateToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddSealingKey(ctx, newSealingKey(name)); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account, w)
	tokens, err := s.Tokens(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tokens", tokens, []webhook.Token{token})
	accounts, err := s.Accounts(ctx, account.API)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "accounts", accounts, []webhook.AccountInfo{{Account: account, CreatedAt: at}})
	if err := s.RevokeToken(ctx, account, name); err != nil {
		t.Fatal(err)
	}
	s.mustHold(t, account, w)
}

// byteOrder are names in the order of their bytes, which is every list's.
var byteOrder = []string{"-", "0", "10", "9", "A", "B", "Z", "_", "a", "a-", "a-b", "a0", "aB", "a_", "aa", "z"}

// shuffled gives byteOrder in another order.
func shuffled() []string {
	names := slices.Clone(byteOrder)
	slices.Reverse(names)
	half := len(names) / 2
	return slices.Concat(names[half:], names[:half])
}

// Webhooks are listed by event, in the order of its bytes.
func testList(t *testing.T, s *suite) {
	account := newAccount()
	made := map[string]webhook.Webhook{}
	for _, event := range shuffled() {
		made[event] = newWebhook(account, event)
		s.mustCreate(t, creation(made[event]))
	}
	var want []webhook.Webhook
	for _, event := range byteOrder {
		want = append(want, made[event])
	}
	s.mustHold(t, account, want...)
}

// A list past 1 MB comes whole: 500 webhooks with URLs of 2,500 bytes.
func testListLarge(t *testing.T, s *suite) {
	const count, urlLength = 500, 2500
	account := newAccount()
	var want []webhook.Webhook
	for chunk := range slices.Chunk(numbered("event", count), batchSize) {
		batch := newBatch(account, chunk...)
		for i := range batch {
			batch[i].URL += "/" + strings.Repeat("x", urlLength-len(batch[i].URL)-1)
		}
		s.mustCreate(t, creation(batch...))
		want = append(want, batch...)
	}
	s.mustHold(t, account, want...)
}
