package sqlite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// normalised returns w as it is stored: it shares nothing with the caller, and
// times are to the millisecond.
func normalised(w webhook.Webhook) webhook.Webhook {
	w.SealedKey = bytes.Clone(w.SealedKey)
	w.CreatedAt, w.UpdatedAt = toMilli(w.CreatedAt), toMilli(w.UpdatedAt)
	w.Statistics.LastSentAt, w.Statistics.LastFailedAt = toMilli(w.Statistics.LastSentAt), toMilli(w.Statistics.LastFailedAt)
	w.SlowSince = toMilli(w.SlowSince)
	w.Statistics.Since, w.DisabledAt = toMilli(w.Statistics.Since), toMilli(w.DisabledAt)
	w.RetiredKeys = slices.Clone(w.RetiredKeys)
	for i, k := range w.RetiredKeys {
		w.RetiredKeys[i] = webhook.RetiredKey{Sealed: bytes.Clone(k.Sealed), Until: toMilli(k.Until)}
	}
	return w
}

// toMilli returns t to the millisecond in UTC. The zero time remains zero.
func toMilli(t time.Time) time.Time { return fromMilli(t.UnixMilli()) }

// fromMilli converts a stored time.
func fromMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// retiredKey is an element of the column retired_keys.
type retiredKey struct {
	Sealed []byte `json:"sealed"` // in base64
	Until  int64  `json:"until"`  // milliseconds since 1970 in UTC
}

// encodeRetired returns the stored form of retired keys: a JSON array of
// objects such as {"sealed":"c2VhbGVk","until":1772600767089}, in order. It
// returns "", which is stored as NULL, for no keys.
func encodeRetired(keys []webhook.RetiredKey) (string, error) {
	if len(keys) == 0 {
		return "", nil
	}
	stored := make([]retiredKey, len(keys))
	for i, k := range keys {
		stored[i] = retiredKey{k.Sealed, k.Until.UnixMilli()}
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return "", fmt.Errorf("encode retired keys: %w", err)
	}
	return string(text), nil
}

// decodeRetired is the inverse of encodeRetired.
func decodeRetired(text string) ([]webhook.RetiredKey, error) {
	if text == "" {
		return nil, nil
	}
	var stored []retiredKey
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, fmt.Errorf("%w: retired keys: %w", errDamaged, err)
	}
	keys := make([]webhook.RetiredKey, len(stored))
	for i, k := range stored {
		keys[i] = webhook.RetiredKey{Sealed: k.Sealed, Until: fromMilli(k.Until)}
	}
	return keys, nil
}
