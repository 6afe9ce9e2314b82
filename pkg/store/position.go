package store

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Position is a place in the list of webhooks that fail or are disabled. Its
// text is the cursor that [Store.Failing] takes and returns. The list is ordered
// by Since, then Part, then as each store orders it.
type Position struct {
	Since time.Time
	// Part is the partition of the store.
	Part int
	// Key is that of the webhook at this place.
	Key webhook.EventKey
}

// String returns the text that [ParsePosition] reads. It is safe in a URL.
func (p Position) String() string {
	text := fmt.Sprintf("%d %d %s %s", p.Since.UnixMilli(), p.Part, p.Key.Account.ID, p.Key.Event)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// ParsePosition parses the text of a position in the list of an API. It returns
// an error that wraps [webhook.ErrInvalid] if it is none.
func ParsePosition(api webhook.API, text string) (Position, error) {
	p := Position{Key: webhook.EventKey{Account: webhook.Account{API: api}}}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if parts := strings.SplitN(string(plain), " ", 4); err == nil && len(parts) == 4 {
		var ms int64
		p.Key.Account.ID, p.Key.Event = parts[2], parts[3]
		if _, err := fmt.Sscanf(parts[0]+" "+parts[1], "%d %d", &ms, &p.Part); err == nil {
			p.Since = time.UnixMilli(ms).UTC()
		}
	}
	if p.String() != text { // also if it was not parsed
		return Position{}, fmt.Errorf("cursor %.64q: %w", text, webhook.ErrInvalid)
	}
	return p, nil
}
