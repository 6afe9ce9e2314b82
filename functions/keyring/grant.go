package main

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

const (
	// grantTimeout is how long a new role or key may take to be known
	// everywhere. IAM and KMS are eventually consistent: what a deployment made
	// seconds ago is mostly known within two, and sometimes only after half a
	// minute (aws/aws-cdk#37675; "AWS KMS eventual consistency" in the KMS
	// developer guide).
	grantTimeout = 40 * time.Second
	// firstPause and longestPause bound the pauses between two tries, which
	// double and are jittered down to half.
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

// notYet are the error codes of a right or a key that is not known yet where
// the request arrived.
var notYet = []string{
	"AccessDeniedException",
	// Of KMS only: the key was made by the same deployment.
	"NotFoundException",
	"KMSInvalidStateException",
}

// grant is the time that one event has for its rights to arrive.
type grant struct {
	log    *slog.Logger
	now    func() time.Time
	jitter func(time.Duration) time.Duration
	until  time.Time
}

func (h *handler) newGrant(log *slog.Logger) *grant {
	return &grant{log: log, now: h.now, jitter: h.jitter, until: h.now().Add(grantTimeout)}
}

// await calls do until its error is none of notYet, or the time is over; then
// the error is that of the latest call. Whatever do does may be done twice.
func (g *grant) await(ctx context.Context, operation string, do func(context.Context) error) error {
	pause := firstPause
	for {
		err := do(ctx)
		code := errorCode(err)
		if !slices.Contains(notYet, code) {
			return err
		}
		wait := pause/2 + g.jitter(pause/2)
		if g.now().Add(wait).After(g.until) {
			return err
		}
		g.log.WarnContext(ctx, "refused, trying again", "operation", operation, "code", code)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, longestPause)
	}
}
