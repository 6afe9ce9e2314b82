package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hookline/hookline/pkg/webhook"
)

// maxTelling is how often a notice is stored anew because the webhook changed.
const maxTelling = 4

// noticeID returns the id of a notice. It is empty if nobody wants notices.
func (w *Worker) noticeID() (string, error) {
	if w.cfg.NoticeID == nil {
		return "", nil
	}
	id, err := w.cfg.NoticeID()
	if err != nil {
		return "", fmt.Errorf("id of a notice: %w", err)
	}
	return id, nil
}

// recoveredNotice returns the notice that the webhook of a delivery works again,
// which the store keeps if the operator was told that it did not.
func (w *Worker) recoveredNotice(d webhook.Delivery) (*webhook.Notice, error) {
	id, err := w.noticeID()
	if id == "" {
		return nil, err
	}
	return &webhook.Notice{
		ID: id, Type: webhook.NoticeRecovered, At: d.AttemptedAt, Account: d.Account, WebhookID: d.WebhookID, Events: []string{d.Event},
		StateSince: d.AttemptedAt, LastStatus: d.StatusCode,
	}, nil
}

// disabledNotice returns the notice that a 410 disabled the webhook of these
// records.
func (w *Worker) disabledNotice(records []webhook.Webhook) (*webhook.Notice, error) {
	id, err := w.noticeID()
	if id == "" {
		return nil, err
	}
	n := records[0].Notice(id, webhook.NoticeDisabled, records[0].DisabledAt)
	n.Events, n.LastStatus = nil, 410
	for _, record := range records {
		n.Events = append(n.Events, record.Event)
	}
	return &n, nil
}

// exhausted stores the notice that a delivery failed for the last time, unless
// it is a test, or the operator was told so since the webhook last worked. A
// failure to do so is no failure of the attempt, which is recorded; the next
// delivery that ends so tells it.
func (w *Worker) exhausted(ctx context.Context, d webhook.Delivery) {
	if w.cfg.NoticeID == nil || d.Test {
		return
	}
	if err := w.tellExhausted(ctx, d); err != nil {
		w.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "store a notice", append(about(d), slog.String("error", err.Error()))...)
	}
}

func (w *Worker) tellExhausted(ctx context.Context, d webhook.Delivery) error {
	for range maxTelling {
		found, err := w.cfg.Store.Recipients(ctx, []webhook.EventKey{d.EventKey()})
		if err != nil {
			return err
		}
		hook := found[0].Webhook
		if hook.ID != d.WebhookID || hook.State() != webhook.StateFailing || hook.Statistics.Told.Has(webhook.NoticeExhausted) {
			return nil
		}
		id, err := w.noticeID()
		if err != nil {
			return err
		}
		err = w.cfg.Store.Tell(ctx, hook.Notice(id, webhook.NoticeExhausted, w.cfg.Now()))
		if !errors.Is(err, webhook.ErrChanged) {
			return err
		}
	}
	return webhook.ErrUnavailable
}
