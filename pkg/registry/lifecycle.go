package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// maxRereads bounds how often a change is repeated because another one came
	// first.
	maxRereads = 8
	// retirement is how long a retired key still signs, and maxRetired how many
	// of them do (docs/contracts/abbeycross.md, Lifecycle 2).
	retirement = 24 * time.Hour
	maxRetired = 4
)

// List returns all webhooks of an account, ordered by time of creation, then
// id, then position in the request.
func (r *Registry) List(ctx context.Context, a webhook.Account) ([]webhook.Webhook, error) {
	list, err := r.cfg.Store.Webhooks(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("list webhooks of %s: %w", a, err)
	}
	return inOrder(list), nil
}

// inOrder returns the latest records of a list, ordered as by [Registry.List].
func inOrder(list []webhook.Webhook) []webhook.Webhook {
	list = latest(list)
	slices.SortFunc(list, func(v, w webhook.Webhook) int {
		return cmp.Or(v.CreatedAt.Compare(w.CreatedAt), cmp.Compare(v.ID, w.ID), cmp.Compare(v.Position, w.Position))
	})
	return list
}

// latest removes outdated duplicates from a list. DynamoDB reads a list item by
// item, so a record whose event changes meanwhile may appear under both events.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation
func latest(list []webhook.Webhook) []webhook.Webhook {
	type index struct {
		id       string
		position int
	}
	versions := map[index]int64{}
	for _, w := range list {
		at := index{w.ID, w.Position}
		versions[at] = max(versions[at], w.Version)
	}
	return slices.DeleteFunc(list, func(w webhook.Webhook) bool {
		return w.Version < versions[index{w.ID, w.Position}]
	})
}

// Find returns the account's records with an id, ordered by position: one, or
// several if a registration has one id. It returns [webhook.ErrNotFound] if
// there is none.
func (r *Registry) Find(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	found, err := r.find(ctx, a, id)
	if err == nil && len(found) == 0 {
		err = webhook.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("find webhook %q of %s: %w", id, a, err)
	}
	return found, nil
}

func (r *Registry) find(ctx context.Context, a webhook.Account, id string) ([]webhook.Webhook, error) {
	if r.cfg.Rules.EventOf == nil {
		found, err := r.cfg.Store.WebhooksByID(ctx, a, id)
		if err == nil && len(found) == 0 {
			// A list may omit a record whose event changes meanwhile.
			found, err = r.cfg.Store.WebhooksByID(ctx, a, id)
		}
		return inOrder(found), err
	}
	event, ok := r.cfg.Rules.EventOf(id)
	if !ok {
		return nil, nil
	}
	w, err := r.cfg.Store.Webhook(ctx, a, event)
	switch {
	case errors.Is(err, webhook.ErrNotFound) || err == nil && w.ID != id:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []webhook.Webhook{w}, nil
}

// Change calls edit to change the records with an id, and returns the changed
// records. edit may set the event, URL, payload flag, key and retired keys, and
// whether and why the records are disabled. Change enables disabled webhooks,
// whoever disabled them, unless edit disables them again. If another change
// comes first, Change calls edit again with the new records.
//
//   - [webhook.ErrNotFound]: no webhook has the id.
//   - [*webhook.TakenError]: the event that edit set has another webhook.
//   - An error of edit, unchanged.
//   - Any other error is an internal error, as for [Registry.Register].
func (r *Registry) Change(ctx context.Context, a webhook.Account, id string, edit func([]webhook.Webhook) error) ([]webhook.Webhook, error) {
	return r.change(ctx, a, id, func(records []webhook.Webhook) error {
		for i := range records {
			records[i].Disabled, records[i].DisabledReason = false, ""
		}
		return edit(records)
	})
}

// SetEnabled enables or disables the records with an id in the operator's name,
// and changes nothing else. It writes nothing if they already are as asked.
//
//   - [webhook.ErrNotFound]: no webhook has the id.
//   - Any other error is an internal error, as for [Registry.Change].
func (r *Registry) SetEnabled(ctx context.Context, a webhook.Account, id string, enabled bool) ([]webhook.Webhook, error) {
	found, err := r.Find(ctx, a, id)
	if err != nil || !slices.ContainsFunc(found, func(w webhook.Webhook) bool { return w.Disabled == enabled }) {
		return found, err
	}
	return r.Change(ctx, a, id, func(records []webhook.Webhook) error {
		for i := range records {
			records[i].Disabled, records[i].DisabledReason = !enabled, ""
		}
		return nil
	})
}

// change is Change, but enables nothing.
func (r *Registry) change(ctx context.Context, a webhook.Account, id string, edit func([]webhook.Webhook) error) ([]webhook.Webhook, error) {
	for try := range maxRereads {
		was, err := r.Find(ctx, a, id)
		if err != nil {
			return nil, err
		}
		now := slices.Clone(was)
		if err := edit(now); err != nil {
			return nil, err
		}
		for i := range now {
			now[i].Version++
			now[i].UpdatedAt = r.cfg.Now().UTC().Truncate(time.Millisecond)
			switch {
			case !now[i].Disabled:
				now[i].DisabledAt = time.Time{}
			case !was[i].Disabled:
				now[i].DisabledAt = now[i].UpdatedAt
			}
		}
		c := webhook.Change{Was: was, Now: now}
		c.Now = c.Replacements()
		err = r.cfg.Store.Change(ctx, c)
		if err == nil {
			return c.Now, nil
		}
		if err = overtaken(ctx, err, try); err != nil {
			return nil, fmt.Errorf("change webhook %q of %s: %w", id, a, err)
		}
	}
	return nil, fmt.Errorf("change webhook %q of %s: others came first %d times: %w", id, a, maxRereads, webhook.ErrUnavailable)
}

// overtaken pauses and returns nil if err says that another write came between
// reading and writing. Then the caller must read again: a record that is gone
// from its event may have moved to another. Otherwise overtaken returns the
// error to fail with.
func overtaken(ctx context.Context, err error, try int) error {
	switch {
	case !errors.Is(err, webhook.ErrChanged) && !errors.Is(err, webhook.ErrNotFound):
		return err
	case !pause(ctx, rand.N(firstPause<<try)):
		return fmt.Errorf("%w: %w: %v", webhook.ErrUnavailable, ctx.Err(), err)
	}
	return nil
}

// Delete deletes the records with an id. Their events can be registered again
// at once. It returns [webhook.ErrNotFound] if no webhook has the id.
func (r *Registry) Delete(ctx context.Context, a webhook.Account, id string) error {
	for try := range maxRereads {
		found, err := r.Find(ctx, a, id)
		if err != nil {
			return err
		}
		err = r.cfg.Store.Delete(ctx, found)
		if err == nil {
			return nil
		}
		if err = overtaken(ctx, err, try); err != nil {
			return fmt.Errorf("delete webhook %q of %s: %w", id, a, err)
		}
	}
	return fmt.Errorf("delete webhook %q of %s: others came first %d times: %w", id, a, maxRereads, webhook.ErrUnavailable)
}

// RotateKey gives the records with an id a new signing key and returns it. The
// key cannot be shown again. The latest four old keys still sign for 24 hours
// each. A disabled webhook stays disabled, since a new key says nothing about
// the URL (docs/contracts/README.md, Disabled webhooks: AbbeyCross's are
// deleted and registered again, or the operator enables them). RotateKey
// returns [webhook.ErrNotFound] if no webhook has the id.
func (r *Registry) RotateKey(ctx context.Context, a webhook.Account, id string) (webhook.Secret, error) {
	key, sealed, err := r.newKey(r.cfg.Rules.NewKey, seal.WebhookKey(a, id))
	if err != nil {
		return webhook.Secret{}, fmt.Errorf("rotate key of webhook %q of %s: %w", id, a, err)
	}
	now := r.cfg.Now().UTC().Truncate(time.Millisecond)
	_, err = r.change(ctx, a, id, func(records []webhook.Webhook) error {
		for i := range records {
			w := &records[i]
			retired := append([]webhook.RetiredKey{{Sealed: w.SealedKey, Until: now.Add(retirement)}}, w.RetiredKeys...)
			retired = slices.DeleteFunc(retired, func(k webhook.RetiredKey) bool { return !k.Until.After(now) })
			w.RetiredKeys = retired[:min(len(retired), maxRetired)]
			w.SealedKey = sealed
		}
		return nil
	})
	if err != nil {
		return webhook.Secret{}, err
	}
	return key, nil
}

// RenewAccountKey gives the account a new signing key and returns it. The key
// cannot be shown again. The old key stops signing at once. It returns
// [webhook.ErrNotFound] if the account does not exist or is closing.
func (r *Registry) RenewAccountKey(ctx context.Context, a webhook.Account) (webhook.Secret, error) {
	key, sealed, err := r.newKey(r.cfg.Rules.NewAccountKey, seal.AccountKey(a))
	if err == nil {
		err = r.cfg.Store.SetAccountKey(ctx, a, sealed)
	}
	if err != nil {
		return webhook.Secret{}, fmt.Errorf("renew key of %s: %w", a, err)
	}
	return key, nil
}

func (r *Registry) newKey(generate func() (webhook.Secret, error), owner seal.Owner) (webhook.Secret, []byte, error) {
	key, err := generate()
	if err != nil {
		return webhook.Secret{}, nil, err
	}
	sealed, err := r.cfg.Sealer.Seal(owner, key)
	return key, sealed, err
}
