package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// ReasonGone is the DisabledReason of a webhook whose URL responded with 410.
const ReasonGone = "the URL answered 410 Gone"

// maxDisabling is how often a webhook is read again because it changed.
const maxDisabling = 4

// disable disables the webhook whose URL responded with 410: all records with
// its id, since they share the URL. It does nothing if the webhook was changed
// or replaced since the attempt began, because the 410 was not meant for what it
// is now. It reports whether the webhook is disabled.
func (t *attempt) disable(ctx context.Context) (bool, error) {
	gone := t.input.Webhook
	for range maxDisabling {
		was, err := t.cfg.Store.WebhooksByID(ctx, gone.Account, gone.ID)
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(was, func(w webhook.Webhook) bool { return w.Event == gone.Event })
		if i < 0 || was[i].Version != gone.Version {
			return i >= 0 && was[i].Disabled, nil
		}
		now := slices.Clone(was)
		for i := range now {
			now[i].Disabled, now[i].DisabledReason, now[i].DisabledAt = true, ReasonGone, t.cfg.Now().UTC().Truncate(time.Millisecond)
			now[i].Version++
		}
		notice, err := t.disabledNotice(now)
		if err != nil {
			return false, err
		}
		err = t.cfg.Store.Change(ctx, webhook.Change{Was: was, Now: now, Notice: notice})
		if err == nil {
			t.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "webhook disabled", append(about(t.input.Delivery),
				slog.String("webhook", gone.ID), slog.String("reason", ReasonGone), slog.Time("attempted", t.began))...)
			return true, nil
		}
		if !errors.Is(err, webhook.ErrChanged) && !errors.Is(err, webhook.ErrNotFound) {
			return false, err
		}
	}
	return false, webhook.ErrUnavailable
}
