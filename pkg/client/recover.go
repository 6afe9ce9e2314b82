package client

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"time"
)

// Recovery selects the deliveries that [Client.Recover] has attempted again.
type Recovery struct {
	// From and Until bound the time of the event: from From on, before Until. A
	// zero Until is no bound.
	From, Until time.Time
	// Event is the name of the events, empty for all.
	Event string
	// Limit is the maximum number of deliveries of a call, 0 for 1,000.
	Limit int
	// Cursor is the Next of the call before, empty for the first call.
	Cursor string
	// AsOf leaves out what was attempted since then. If it is zero, it is that
	// of the cursor, or the server's time.
	AsOf time.Time
	// DryRun counts and changes nothing.
	DryRun bool
}

// Recovered is the outcome of a call of [Client.Recover].
type Recovered struct {
	// Count is how many deliveries are attempted again, or would be.
	Count int
	// Expired is how many are not, since they were accepted more than 6 days
	// ago.
	Expired int
	// Next is the cursor of the rest, empty at the end.
	Next string
	// AsOf is that of the recovery.
	AsOf time.Time
}

// Recover has deliveries of an account attempted once more, at once, that failed
// or were cancelled, and whose event has an enabled webhook. A call may recover
// few or none before the end: go on with Next. With AsOf or Cursor it may be
// repeated, by the caller too: nothing is sent twice, and what the call before
// has sent is not counted. Without both it is sent once.
func (c *Client) Recover(ctx context.Context, account string, q Recovery) (Recovered, error) {
	body := struct {
		From   time.Time `json:"from"`
		Until  time.Time `json:"until,omitzero"`
		Event  string    `json:"event,omitempty"`
		Limit  int       `json:"limit,omitempty"`
		Cursor string    `json:"cursor,omitempty"`
		AsOf   time.Time `json:"as_of,omitzero"`
		DryRun bool      `json:"dry_run,omitempty"`
	}{q.From.UTC(), q.Until.UTC(), q.Event, q.Limit, q.Cursor, q.AsOf.UTC(), q.DryRun}
	var done struct {
		Resent   int       `json:"resent"`
		Matching int       `json:"matching"`
		Expired  int       `json:"expired"`
		AsOf     time.Time `json:"as_of"`
		Next     string    `json:"next"`
	}
	err := c.do(ctx, call{
		method: http.MethodPost, path: accountPath(account, "recover"), body: body, member: "as_of",
		repeatable: q.DryRun || q.Cursor != "" || !q.AsOf.IsZero(),
	}, &done)
	return Recovered{done.Resent + done.Matching, done.Expired, done.Next, done.AsOf}, cmp.Or(err, checkNext(q.Cursor, done.Next))
}

// Recoveries makes calls of [Client.Recover] until the end. After an error it
// ends.
func (c *Client) Recoveries(ctx context.Context, account string, q Recovery) iter.Seq2[Recovered, error] {
	return func(yield func(Recovered, error) bool) {
		for {
			done, err := c.Recover(ctx, account, q)
			if !yield(done, err) || err != nil || done.Next == "" {
				return
			}
			q.Cursor = done.Next
		}
	}
}
