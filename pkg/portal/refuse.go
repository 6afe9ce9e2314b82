package portal

import (
	"errors"
	"net/http"

	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// Error is a page that says what went wrong, and what to do.
type Error struct {
	status       int
	title, text  string
	link, action string
}

// home is the link of an error that leads to the first page.
const home = "home"

func (err *Error) Error() string { return err.title }

var (
	errNoPage   = &Error{http.StatusNotFound, "There is nothing here", "The address is wrong, or what it led to was deleted.", home, ""}
	errNoPages  = &Error{http.StatusNotFound, "There are no pages for this link", "It leads to no account of an API that has pages. Ask for a link to an account.", "", ""}
	errForeign  = &Error{http.StatusForbidden, "Nothing was changed", "The form did not come from a page of this session. Open the page again and repeat it there.", home, ""}
	errReadOnly = &Error{http.StatusForbidden, "Nothing was changed", "This link may see and not change. Ask for a link with the right to write.", home, ""}
	errTooLarge = &Error{http.StatusRequestEntityTooLarge, "Nothing was changed", "The form is larger than 256 KiB.", home, ""}
	errBadForm  = &Error{http.StatusBadRequest, "Nothing was changed", "The form cannot be read. Open the page again and repeat it there.", home, ""}
)

// news are what redirects after changes say, by the parameter done.
var news = map[string]note{
	"registered": {toneOK, "The webhook is registered.", "What happens from now on is sent to it."},
	"changed":    {toneOK, "The webhook was changed.", "Attempts from now on go to it as it is now."},
	"enabled":    {toneOK, "The webhook is enabled.", "Events published from now on are sent to it. What was held meanwhile comes with Recover."},
	"disabled":   {toneIdle, "The webhook is disabled.", "Events for it are held, and not sent, until it is enabled."},
	"deleted":    {toneIdle, "The webhook was deleted.", "Its events can be registered again."},
	"created":    {toneOK, "The account was created.", "The customer needs a token to call the API."},
	"exists":     {toneIdle, "The account exists already.", "Nothing was changed."},
	"revoked":    {toneIdle, "The token is revoked.", "Servers refuse it within 30 seconds."},
	"ended":      {toneIdle, "All links and sessions have ended.", "New links can be made."},
	"test":       {toneWait, "The sample is on its way.", "This page shows its outcome by itself."},
	"again":      {toneWait, "Another attempt was asked for.", "This page shows its outcome by itself."},
}

// refuse answers with the page of an error.
func (e *exchange) refuse(err error) {
	var found *Error
	switch {
	case errors.As(err, &found):
	case errors.Is(err, access.ErrNoLink):
		found = &Error{http.StatusForbidden, "This link is no longer good", "A link can be used once and for a limited time; this one was used or has expired. Ask whoever sent it to you for a new one.", "", ""}
	case errors.Is(err, access.ErrNoSession):
		found = &Error{http.StatusForbidden, "You are not in the portal", "A session ends after a time, and when its links are withdrawn. " + e.ask, "", ""}
	case errors.Is(err, webhook.ErrNotFound):
		found = errNoPage
	default:
		found = &Error{http.StatusInternalServerError, "Something went wrong on our side", "Try again in a moment. If it stays so, report it with the id " + e.id + ".", "", ""}
	}
	view := plainView{outline: e.outline(found.title), Text: found.text, Link: found.link, Action: found.action}
	if view.Link == home {
		view.Link, view.Action = e.home, e.homeAction
	}
	if e.session.FormToken == "" { // no session, or a path for which none was read
		if found != errNoPage {
			view.Link, view.Action = "", ""
		}
		if e.refreshURL != "" && found.status == http.StatusForbidden && found != errForeign {
			view.Link, view.Action, view.Main = e.refreshURL, "Get a new link", true
		}
	}
	_ = e.page(found.status, plainName, view) // it is one of our own, and drawn by tests
}
