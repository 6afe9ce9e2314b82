package portal

import (
	"errors"
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// twiceWithin is how long after a registration the same one seems to be the same
// form, sent again by impatience or by going back.
const twiceWithin = time.Minute

// twiceView is the page that says that a form was sent twice. A browser without
// scripts shows the second answer, and a new key was in the first.
type twiceView struct {
	frame
	Points             []string
	Hook, Next, Action string
	Danger             bool
}

// sentTwice returns what answers a registration that failed with err since, it
// seems, the same form made it a moment ago: the account has one webhook for
// exactly these events, with exactly this URL, that was created within the last
// minute. It returns nil if that is not so.
func (e *exchange) sentTwice(err error, events []string, url string) func(*exchange) error {
	taken, ok := errors.AsType[*webhook.TakenError](err)
	if !ok || len(taken.IDs) != len(events) {
		return nil
	}
	list, err := e.api.Registry.List(e.Context(), e.session.Account)
	if err != nil {
		return func(*exchange) error { return err }
	}
	id := taken.IDs[events[0]]
	for _, g := range webhook.Groups(list) {
		if g.ID == id && g.URL == url && e.now.Sub(g.CreatedAt) <= twiceWithin && len(g.Events) == len(events) && allOf(taken.IDs, id) {
			return func(e *exchange) error { return e.page(http.StatusConflict, "twice", e.twiceView(id)) }
		}
	}
	return nil
}

// allOf reports whether all events belong to one webhook.
func allOf(ids map[string]string, id string) bool {
	for _, found := range ids {
		if found != id {
			return false
		}
	}
	return true
}

func (e *exchange) twiceView(id string) twiceView {
	v := twiceView{frame: e.frame("The webhook is registered"), Hook: "/portal/webhooks/" + id}
	const gone = " was in the first answer, which your browser did not show. It cannot be shown again."
	switch {
	case e.api.RenewsAccountKey:
		v.Points = []string{"Nothing is lost: its deliveries are signed with the " + e.api.Key + " of the account. If you do not have that, make a new one."}
		v.Next, v.Action = "/portal/key", "Make a new "+e.api.Key+"…"
	case e.api.RenewsKey:
		v.Points = []string{"Its " + e.api.Key + gone, "Make a new one. It is shown once, on the page after the next."}
		v.Next, v.Action = v.Hook+"/key", "Make a new "+e.api.Key+"…"
	default:
		v.Points = []string{"Its " + e.api.Key + gone, "Delete the webhook and add it again: it gets a new one."}
		v.Next, v.Action, v.Danger = v.Hook+"/delete", "Delete webhook…", true
	}
	return v
}
