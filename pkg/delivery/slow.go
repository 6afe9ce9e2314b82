package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// quick is how long a quick attempt takes at most.
const quick = 2 * time.Second

// send makes the request and sets how long that took. While it takes longer than
// quick, send notes at the webhook that it is slow: others need not wait for the
// end of the attempt to know, and a process that dies meanwhile has told them. A
// test notes nothing.
func (t *attempt) send(ctx context.Context, request Request) Response {
	began := t.cfg.Now()
	if t.input.Delivery.Test || !t.input.Webhook.SlowSince.IsZero() {
		response := t.cfg.Sender.Send(ctx, request)
		t.took = t.cfg.Now().Sub(began)
		return response
	}
	noted := make(chan struct{})
	timer := time.AfterFunc(quick, func() {
		defer close(noted)
		t.setSlow(ctx, began.UTC().Truncate(time.Millisecond))
	})
	response := t.cfg.Sender.Send(ctx, request)
	t.took = t.cfg.Now().Sub(began)
	if !timer.Stop() {
		<-noted
	}
	return response
}

// noteQuick clears the record of a slow webhook after a quick success. Time
// never does: a webhook that hangs and gets one event a day would come back
// for ever.
func (t *attempt) noteQuick(ctx context.Context) {
	if t.took < quick && !t.input.Delivery.Test && !t.input.Webhook.SlowSince.IsZero() {
		t.setSlow(ctx, time.Time{})
	}
}

// setSlow writes since when the webhook has been slow. It writes nothing if
// another attempt was first, or if the webhook was changed: then the attempt
// says nothing about it. An error is logged only: the next slow attempt, or
// quick success, writes again.
func (t *attempt) setSlow(ctx context.Context, since time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err := t.cfg.Store.SetSlow(ctx, t.input.Webhook, since)
	if err == nil || errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound) {
		return
	}
	t.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "whether a webhook is slow was not written",
		append(about(t.input.Delivery), slog.String("error", err.Error()))...)
}
