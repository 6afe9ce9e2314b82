package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/hookline/hookline/pkg/webhook"
)

// failingPage is how many webhooks a page has.
const failingPage = 20

// failingRow is a webhook that fails or is disabled, for one event.
type failingRow struct {
	State               state
	Since               moment
	Why, Event          string
	URL                 address
	Account, AccountURL string
}

// failingView is the list of webhooks of an API that fail or are disabled.
type failingView struct {
	frame
	API            field
	Rows           []failingRow
	Empty          empty
	Previous, Next string
}

// listFailing serves GET /portal/operator/failing, the longest first. It reads an
// index of many parts: no other page does.
func (o *operatorPages) listFailing(e *exchange) error {
	q := e.URL.Query()
	name, _, a := o.accountFields(url.Values{"api": {q.Get("api")}})
	if _, known := o.api(a.API); !known {
		return errNoPage
	}
	list, next, err := o.Store.Failing(e.Context(), a.API, q.Get("after"), failingPage)
	switch {
	case errors.Is(err, webhook.ErrInvalid):
		return errNoPage
	case err != nil:
		return err
	}
	v := failingView{frame: e.frame("Failing"), API: name}
	for _, w := range list {
		g := webhook.Groups([]webhook.Webhook{w})[0]
		v.Rows = append(v.Rows, failingRow{
			State: webhookState(g.State), Since: e.at(g.Since), Why: why(g), URL: address(cut(w.URL, shownURL)), Event: w.Event,
			Account: w.Account.String(), AccountURL: accountPath(w.Account),
		})
	}
	path := OperatorPrefix + "/failing?api=" + url.QueryEscape(string(a.API))
	if q.Get("after") != "" {
		v.Previous = path
	}
	if next != "" {
		v.Next = path + "&after=" + url.QueryEscape(next)
	}
	v.Empty = empty{Title: "No webhook of " + string(a.API) + " fails", Text: "Webhooks that fail or are disabled are listed here within seconds, whichever account they belong to."}
	if v.Next != "" {
		v.Empty = empty{Title: "None here", Text: "Those of this page have recovered.", Link: v.Next, Action: "Look further"}
	}
	return e.page(http.StatusOK, "failing", v)
}
