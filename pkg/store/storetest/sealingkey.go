package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// newSealingKey makes a key whose bytes are like no other's.
func newSealingKey(id string) webhook.SealingKey {
	public := append([]byte{4}, newID()+newID()+newID()...)[:65]
	return webhook.SealingKey{
		ID: id, Public: public, WrappedPrivate: append(allBytes(), newID()...), CreatedAt: at,
	}
}

// A key stays as it was first added; all are listed in the order of their
// ids.
func testSealingKeys(t *testing.T, s *suite) {
	ctx := s.context(t)
	prefix := "k" + newID()
	var want []webhook.SealingKey
	for i, name := range shuffled() {
		given := newSealingKey(prefix + name)
		if i == 0 {
			given.WrappedPrivate = nil
		}
		first := given
		given.CreatedAt = at.Add(999 * time.Microsecond).In(time.FixedZone("CEST", 2*60*60))
		for _, k := range []webhook.SealingKey{given, newSealingKey(given.ID), given} {
			got, err := s.AddSealingKey(ctx, k)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "sealing key that stands", []webhook.SealingKey{got}, []webhook.SealingKey{first})
			mustBeUTC(t, got.CreatedAt)
		}
		want = append(want, first)
	}
	slices.SortFunc(want, func(a, b webhook.SealingKey) int { return strings.Compare(a.ID, b.ID) })
	same(t, "sealing keys", s.keysOf(t, prefix), want)
}

// keysOf lists the keys whose ids start with prefix, as the store orders
// them.
func (s *suite) keysOf(t *testing.T, prefix string) []webhook.SealingKey {
	t.Helper()
	all, err := s.SealingKeys(s.context(t))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(k webhook.SealingKey) bool { return !strings.HasPrefix(k.ID, prefix) })
}

// Whoever adds a key concurrently, all are given the same one.
func testSealingKeyRace(t *testing.T, s *suite) {
	ctx := s.context(t)
	for range s.rounds {
		id := newID()
		got := make([]webhook.SealingKey, 8)
		errs := make([]error, len(got))
		race(len(got), func(i int) { got[i], errs[i] = s.AddSealingKey(ctx, newSealingKey(id)) })
		stands := s.keysOf(t, id)
		if len(stands) != 1 {
			t.Fatalf("%d keys of one id stand", len(stands))
		}
		for i, k := range got {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			same(t, "sealing key that stands", []webhook.SealingKey{k}, stands)
		}
	}
}
