package shoptet

import (
	"strconv"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// envelope is the body of every answer.
type envelope struct {
	Data     any          `json:"data"`
	Errors   *[]errorItem `json:"errors"` // null when there are none
	Metadata metadata     `json:"metadata"`
}

type metadata struct {
	RequestID string `json:"requestId"`
}

// respond wraps data, or errors, in the envelope. The official client looks
// the header up in just this spelling.
func respond(r *api.Request, status int, data any, errs []errorItem) api.Response {
	body := envelope{Data: data, Metadata: metadata{RequestID: r.ID}}
	if len(errs) > 0 {
		body.Errors = &errs
	}
	return api.Response{Status: status, Header: map[string]string{"X-Request-ID": r.ID}, Body: body}
}

// wireWebhook is a webhook as it is shown. All fields are always there.
type wireWebhook struct {
	ID          int64   `json:"id"`
	Event       string  `json:"event"`
	URL         string  `json:"url"`
	Created     string  `json:"created"`
	Updated     *string `json:"updated"`
	SendPayload *string `json:"sendPayload"`
}

// full is the one value of sendPayload beside null.
const full = "full"

func toWire(w webhook.Webhook) (wireWebhook, error) {
	id, err := strconv.ParseInt(w.ID, 10, 64)
	if err != nil {
		return wireWebhook{}, err
	}
	wire := wireWebhook{ID: id, Event: w.Event, URL: w.URL, Created: wireTime(w.CreatedAt)}
	if !w.UpdatedAt.IsZero() {
		updated := wireTime(w.UpdatedAt)
		wire.Updated = &updated
	}
	if w.SendPayload {
		payload := full
		wire.SendPayload = &payload
	}
	return wire, nil
}

// wireTime writes UTC with whole seconds and no colon in the zone; the
// official client fails on Z and on fractions.
func wireTime(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05-0700")
}
