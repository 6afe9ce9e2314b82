package portal

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// recoverView is the page that sends again what failed: it asks since when,
// counts, and after the confirmation says how far it is.
type recoverView struct {
	frame
	Since, Event field
	Failures     []field
	// Counted says that Count is how many there are. More says that there are
	// more of them.
	Counted, More bool
	// From is since when, as it is shown.
	From, Count string
	None        bool
	Expired     string
	AsOf        string
	// Running and Done say that Sent were sent again, and whether there are
	// others. Cursor is where to go on.
	Running, Done bool
	Sent, Cursor  string
}

// readRecovery reads since when, and which event.
func (v *recoverView) readRecovery(get func(string) string, now time.Time) delivery.Recovery {
	v.Since = field{Name: "since", Label: "Since (UTC)", Hint: "When the events happened. What was accepted more than 6 days ago is not sent again.", Value: get("since")}
	v.Event = field{Name: "event", Label: "Event", Hint: "Leave it empty for all.", Value: get("event")}
	q := delivery.Recovery{From: readTime(&v.Since), Event: strings.TrimSpace(v.Event.Value), Limit: delivery.MaxRecovered, Cursor: get("cursor")}
	switch {
	case v.Since.Value == "":
		v.Since.Wrong = "Say since when."
	case v.Since.Wrong == "" && q.From.After(now):
		v.Since.Wrong = "This must not be in the future."
	}
	v.Failures = failures(v.Since)
	return q
}

// showRecover serves GET /portal/recover. With since it counts, and changes
// nothing.
func (p *portal) showRecover(e *exchange) error {
	v := recoverView{frame: e.frame("Recover")}
	query := e.URL.Query()
	q := v.readRecovery(query.Get, e.now)
	if !query.Has("since") {
		v.Since.Wrong, v.Failures = "", nil
		v.Since.Value = e.now.UTC().Add(-day).Format(inputTime)
		return e.page(http.StatusOK, "recover", v)
	}
	if len(v.Failures) > 0 {
		return e.page(http.StatusUnprocessableEntity, "recover", v)
	}
	q.Cursor, q.DryRun = "", true
	found, err := p.retrier.Recover(e.Context(), e.session.Account, q)
	if err != nil {
		return err
	}
	v.Counted, v.More, v.Count, v.None = true, found.Next != "", number(found.Resent), found.Resent == 0 && found.Next == ""
	v.From = q.From.Format("2006-01-02 15:04 UTC")
	v.AsOf = found.AsOf.Format(time.RFC3339Nano)
	if found.Expired > 0 {
		v.Expired = number(found.Expired)
	}
	return e.page(http.StatusOK, "recover", v)
}

// recover serves POST /portal/recover: one step of a recovery. The page goes on
// with the next one, by itself or by its button. A step that is repeated sends
// nothing twice, since its time stays the same.
func (p *portal) recover(e *exchange) error {
	v := recoverView{frame: e.frame("Recover")}
	q := v.readRecovery(e.PostForm.Get, e.now)
	if len(v.Failures) > 0 {
		return e.page(http.StatusUnprocessableEntity, "recover", v)
	}
	q.AsOf, _ = time.Parse(time.RFC3339Nano, e.PostForm.Get("as_of"))
	if q.AsOf.IsZero() || q.AsOf.After(e.now.Add(time.Minute)) {
		return errBadForm
	}
	done, err := p.retrier.Recover(e.Context(), e.session.Account, q)
	if errors.Is(err, webhook.ErrInvalid) {
		return errBadForm
	}
	if err != nil {
		return err
	}
	before, _ := strconv.Atoi(e.PostForm.Get("sent")) // for this reader's eyes alone
	total := max(0, before) + done.Resent
	v.AsOf, v.Sent, v.Cursor = e.PostForm.Get("as_of"), strconv.Itoa(total), done.Next
	v.Count = number(total)
	v.Running, v.Done = done.Next != "", done.Next == ""
	return e.page(http.StatusOK, "recover", v)
}
