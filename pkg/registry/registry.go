// Package registry registers, finds, changes and deletes webhooks in a store.
// It generates ids and signing keys, seals the keys, and resolves writes whose
// outcome is unknown. It validates no wire format and knows no JSON, HTTP or
// AWS.
package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

// A creation whose outcome is unknown is repeated under new ids at most
// maxTries times. The pauses are random; their limit starts at firstPause and
// doubles.
const (
	maxTries   = 8
	firstPause = 20 * time.Millisecond
)

// Store is the part of store.Store that the registry uses.
type Store interface {
	Create(context.Context, webhook.Creation) ([]webhook.Webhook, error)
	Account(context.Context, webhook.Account) (webhook.AccountInfo, error)
	Webhook(ctx context.Context, a webhook.Account, event string) (webhook.Webhook, error)
	Webhooks(context.Context, webhook.Account) ([]webhook.Webhook, error)
	WebhooksByID(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error)
	Change(context.Context, webhook.Change) error
	Delete(context.Context, []webhook.Webhook) error
	SetAccountKey(ctx context.Context, a webhook.Account, sealed []byte) error
	Deliveries(ctx context.Context, a webhook.Account, from time.Time, yield func(webhook.Delivery) bool) error
	DeliveryPage(context.Context, webhook.Account, webhook.DeliveryRange) (list []webhook.Delivery, more bool, err error)
}

// Sealer encrypts a signing key for storage. seal.Sealer implements it.
type Sealer interface {
	Seal(seal.Owner, webhook.Secret) ([]byte, error)
}

// Rules are an API's rules for registrations.
type Rules struct {
	// NewIDs generates one id per event, in order. They are all equal if a
	// registration has one id.
	NewIDs func(events []string) ([]string, error)
	// NewKey generates the signing key of a registration, whose webhooks then
	// share one id. It is nil if the key belongs to the account.
	NewKey func() (webhook.Secret, error)
	// NewAccountKey generates the signing key of an account, if NewKey is nil.
	NewAccountKey func() (webhook.Secret, error)
	// EventOf returns the event that an id encodes. It is nil if ids encode
	// none.
	EventOf func(id string) (event string, ok bool)
	// Excluding has the pairs of events of which an account can have only one.
	Excluding [][2]string
}

// Config is what a registry is made of. Store and Now are needed. Sealer,
// NewRequestID and Rules.NewIDs come together: without them the registry finds,
// changes and deletes webhooks of all APIs, and must not be asked to register
// or to make a key.
type Config struct {
	Store  Store
	Sealer Sealer
	Rules  Rules
	// NewRequestID makes a text that no other request has.
	NewRequestID func() (string, error)
	Now          func() time.Time
}

// Registry registers webhooks for one API. It is safe for concurrent use.
type Registry struct{ cfg Config }

// New makes a registry. It panics if a field of cfg is missing.
func New(cfg Config) *Registry {
	registers := cfg.Sealer != nil && cfg.NewRequestID != nil && cfg.Rules.NewIDs != nil
	finds := cfg.Sealer == nil && cfg.NewRequestID == nil && cfg.Rules.NewIDs == nil
	if cfg.Store == nil || cfg.Now == nil || !registers && !finds {
		panic("registry: a field of Config is missing")
	}
	return &Registry{cfg}
}

// Item is an event to register.
type Item struct {
	Event       string
	URL         string
	SendPayload bool
}

// Registration is the result of registering: the webhooks in the order of the
// items, and the signing key, zero if the API's key belongs to the account. The
// key cannot be shown again.
type Registration struct {
	Webhooks   []webhook.Webhook
	SigningKey webhook.Secret
}

// Register adds webhooks to an account, all or none. It requires 1 to 50 valid
// items, no event twice, and no two that exclude each other.
//
//   - [*webhook.TakenError]: events that already have a webhook.
//   - [*webhook.ExcludedError]: events that a registered one excludes.
//   - [webhook.ErrTooMany]: the account would have too many webhooks.
//   - Any other error is an internal error. The registration may exist if it
//     wraps [webhook.ErrUnknownOutcome]; otherwise it does not.
func (r *Registry) Register(ctx context.Context, account webhook.Account, items []Item) (Registration, error) {
	var registration Registration
	var err error
	if r.cfg.Rules.NewKey != nil {
		if registration.SigningKey, err = r.cfg.Rules.NewKey(); err != nil {
			return Registration{}, fmt.Errorf("register for %s: %w", account, err)
		}
	}
	requestID, err := r.cfg.NewRequestID()
	if err != nil {
		return Registration{}, fmt.Errorf("register for %s: %w", account, err)
	}
	creation := webhook.Creation{Exclusions: r.exclusions(items)}
	blank := webhook.Webhook{Account: account, RequestID: requestID, Version: 1, CreatedAt: r.cfg.Now().UTC().Truncate(time.Millisecond)}
	unknown := false
	for try := range maxTries {
		if creation.Webhooks, err = r.records(blank, items, registration.SigningKey); err != nil {
			return Registration{}, fmt.Errorf("register for %s: %w", account, err)
		}
		registration.Webhooks, err = r.cfg.Store.Create(ctx, creation)
		if err == nil {
			return registration, nil
		}
		if !errors.Is(err, webhook.ErrUnknownOutcome) || !pause(ctx, rand.N(firstPause<<try)) {
			if unknown && errors.Is(err, webhook.ErrUnavailable) {
				err = fmt.Errorf("%w of an earlier try: %w", webhook.ErrUnknownOutcome, err)
			}
			return Registration{}, fmt.Errorf("register for %s: %w", account, err)
		}
		unknown = true
	}
	return Registration{}, fmt.Errorf("register for %s: %d tries: %w", account, maxTries, webhook.ErrUnknownOutcome)
}

// pause waits for d and reports whether ctx is still valid.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// records returns the records of one try. Ids are new in each, so that a record
// written late by an earlier try never has the id of one that was returned and
// deleted since.
func (r *Registry) records(blank webhook.Webhook, items []Item, key webhook.Secret) ([]webhook.Webhook, error) {
	events := make([]string, len(items))
	for i, item := range items {
		events[i] = item.Event
	}
	newIDs, err := r.cfg.Rules.NewIDs(events)
	if err != nil {
		return nil, err
	}
	if r.cfg.Rules.NewKey != nil {
		if blank.SealedKey, err = r.cfg.Sealer.Seal(seal.WebhookKey(blank.Account, newIDs[0]), key); err != nil {
			return nil, err
		}
	}
	records := make([]webhook.Webhook, len(items))
	for i, item := range items {
		w := blank
		w.ID, w.Position = newIDs[i], i
		w.Event, w.URL, w.SendPayload = item.Event, item.URL, item.SendPayload
		records[i] = w
	}
	return records, nil
}

// exclusions returns the exclusions of the items, in their order.
func (r *Registry) exclusions(items []Item) []webhook.Exclusion {
	var found []webhook.Exclusion
	for _, item := range items {
		for _, pair := range r.cfg.Rules.Excluding {
			switch item.Event {
			case pair[0]:
				found = append(found, webhook.Exclusion{Event: item.Event, By: pair[1]})
			case pair[1]:
				found = append(found, webhook.Exclusion{Event: item.Event, By: pair[0]})
			}
		}
	}
	return found
}
