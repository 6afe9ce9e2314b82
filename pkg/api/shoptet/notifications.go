package shoptet

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// retention is how long a delivery is listed after its event.
const retention = 7 * 24 * time.Hour

// notification is a delivery as it is listed.
type notification struct {
	ID           int64            `json:"id"`
	WebhookID    int64            `json:"webhookId"`
	WebhookURL   string           `json:"webhookUrl"`
	Event        string           `json:"event"`
	EventCreated string           `json:"eventCreated"`
	Created      string           `json:"created"`
	Attempted    *string          `json:"attempted"`
	Attempts     int64            `json:"attempts"`
	Status       string           `json:"status"`
	Active       bool             `json:"active"`
	Data         notificationData `json:"data"`
}

type notificationData struct {
	EshopID       int64  `json:"eshopId"`
	Event         string `json:"event"`
	EventCreated  string `json:"eventCreated"`
	EventInstance string `json:"eventInstance"`
}

type notificationPage struct {
	Notifications []notification `json:"notifications"`
	Paginator     paginator      `json:"paginator"`
}

// The statuses of the contract. It has none for a delivery that awaits another
// attempt or was cancelled: that is failed, active or not.
const (
	statusNew     = "new"
	statusFailed  = "failed"
	statusSuccess = "success"
)

// wireStatus returns the contract's name of a status, or "" for an invalid one.
func wireStatus(s webhook.Status) string {
	switch s {
	case webhook.StatusPending:
		return statusNew
	case webhook.StatusRetrying, webhook.StatusFailed, webhook.StatusCancelled:
		return statusFailed
	case webhook.StatusDelivered:
		return statusSuccess
	}
	return ""
}

// notifications serves GET /api/webhooks/notifications, newest event first.
func (h *handler) notifications(ctx context.Context, r *api.Request) (api.Response, error) {
	q := newQuery(r)
	p, filter := q.page(), h.readFilter(q)
	if err := q.err(); err != nil {
		return api.Response{}, err
	}
	eshop, err := eshopID(r.Account)
	if err != nil {
		return api.Response{}, err
	}
	list, total := []notification{}, int64(0)
	var failed error
	err = h.registry.Deliveries(ctx, r.Account, filter.from, func(d webhook.Delivery) bool {
		if !filter.takes(d) {
			return true
		}
		if total/p.size+1 == p.number {
			var n notification
			n, failed = toNotification(d, eshop)
			list = append(list, n)
		}
		total++
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return api.Response{}, accountGone(err)
	}
	return respond(r, http.StatusOK, notificationPage{list, p.paginator(total)}, nil), nil
}

// filter selects deliveries. Empty fields select all.
type filter struct {
	from                  time.Time
	status, event, active string
}

func (h *handler) readFilter(q *query) filter {
	event, _ := q.get("event")
	f := filter{
		from:   h.now().Add(-retention),
		status: q.oneOf("status", statusNew, statusFailed, statusSuccess),
		event:  event,
		active: q.oneOf("active", "true", "false"),
	}
	if from := q.time("from"); from.After(f.from) {
		f.from = from
	}
	return f
}

func (f filter) takes(d webhook.Delivery) bool {
	return (f.status == "" || f.status == wireStatus(d.Status)) &&
		(f.event == "" || f.event == d.Event) &&
		(f.active == "" || f.active == strconv.FormatBool(d.Open()))
}

func toNotification(d webhook.Delivery, eshop int64) (notification, error) {
	webhookID, err := strconv.ParseInt(d.WebhookID, 10, 64)
	if err != nil {
		return notification{}, fmt.Errorf("show delivery %d: %w", d.Number, err)
	}
	n := notification{
		ID:           d.Number,
		WebhookID:    webhookID,
		WebhookURL:   d.URL,
		Event:        d.Event,
		EventCreated: wireTime(d.Time),
		Created:      wireTime(d.AcceptedAt),
		Attempts:     d.Attempts,
		Status:       wireStatus(d.Status),
		Active:       d.Open(),
		Data: notificationData{
			EshopID:       eshop,
			Event:         d.Event,
			EventCreated:  wireTime(d.Time),
			EventInstance: d.Instance,
		},
	}
	if !d.AttemptedAt.IsZero() {
		attempted := wireTime(d.AttemptedAt)
		n.Attempted = &attempted
	}
	return n, nil
}

// eshopID returns the number before the hyphen of an account's id.
func eshopID(a webhook.Account) (int64, error) {
	number, _, _ := strings.Cut(a.ID, "-")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("e-shop of %s: %w", a, err)
	}
	return id, nil
}
