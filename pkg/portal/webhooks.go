package portal

import (
	"cmp"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// webhooksPage is how many webhooks a page has, and shownEvents how many
	// events of one it names.
	webhooksPage = 12
	shownEvents  = 8
	// shownURL is how much of a URL a list shows.
	shownURL = 160
	// day is how far back the bars of deliveries go, and dayPage how many
	// deliveries of the account are read for them at most: each view of the page
	// reads as many.
	day     = 24 * time.Hour
	dayPage = 300
)

// hookView is a webhook as the list shows it.
type hookView struct {
	ID               string
	URL              address
	Events           []string
	State            state
	Since            moment
	Why              string
	Success, Failure moment
	Strip            strip
	Pending          bool
}

// webhooksView is the list of webhooks.
type webhooksView struct {
	frame
	Hooks    []hookView
	Summary  string
	Empty    empty
	Previous string
	Next     string
}

// owner returns the account of the session, which was read with it.
func (e *exchange) owner() webhook.AccountInfo {
	return webhook.AccountInfo{Account: e.session.Account, CreatedAt: e.session.AccountCreatedAt}
}

// glance reads the account's webhooks with the deliveries of a day.
func (e *exchange) glance() (registry.Overview, error) {
	return e.api.Registry.Overview(e.Context(), e.owner(), registry.DeliveryFilter{From: e.now.Add(-day)}, "", dayPage)
}

// listWebhooks serves GET /portal/webhooks, what fails first.
func (p *portal) listWebhooks(e *exchange) error {
	o, err := e.glance()
	if err != nil {
		return err
	}
	groups := webhook.Groups(o.Webhooks)
	slices.SortStableFunc(groups, func(a, b webhook.Group) int { return cmp.Compare(urgency(a), urgency(b)) })
	v := webhooksView{frame: e.frame("Webhooks"), Summary: summary(groups), Empty: empty{
		Title: "No webhooks yet",
		Text:  "Add one, and " + e.api.Title + " sends what happens to your URL, instead of being asked for it again and again.",
		Link:  "/portal/webhooks/new", Action: "Add a webhook", Main: true,
	}}
	if !v.MayWrite {
		v.Empty.Text, v.Empty.Link = "They are shown here once they are registered. This link may see the account and not change it.", ""
	}
	page, _ := strconv.Atoi(e.URL.Query().Get("page"))
	page = max(0, min(page, (len(groups)-1)/webhooksPage))
	from, to := page*webhooksPage, min(len(groups), (page+1)*webhooksPage)
	for _, g := range groups[from:to] {
		v.Hooks = append(v.Hooks, e.hook(g, o))
	}
	if page > 0 {
		v.Previous = "/portal/webhooks?page=" + strconv.Itoa(page-1)
	}
	if to < len(groups) {
		v.Next = "/portal/webhooks?page=" + strconv.Itoa(page+1)
	}
	return e.page(http.StatusOK, "webhooks", v)
}

// urgency orders webhooks: failing, disabled, never called, healthy.
func urgency(g webhook.Group) int {
	switch g.State {
	case webhook.StateFailing:
		return 0
	case webhook.StateDisabled:
		return 1
	case webhook.StateNeverCalled:
		return 2
	case webhook.StateHealthy:
	}
	return 3
}

func summary(groups []webhook.Group) string {
	counts := map[webhook.State]int{}
	for _, g := range groups {
		counts[g.State]++
	}
	text := number(len(groups)) + " in all"
	for _, s := range []webhook.State{webhook.StateFailing, webhook.StateDisabled, webhook.StateNeverCalled} {
		if counts[s] > 0 {
			text += " · " + number(counts[s]) + " " + webhookState(s).Word
		}
	}
	if counts[webhook.StateHealthy] == len(groups) {
		text += " · all healthy"
	}
	return text
}

func (e *exchange) hook(g webhook.Group, o registry.Overview) hookView {
	v := hookView{
		ID: g.ID, URL: address(cut(g.URL, shownURL)), Events: g.Events, State: webhookState(g.State), Since: e.at(g.Since), Why: why(g),
		Success: e.at(g.LastSentAt), Failure: e.at(g.LastFailedAt), Strip: newStrip(deliveriesTo(g, o.Deliveries), o.Next != ""),
	}
	if len(v.Events) > shownEvents {
		v.Events = append(slices.Clone(v.Events[:shownEvents]), "and "+number(len(g.Events)-shownEvents)+" more")
	}
	return v
}

// why says why a webhook is in its state, if there is more to say than that.
func why(g webhook.Group) string {
	switch {
	case g.State == webhook.StateDisabled && g.DisabledReason == "":
		return "by hand"
	case g.State == webhook.StateDisabled:
		return g.DisabledReason
	case g.State != webhook.StateFailing:
		return ""
	case g.LastStatus == 0:
		return "the last attempt got no answer"
	}
	return "the last answer was " + strconv.Itoa(g.LastStatus)
}

// deliveriesTo returns the deliveries of a webhook's events.
func deliveriesTo(g webhook.Group, list []webhook.Delivery) iter.Seq[webhook.Delivery] {
	return func(yield func(webhook.Delivery) bool) {
		for _, d := range list {
			if d.WebhookID == g.ID && slices.Contains(g.Events, d.Event) && !yield(d) {
				return
			}
		}
	}
}

// cut returns the beginning of a text that is too long for a list.
func cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit]) + "…"
}

// webhookView is the page of one webhook.
type webhookView struct {
	frame
	Hook                hookView
	URL                 address
	Registered, Changed moment
	OldKeyEnds          moment // when the latest that still signs beside the present key ends
	Enabled, PerWebhook bool
	Latest              []deliveryRow
	Edit                *webhookForm
	NoEdit              string
	Failures            []field
	All                 string
}

// shownDeliveries is how many deliveries the page of a webhook shows.
const shownDeliveries = 6

// showWebhook serves GET /portal/webhooks/{id}.
func (p *portal) showWebhook(e *exchange) error {
	g, o, err := e.group()
	if err != nil {
		return err
	}
	return e.webhookPage(http.StatusOK, g, o, e.editForm(g))
}

// group returns the webhook that the path names, with all at a glance.
func (e *exchange) group() (webhook.Group, registry.Overview, error) {
	o, err := e.glance()
	if err != nil {
		return webhook.Group{}, o, err
	}
	for _, g := range webhook.Groups(o.Webhooks) {
		if g.ID == e.PathValue("id") {
			return g, o, nil
		}
	}
	return webhook.Group{}, o, errNoPage
}

func (e *exchange) webhookPage(status int, g webhook.Group, o registry.Overview, form *webhookForm) error {
	v := webhookView{
		frame: e.frame("Webhook"), Hook: e.hook(g, o), URL: address(g.URL), Registered: e.at(g.CreatedAt), Changed: e.at(g.UpdatedAt),
		Enabled: !g.Disabled, PerWebhook: e.api.RenewsKey, All: "/portal/deliveries",
	}
	v.Hook.Events = g.Events
	if len(g.RetiredKeys) > 0 && g.RetiredKeys[0].Until.After(e.now) {
		v.OldKeyEnds = e.at(g.RetiredKeys[0].Until)
	}
	for d := range deliveriesTo(g, o.Deliveries) {
		if v.Latest = append(v.Latest, e.row(d)); len(v.Latest) == shownDeliveries {
			break
		}
	}
	if len(g.Events) == 1 {
		v.All += "?event=" + url.QueryEscape(g.Events[0])
	}
	switch {
	case !v.MayWrite:
	case form == nil:
		v.NoEdit = e.api.Title + "’s webhooks cannot be changed. Delete this one and register it again."
	default:
		v.Edit, v.Failures = form, form.failures()
	}
	return e.page(status, "webhook", v)
}
