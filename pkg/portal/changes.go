package portal

import (
	"net/http"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// confirmView asks whether to go on.
type confirmView struct {
	frame
	Text, Action, Label, Back string
	Points                    []string
	Danger                    bool
	Field                     *field
}

// confirmChange serves GET /portal/webhooks/{id}/{change}: what the change
// does, in words.
func (p *portal) confirmChange(e *exchange) error {
	g, _, err := e.group()
	if err != nil {
		return err
	}
	v := confirmView{Action: e.URL.Path, Back: "/portal/webhooks/" + g.ID, Text: g.URL}
	var title string
	switch e.PathValue("change") {
	case "delete":
		title, v.Label, v.Danger = "Delete this webhook?", "Delete webhook", true
		v.Points = []string{
			"From now on nothing is sent to this URL for " + list(g.Events) + ".",
			"What waits for an attempt is cancelled.",
			"Its records of deliveries stay until they expire.",
			theirs(g.Events) + " can be registered again at once.",
		}
		if !e.api.RenewsAccountKey {
			v.Points = append(v.Points, "Its "+e.api.Key+" is of no use any more. A new registration has a new one.")
		}
	case "disable":
		title, v.Label = "Disable this webhook?", "Disable webhook"
		v.Points = []string{
			"From now on nothing is sent to this URL.",
			"What happens meanwhile is held, and can be sent with Recover once the webhook is enabled, within 6 days.",
			"It keeps " + list(g.Events) + ".",
		}
	case "enable":
		title, v.Label = "Enable this webhook?", "Enable webhook"
		v.Points = []string{"What happens from now on is sent to this URL again.", "What was held meanwhile is sent when you ask for it with Recover."}
	case "key":
		if !e.api.RenewsKey {
			return errNoPage
		}
		title, v.Label = "Make a new "+e.api.Key+"?", "Make a new key"
		v.Points = []string{"The new key is shown once, on the next page.", "The old key signs beside the new one for 24 hours, so that you can exchange it without losing anything."}
	default:
		return errNoPage
	}
	v.frame = e.frame(title)
	return e.page(http.StatusOK, "confirm", v)
}

// list joins names as people do.
func list(names []string) string {
	if len(names) > shownEvents {
		return number(len(names)) + " events"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func theirs(events []string) string {
	if len(events) == 1 {
		return "Its event"
	}
	return "Its events"
}

// makeChange serves POST /portal/webhooks/{id}/{change}.
func (p *portal) makeChange(e *exchange) error {
	ctx, a, id := e.Context(), e.session.Account, e.PathValue("id")
	var err error
	done := "/portal/webhooks/" + id + "?done="
	switch e.PathValue("change") {
	case "delete":
		if err = e.open(); err == nil {
			err = e.api.Registry.Delete(ctx, a, id)
		}
		done = "/portal/webhooks?done=deleted"
	case "disable":
		_, err = e.api.Registry.SetEnabled(ctx, a, id, false)
		done += "disabled"
	case "enable":
		_, err = e.api.Registry.SetEnabled(ctx, a, id, true)
		done += "enabled"
	case "key":
		if !e.api.RenewsKey {
			return errNoPage
		}
		if err := e.open(); err != nil {
			return err
		}
		key, err := e.api.Registry.RotateKey(ctx, a, id)
		if err != nil {
			return err
		}
		return e.keyPage("New "+e.api.Key, "The old key signs beside it for 24 hours.", key, "/portal/webhooks/"+id)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	return e.redirect(done)
}

// open returns an error while the API is closed to changes.
func (e *exchange) open() error {
	if e.api.Closed == nil {
		return nil
	}
	wait := e.api.Closed(e.now)
	if wait <= 0 {
		return nil
	}
	return &Error{http.StatusServiceUnavailable, "Nothing was changed", e.api.Title + " is closed to changes now. It opens " + e.at(e.now.Add(wait)).Text + ", at " + e.at(e.now.Add(wait)).Exact + ".", "/portal/webhooks", "See the webhooks"}
}

// confirmAccountKey serves GET /portal/key.
func (p *portal) confirmAccountKey(e *exchange) error {
	if !e.api.RenewsAccountKey {
		return errNoPage
	}
	return e.page(http.StatusOK, "confirm", confirmView{
		frame: e.frame("Make a new " + e.api.Key + "?"), Action: "/portal/key", Label: "Make a new key", Back: "/portal/verify", Danger: true,
		Points: []string{
			"It signs the deliveries of all webhooks of this account.",
			"The new key is shown once, on the next page.",
			"An old key stops signing at once: give your receivers the new one without delay, or they refuse what comes.",
		},
	})
}

// renewAccountKey serves POST /portal/key.
func (p *portal) renewAccountKey(e *exchange) error {
	if !e.api.RenewsAccountKey {
		return errNoPage
	}
	if err := e.open(); err != nil {
		return err
	}
	key, err := e.api.Registry.RenewAccountKey(e.Context(), e.session.Account)
	if err != nil {
		return err
	}
	return e.keyPage("New "+e.api.Key, "It signs all deliveries of this account from now on.", key, "/portal/verify")
}

// keyView shows a key, a token or a link, once. Verify says that receivers check
// deliveries with it.
type keyView struct {
	frame
	Text, Back string
	Key        code
	Verify     bool
}

// keyPage answers with a new key. The page is the answer to the POST that made
// it, so nothing keeps the key.
func (e *exchange) keyPage(title, text string, key webhook.Secret, back string) error {
	return e.page(http.StatusOK, "key", keyView{
		frame: e.frame(title), Text: text, Back: back, Verify: true,
		Key: code{ID: "key", Title: "This " + e.api.Key + " is shown once", Text: key.Reveal(), Key: true},
	})
}
