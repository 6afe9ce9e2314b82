package squake

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/dialect"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// created is the 201 of POST /v2/webhooks.
type created struct {
	ID             string     `json:"id"`
	LastFailedAt   *time.Time `json:"last_failed_at"`
	LastSentAt     *time.Time `json:"last_sent_at"`
	FailedAttempts int64      `json:"failed_attempts"`
	Kind           string     `json:"kind"`
	EndpointURL    string     `json:"endpoint_url"`
	SigningKey     string     `json:"signing_key"`
}

// register answers POST /v2/webhooks.
func (h *handler) register(ctx context.Context, r *dialect.Request) (dialect.Answer, error) {
	item, err := h.readItem(r.Content)
	if err != nil {
		return dialect.Answer{}, err
	}
	registration, err := h.registry.Register(ctx, r.Account, []registry.Item{item})
	if id, ok := takenID(err, item.Event); ok {
		return dialect.Answer{}, faults{{
			Code:   codeField,
			Detail: "Webhook already exists for this event",
			Source: source{Attribute: "kind", ID: id, Model: model},
		}}
	}
	if err != nil {
		return dialect.Answer{}, err
	}
	return createdAnswer(registration.Webhooks[0], registration.SigningKey), nil
}

func createdAnswer(w webhook.Webhook, key webhook.Secret) dialect.Answer {
	return dialect.Answer{
		Status: http.StatusCreated,
		Header: map[string]string{"Location": webhooksPath + "/" + w.ID},
		Body: created{
			ID:          w.ID,
			Kind:        w.Event,
			EndpointURL: w.URL,
			SigningKey:  key.Reveal(),
		},
	}
}

// readItem judges the body. All faults are reported at once; unknown fields
// are ignored.
func (h *handler) readItem(body []byte) (registry.Item, error) {
	object, err := dialect.ParseObject(body)
	if err != nil {
		return registry.Item{}, err
	}
	var found faults
	kind := found.text(object, "kind", func(kind string) string {
		if slices.Contains(kinds, kind) {
			return ""
		}
		return "must be one of " + strings.Join(kinds, ", ")
	})
	url := found.text(object, "endpoint_url", func(url string) string {
		if err := h.urls.URL(url); err != nil {
			return err.Error()
		}
		return ""
	})
	if len(found) > 0 {
		return registry.Item{}, found
	}
	return registry.Item{Event: kind, URL: url}, nil
}

// text reads a required string field and judges it; what judge says, if
// anything, is added to the faults.
func (f *faults) text(object dialect.Object, field string, judge func(string) string) string {
	value, sent := object.Get(field)
	if !sent {
		f.add(field, "is required")
		return ""
	}
	text, ok := dialect.AsString(value)
	if !ok {
		f.add(field, "must be a string")
		return ""
	}
	if wrong := judge(text); wrong != "" {
		f.add(field, wrong)
	}
	return text
}
