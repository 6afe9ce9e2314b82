package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	account = webhook.Account{API: "test", ID: "a"}
	now     = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.FixedZone("x", 3600))
)

// creator is a store whose Create is the function, and that is asked for
// nothing else.
type creator struct {
	registry.Store
	create func(webhook.Creation) ([]webhook.Webhook, error)
}

func (c creator) Create(_ context.Context, creation webhook.Creation) ([]webhook.Webhook, error) {
	return c.create(creation)
}

func storeFunc(create func(webhook.Creation) ([]webhook.Webhook, error)) registry.Store {
	return creator{create: create}
}

// recordSeals notes what was sealed for whom instead of sealing it.
type recordSeals struct {
	sealed map[string]string
	err    error
}

func (r *recordSeals) Seal(o seal.Owner, key webhook.Secret) ([]byte, error) {
	r.sealed[o.ID] = key.Reveal()
	return []byte("sealed for " + o.ID), r.err
}

func newRegistry(store registry.Store, sealer registry.Sealer) *registry.Registry {
	ids, requests := 0, 0
	return registry.New(registry.Config{
		Store: store, Sealer: sealer, Now: func() time.Time { return now },
		NewRequestID: func() (string, error) { requests++; return fmt.Sprint("request", requests), nil },
		Rules: registry.Rules{
			NewIDs: func(events []string) ([]string, error) {
				ids++
				return slices.Repeat([]string{fmt.Sprint("id", ids)}, len(events)), nil
			},
			NewKey:    func() (webhook.Secret, error) { return webhook.NewSecret("the key"), nil },
			Excluding: [][2]string{{"a", "b"}, {"a", "c"}},
		},
	})
}

func TestRegisterMakesRecords(t *testing.T) {
	var got webhook.Creation
	sealer := &recordSeals{sealed: map[string]string{}}
	r := newRegistry(storeFunc(func(c webhook.Creation) ([]webhook.Webhook, error) {
		got = c
		return c.Webhooks, nil
	}), sealer)
	registration, err := r.Register(t.Context(), account, []registry.Item{{Event: "a", URL: "u1", SendPayload: true}, {Event: "d", URL: "u2"}})
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 1, 2, 2, 4, 5, 678_000_000, time.UTC)
	want := []webhook.Webhook{
		{Account: account, Event: "a", ID: "id1", RequestID: "request1", URL: "u1", SendPayload: true, SealedKey: []byte("sealed for id1"), Version: 1, CreatedAt: created},
		{Account: account, Event: "d", ID: "id1", RequestID: "request1", URL: "u2", Position: 1, SealedKey: []byte("sealed for id1"), Version: 1, CreatedAt: created},
	}
	for i := range want {
		if fmt.Sprint(got.Webhooks[i]) != fmt.Sprint(want[i]) || fmt.Sprint(registration.Webhooks[i]) != fmt.Sprint(want[i]) {
			t.Errorf("record %d is %v, want %v", i, got.Webhooks[i], want[i])
		}
	}
	if want := []webhook.Exclusion{{Event: "a", By: "b"}, {Event: "a", By: "c"}}; !slices.Equal(got.Exclusions, want) {
		t.Errorf("exclusions %v, want %v", got.Exclusions, want)
	}
	if registration.SigningKey.Reveal() != "the key" || sealer.sealed["id1"] != "the key" {
		t.Errorf("key %q answered, %q sealed", registration.SigningKey.Reveal(), sealer.sealed)
	}
}

func TestExclusionsWorkBothWays(t *testing.T) {
	var got webhook.Creation
	r := newRegistry(storeFunc(func(c webhook.Creation) ([]webhook.Webhook, error) {
		got = c
		return nil, &webhook.ExcludedError{Found: c.Exclusions}
	}), &recordSeals{sealed: map[string]string{}})
	_, err := r.Register(t.Context(), account, []registry.Item{{Event: "b"}, {Event: "c"}, {Event: "d"}})
	if !errors.Is(err, webhook.ErrExcluded) {
		t.Errorf("error %v, want ErrExcluded", err)
	}
	if want := []webhook.Exclusion{{Event: "b", By: "a"}, {Event: "c", By: "a"}}; !slices.Equal(got.Exclusions, want) {
		t.Errorf("exclusions %v, want %v", got.Exclusions, want)
	}
}

func TestUnknownOutcomeIsTriedUnderNewIDs(t *testing.T) {
	var tries []webhook.Creation
	sealer := &recordSeals{sealed: map[string]string{}}
	r := newRegistry(storeFunc(func(c webhook.Creation) ([]webhook.Webhook, error) {
		tries = append(tries, c)
		if len(tries) < 3 {
			return nil, fmt.Errorf("put: %w", webhook.ErrUnknownOutcome)
		}
		return []webhook.Webhook{tries[0].Webhooks[0]}, nil // the first one had arrived
	}), sealer)
	registration, err := r.Register(t.Context(), account, []registry.Item{{Event: "d"}})
	if err != nil || registration.Webhooks[0].ID != "id1" {
		t.Fatalf("registered %v, %v", registration.Webhooks, err)
	}
	for i, wantID := range []string{"id1", "id2", "id3"} {
		if w := tries[i].Webhooks[0]; w.ID != wantID || w.RequestID != "request1" {
			t.Errorf("try %d was for id %s and request %q, want %s and always the same request", i, w.ID, w.RequestID, wantID)
		}
	}
	for _, id := range []string{"id1", "id2", "id3"} {
		if sealer.sealed[id] != "the key" {
			t.Errorf("under %s the key sealed is %q", id, sealer.sealed[id])
		}
	}
}

func TestUnknownOutcomeEnds(t *testing.T) { synctest.Test(t, testUnknownOutcomeEnds) }

func testUnknownOutcomeEnds(t *testing.T) {
	calls := 0
	r := newRegistry(storeFunc(func(webhook.Creation) ([]webhook.Webhook, error) {
		calls++
		return nil, webhook.ErrUnknownOutcome
	}), &recordSeals{sealed: map[string]string{}})
	if _, err := r.Register(t.Context(), account, []registry.Item{{Event: "d"}}); !errors.Is(err, webhook.ErrUnknownOutcome) || calls != 8 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls = 0
	if _, err := r.Register(ctx, account, []registry.Item{{Event: "d"}}); !errors.Is(err, webhook.ErrUnknownOutcome) || calls != 1 {
		t.Errorf("with the deadline gone, after %d calls: %v", calls, err)
	}
}

func TestFailuresAreNotReported(t *testing.T) {
	broken := errors.New("broken")
	for name, r := range map[string]*registry.Registry{
		"seal": newRegistry(storeFunc(func(c webhook.Creation) ([]webhook.Webhook, error) { return c.Webhooks, nil }),
			&recordSeals{sealed: map[string]string{}, err: broken}),
		"store": newRegistry(storeFunc(func(webhook.Creation) ([]webhook.Webhook, error) { return nil, broken }),
			&recordSeals{sealed: map[string]string{}}),
	} {
		registration, err := r.Register(t.Context(), account, []registry.Item{{Event: "d"}})
		if !errors.Is(err, broken) || registration.Webhooks != nil || registration.SigningKey != (webhook.Secret{}) {
			t.Errorf("%s: registered %v, %v", name, registration, err)
		}
	}
}

// After a try of unknown outcome, the store's word that it wrote nothing is
// about the latest try only.
func TestUnknownOutcomeStaysUnknown(t *testing.T) {
	responses := []error{webhook.ErrUnknownOutcome, webhook.ErrUnavailable}
	r := newRegistry(storeFunc(func(webhook.Creation) ([]webhook.Webhook, error) {
		err := responses[0]
		responses = responses[1:]
		return nil, err
	}), &recordSeals{sealed: map[string]string{}})
	_, err := r.Register(t.Context(), account, []registry.Item{{Event: "d"}})
	if !errors.Is(err, webhook.ErrUnknownOutcome) || !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("error %v, want both", err)
	}
}
