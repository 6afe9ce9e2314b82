package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// MaxRecovered is how many deliveries one call of Recover resends.
	MaxRecovered = 1000
	// MaxAhead is how far the AsOf of a recovery may be ahead of now, since
	// clocks differ. Later, it would leave nothing out.
	MaxAhead = time.Minute
	// recoverPages is how many pages of the store one call reads, of
	// recoverPage deliveries each.
	recoverPages = 10
	recoverPage  = 1000
)

// Recovery selects what [Retrier.Recover] resends.
type Recovery struct {
	// From and Until bound the times of the events: From ≤ time < Until. A zero
	// Until is no bound.
	From, Until time.Time
	// Event is the name of the events, empty for all.
	Event string
	// Limit is the maximum number of deliveries, 1 to MaxRecovered.
	Limit int
	// Cursor is the Next of the call before, empty for the first call.
	Cursor string
	// AsOf leaves out what was attempted since then, so that a call that is
	// repeated with the same AsOf sends nothing twice. If it is zero, it is that
	// of the cursor, or now.
	AsOf time.Time
	// DryRun counts and changes nothing.
	DryRun bool
}

// Recovered is the outcome of a call of [Retrier.Recover].
type Recovered struct {
	// Resent counts the deliveries that are attempted anew, or would be.
	Resent int
	// Expired counts those that are not, since they were accepted more than 6
	// days ago.
	Expired int
	// Next is the cursor of the rest, empty at the end.
	Next string
	// AsOf is that of the recovery.
	AsOf time.Time
}

// Recover asks for another attempt, at once, of an account's deliveries that
// failed or were cancelled, as [Retrier.Retry] does of one. It omits those whose
// event has no enabled webhook now. A call reads a bounded number of deliveries,
// the latest event first, and may resend few or none before the end: go on with
// Next. After an error, or a call whose outcome was lost, repeat it with the
// same Cursor and AsOf.
//
//   - webhook.ErrNotFound: the account does not exist, or is closing.
//   - webhook.ErrInvalid: the cursor is not a Next, or AsOf is too far ahead.
func (r *Retrier) Recover(ctx context.Context, a webhook.Account, q Recovery) (Recovered, error) {
	done, err := r.recover(ctx, a, q)
	if err != nil {
		return Recovered{}, fmt.Errorf("recover deliveries of %s: %w", a, err)
	}
	return done, nil
}

func (r *Retrier) recover(ctx context.Context, a webhook.Account, q Recovery) (Recovered, error) {
	run := recovery{Retrier: r, Recovery: q, at: r.now().UTC().Truncate(time.Millisecond)}
	after, err := run.start()
	if err != nil {
		return Recovered{}, err
	}
	if err := run.resolve(ctx, a); err != nil {
		return Recovered{}, err
	}
	done := Recovered{AsOf: run.AsOf}
	found, last, err := run.find(ctx, a, after, &done)
	if err != nil {
		return Recovered{}, err
	}
	if last != "" {
		done.Next = strconv.FormatInt(run.AsOf.UnixMilli(), 10) + "." + last
	}
	if done.Resent = len(found); !q.DryRun {
		done.Resent, err = run.resend(ctx, found)
	}
	return done, err
}

// recovery is a call of Recover under way.
type recovery struct {
	*Retrier
	Recovery
	at      time.Time // of the attempts
	created time.Time // of the account
	enabled map[string]webhook.Webhook
}

// start sets AsOf and returns the delivery that the cursor names.
func (r *recovery) start() (after string, err error) {
	if r.Cursor != "" {
		asOf, id, _ := strings.Cut(r.Cursor, ".")
		ms, err := strconv.ParseInt(asOf, 10, 64)
		if _, wrong := webhook.DeliveryTime(id); err != nil || wrong != nil {
			return "", fmt.Errorf("cursor %.64q: %w", r.Cursor, webhook.ErrInvalid)
		}
		after = id
		if r.AsOf.IsZero() {
			r.AsOf = time.UnixMilli(ms).UTC()
		}
	}
	if r.AsOf.IsZero() {
		r.AsOf = r.at
	}
	if r.AsOf.After(r.now().Add(MaxAhead)) {
		return "", fmt.Errorf("as of %s, which is in the future: %w", r.AsOf.Format(time.RFC3339Nano), webhook.ErrInvalid)
	}
	return after, nil
}

// resolve reads what the account has now.
func (r *recovery) resolve(ctx context.Context, a webhook.Account) error {
	info, err := r.store.Account(ctx, a)
	if err != nil {
		return err
	}
	if info.Closing {
		return webhook.ErrNotFound
	}
	hooks, err := r.store.Webhooks(ctx, a)
	r.created, r.enabled = info.CreatedAt, map[string]webhook.Webhook{}
	for _, w := range hooks {
		if !w.Disabled {
			r.enabled[w.Event] = w
		}
	}
	return err
}

// find returns the deliveries to resend, up to the limit, and the last one it
// looked at, empty at the end. It counts those that are too old.
func (r *recovery) find(ctx context.Context, a webhook.Account, after string, done *Recovered) (found []webhook.Delivery, last string, err error) {
	page := webhook.DeliveryRange{From: r.From, Until: r.Until, After: after, Limit: recoverPage}
	for range recoverPages {
		list, more, err := r.store.DeliveryPage(ctx, a, page)
		if err != nil {
			return nil, "", err
		}
		for i, d := range list {
			if !r.selects(d) {
				continue
			}
			if r.at.After(d.AcceptedAt.Add(retention)) {
				done.Expired++
				continue
			}
			if found = append(found, d); len(found) == r.Limit && (more || i < len(list)-1) {
				return found, d.ID(), nil
			}
		}
		if !more {
			return found, "", nil
		}
		page.After = list[len(list)-1].ID()
	}
	return found, page.After, nil
}

// selects reports whether a delivery is to be attempted anew. Tests are not. An
// attempt begins a second before its time at the earliest, so one that was asked
// for after AsOf began no earlier than a second before AsOf.
func (r *recovery) selects(d webhook.Delivery) bool {
	_, reachable := r.enabled[d.Event]
	return !d.Test && (d.Status == webhook.StatusFailed || d.Status == webhook.StatusCancelled) && reachable &&
		(r.Event == "" || r.Event == d.Event) &&
		!d.AcceptedAt.Before(r.created) && d.AttemptedAt.Before(r.AsOf.Add(-early))
}

// resend opens deliveries and queues their attempts. It returns how many it
// opened: others were changed meanwhile. After an error it opens no more, and
// those under way are finished: the call that repeats it then has less to do.
func (r *recovery) resend(ctx context.Context, found []webhook.Delivery) (int, error) {
	var opened atomic.Int64
	messages := make([]webhook.Message, len(found))
	var failed atomic.Bool
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, was := range found {
		if failed.Load() {
			break
		}
		group.Go(func() error {
			now := was.For(r.enabled[was.Event]).Retried(r.at)
			now.Due = leaseEnd(r.queue, was.EventKey(), r.at)
			_, err := r.store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now})
			switch {
			case errors.Is(err, webhook.ErrChanged) || errors.Is(err, webhook.ErrNotFound):
				return nil
			case err != nil:
				failed.Store(true)
				return err
			}
			opened.Add(1)
			if now.Due.After(now.Next) {
				messages[i] = now.Message()
			}
			return nil
		})
	}
	err := group.Wait()
	r.send(ctx, messages)
	return int(opened.Load()), err
}

// send queues the messages that are set. The sweeper sends what is not sent here.
func (r *recovery) send(ctx context.Context, messages []webhook.Message) {
	var list []webhook.Message
	for _, m := range messages {
		if m.ID != "" {
			list = append(list, m)
		}
	}
	if len(list) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
		defer cancel()
		_ = r.queue.Send(ctx, list)
	}
}
