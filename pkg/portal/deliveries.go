package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// deliveriesPage is how many deliveries a page has.
	deliveriesPage = 30
	// shownInstance is how much of an instance a list shows.
	shownInstance = 40
	// inputTime is a time as the browser's field for one writes it.
	inputTime = "2006-01-02T15:04"
)

// deliveryRow is a delivery as lists show it.
type deliveryRow struct {
	ID, Event, Instance string
	State               state
	Time, Next          moment
	Attempts            int64
	Response            string
	Pending             bool
}

func (e *exchange) row(d webhook.Delivery) deliveryRow {
	return deliveryRow{
		ID: d.ID(), Event: d.Event, Instance: cut(d.Instance, shownInstance), State: deliveryState(d), Time: e.at(d.Time), Next: e.at(d.Next),
		Attempts: d.Attempts, Response: statusText(d.StatusCode), Pending: e.pending(d),
	}
}

func statusText(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

// pending reports whether an attempt is due or comes within a minute: whoever
// looks at the page will see it.
func (e *exchange) pending(d webhook.Delivery) bool {
	return d.Open() && d.Next.Before(e.now.Add(time.Minute))
}

// deliveriesView is a page of deliveries.
type deliveriesView struct {
	frame
	Event, Status, From, Until field
	Filtered                   bool
	Rows                       []deliveryRow
	Failures                   []field
	Previous, Next             string
	Empty                      empty
}

// listDeliveries serves GET /portal/deliveries. The filters are in the URL, so
// that a view can be shared with whoever has a session too.
func (p *portal) listDeliveries(e *exchange) error {
	q := e.URL.Query()
	v := deliveriesView{frame: e.frame("Deliveries")}
	filter := v.readFilter(q)
	status := http.StatusOK
	if v.Failures = failures(v.Event, v.Status, v.From, v.Until); len(v.Failures) > 0 {
		status = http.StatusUnprocessableEntity
	}
	var o registry.Overview
	if status == http.StatusOK {
		var err error
		o, err = e.api.Registry.Overview(e.Context(), e.owner(), filter, q.Get("cursor"), deliveriesPage)
		if errors.Is(err, webhook.ErrInvalid) {
			return errNoPage
		}
		if err != nil {
			return err
		}
	}
	for _, d := range o.Deliveries {
		v.Rows = append(v.Rows, e.row(d))
	}
	first := filterQuery(q)
	first.Del("cursor")
	if q.Get("cursor") != "" {
		v.Previous = "/portal/deliveries?" + first.Encode()
	}
	if o.Next != "" {
		first.Set("cursor", o.Next)
		v.Next = "/portal/deliveries?" + first.Encode()
	}
	v.Empty = v.nothing(len(o.Webhooks) > 0)
	return e.page(status, "deliveries", v)
}

// filterQuery returns what selects deliveries in the query of their page.
func filterQuery(q url.Values) url.Values {
	c := url.Values{}
	for _, name := range []string{"event", "status", "from", "until", "cursor"} {
		if value := q.Get(name); value != "" {
			c.Set(name, value)
		}
	}
	return c
}

// nothing says what to do on a page without deliveries.
func (v *deliveriesView) nothing(hasWebhooks bool) empty {
	switch {
	case v.Next != "":
		return empty{Title: "None among the latest", Text: "Of those that were looked at, none is as you ask. There are older ones.", Link: v.Next, Action: "Look further back"}
	case v.Filtered:
		return empty{Title: "No such deliveries", Text: "Deliveries are kept for 8 days. Ask for others, or for all of them.", Link: "/portal/deliveries", Action: "Show all"}
	case hasWebhooks:
		return empty{Title: "No deliveries yet", Text: "What happens is shown here once it is sent. You need not wait: see what will come.", Link: "/portal/events", Action: "See sample events"}
	}
	return empty{Title: "No deliveries yet", Text: "Nothing is sent until you add a webhook.", Link: "/portal/webhooks/new", Action: "Add a webhook", Main: true}
}

// readFilter reads the filters, and sets what is wrong beside them.
func (v *deliveriesView) readFilter(q url.Values) (f registry.DeliveryFilter) {
	v.Event = field{Name: "event", Label: "Event", Value: q.Get("event")}
	v.Status = field{Name: "status", Label: "Status", Choices: []choice{{Label: "Any"}}}
	v.From, v.Until = timeField("from", "From (UTC)", q), timeField("until", "Until (UTC)", q)
	f.Event = strings.TrimSpace(v.Event.Value)
	wanted := q.Get("status")
	for _, s := range webhook.Statuses() {
		v.Status.Choices = append(v.Status.Choices, choice{Value: s.String(), Label: s.String(), Chosen: s.String() == wanted})
	}
	if wanted != "" {
		s, err := webhook.ParseStatus(wanted)
		if err != nil {
			v.Status.Wrong = "There is no such status."
		}
		f.Status = &s
	}
	f.From, f.Until = readTime(&v.From), readTime(&v.Until)
	if !f.Until.IsZero() && !f.Until.After(f.From) {
		v.Until.Wrong = "This must be later than the other."
	}
	v.Filtered = f.Event != "" || wanted != "" || v.From.Value != "" || v.Until.Value != ""
	return f
}

func timeField(name, label string, q url.Values) field {
	return field{Name: name, Label: label, Value: q.Get(name)}
}

// readTime reads a field's time, in UTC. It returns the zero time if there is
// none or something is wrong with it.
func readTime(f *field) time.Time {
	if f.Value == "" {
		return time.Time{}
	}
	for _, layout := range []string{inputTime, "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, f.Value); err == nil && t.Year() >= 1970 && t.Year() < 10000 {
			return t.UTC()
		}
	}
	f.Wrong = "This must be a date and a time, such as 2026-01-15T10:30."
	return time.Time{}
}
