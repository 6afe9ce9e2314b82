package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// repetition says what may be done when the answer to a request was lost.
type repetition int

const (
	// repeatable requests change nothing, or nothing more the second time,
	// and their answer is as good: reads, and puts of what never changes.
	repeatable repetition = iota
	// idempotent requests carry a ClientRequestToken: repeating them is
	// harmless, but at the deadline the outcome is unknown.
	idempotent
	// once: a lost answer ends the call.
	once
)

// The pause before try n is drawn below min(firstPause << n, longestPause),
// "full jitter" in
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
const (
	firstPause   = 25 * time.Millisecond
	longestPause = 800 * time.Millisecond
)

// call sends a request until DynamoDB has decided. Definite errors (throttling,
// conflicts, no connection) are tried again with a growing, jittered pause,
// lost answers as the repetition allows.
//
// It returns nil, the failed condition (*ConditionalCheckFailedException or
// *TransactionCanceledException of package types, inside an *overtakable after
// a lost answer), or an error of package
// store's kind: ErrUnavailable or ErrUnknownOutcome, wrapping ctx.Err() when
// the context ended it, or a fault that is none of these.
func (s *Store) call(ctx context.Context, op string, rep repetition, send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.callTimeout)
	defer cancel()
	var latest error
	mayHaveHappened := false
	for try := 0; ; try++ {
		if ctx.Err() == nil {
			result, err := s.try(ctx, send)
			switch result {
			case success:
				return nil
			case condition:
				if mayHaveHappened {
					return &overtakable{err}
				}
				return err
			case internalError:
				if mayHaveHappened {
					return fmt.Errorf("%s: %w: %w", op, webhook.ErrUnknownOutcome, causeOf(err))
				}
				return fmt.Errorf("%s: %w", op, causeOf(err))
			case lost:
				mayHaveHappened = mayHaveHappened || rep != repeatable
			case refused:
			}
			latest = err
			if result == lost && rep == once {
				return ended(ctx, op, webhook.ErrUnknownOutcome, err)
			}
			s.pause(ctx, try)
		}
		if ctx.Err() != nil {
			if mayHaveHappened {
				return ended(ctx, op, webhook.ErrUnknownOutcome, latest)
			}
			return ended(ctx, op, webhook.ErrUnavailable, latest)
		}
	}
}

// overtakable is a failed condition of a request that was also sent before,
// without an answer: that earlier try may still be under way, and be carried
// out when the condition holds again.
type overtakable struct{ error }

func (e *overtakable) Unwrap() error { return e.error }

// ended makes the error of a call that came to no decision. The latest failure
// is told as text only: it may wrap the end of a single try's context, which
// is not the caller's.
func ended(ctx context.Context, op string, sentinel, latest error) error {
	err := sentinel
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", sentinel, ctx.Err())
	}
	if latest == nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w: %v", op, err, latest)
}

// try sends the request once, within a time-out of its own.
func (s *Store) try(ctx context.Context, send func(context.Context) error) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.tryTimeout)
	defer cancel()
	var progress progress
	err := send(httptrace.WithClientTrace(ctx, progress.trace()))
	return classify(err, &progress), err
}

// pause waits before the try after the given one, or until ctx ends.
func (s *Store) pause(ctx context.Context, try int) {
	below := longestPause
	if try < 5 {
		below = min(firstPause<<try, longestPause)
	}
	timer := time.NewTimer(s.jitter(below))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// progress is how far one request came, as net/http tells it.
type progress struct {
	asked   atomic.Bool // for a connection
	started atomic.Bool // had a connection, so that bytes may have left
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.started.Store(true) },
	}
}

// nothingSent reports that the request certainly never left: it waited for a
// connection and got none.
func (p *progress) nothingSent() bool { return p.asked.Load() && !p.started.Load() }

// isContextError reports that err is the end of a context.
func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
