package delivery

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// attempt is an attempt under way.
type attempt struct {
	*Worker
	sending webhook.Sending
	input   webhook.AttemptInput
	began   time.Time
	// took is how long the request took until its response, or until there was
	// none. What is written before and after does not count.
	took time.Duration
}

// request returns the request to send: the API's body and headers, and the
// headers of Standard Webhooks 1.0.0 if there is a key. An error is an internal
// error.
func (t *attempt) request(ctx context.Context, now time.Time) (Request, error) {
	d := t.input.Delivery
	body, err := t.sending.Body(d, t.input.Webhook)
	if err != nil {
		return Request{}, fmt.Errorf("write the body: %w", err)
	}
	keys, err := t.keys(ctx, now)
	if err != nil {
		return Request{}, err
	}
	var current webhook.Secret
	header := map[string]string{}
	if len(keys) > 0 {
		current = keys[0]
		if header, err = signing.Standard(d.ID(), now, body, keys...); err != nil {
			return Request{}, fmt.Errorf("sign: %w", err)
		}
	}
	maps.Copy(header, t.sending.Header(current, now, body))
	header["Content-Type"] = "application/json"
	return Request{
		URL:     t.input.Webhook.URL,
		Header:  header,
		Body:    body,
		Timeout: t.sending.Timeout,
		Ports:   t.sending.Ports,
	}, nil
}

// keys opens the signing keys: the current one first, then those that were
// rotated out and still sign. The list is empty if deliveries are signed with
// the account's key and the account has none.
func (t *attempt) keys(ctx context.Context, now time.Time) ([]webhook.Secret, error) {
	w := t.input.Webhook
	owner := seal.WebhookKey(w.Account, w.ID)
	sealed := [][]byte{w.SealedKey}
	if t.sending.AccountKey {
		owner = seal.AccountKey(w.Account)
		sealed = [][]byte{t.input.Account.SealedKey}
	} else {
		for _, retired := range w.RetiredKeys {
			if retired.Until.After(now) {
				sealed = append(sealed, retired.Sealed)
			}
		}
	}
	var keys []webhook.Secret
	for _, one := range sealed {
		if len(one) == 0 {
			continue
		}
		key, err := t.cfg.Opener.Open(ctx, owner, one)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
