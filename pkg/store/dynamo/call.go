package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hookline/hookline/pkg/webhook"
)

// repetition says whether a request may be repeated if its response was lost.
type repetition int

const (
	// repeatable requests change nothing, or nothing more the second time, and
	// the later response is as good: reads, and puts of items that never
	// change.
	repeatable repetition = iota
	// idempotent requests may be repeated without harm, but their outcome is
	// unknown at the deadline.
	idempotent
	// once: the call fails if the response is lost.
	once
)

// The pause before try n is random below min(firstPause << n, longestPause),
// called "full jitter" in
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
const (
	firstPause   = 25 * time.Millisecond
	longestPause = 800 * time.Millisecond
)

// call sends a request until DynamoDB has decided. It repeats refused requests
// (throttling, conflicts, no connection) after a growing random pause, and
// requests with lost responses as rep allows.
//
// It returns nil; the failed condition (*ConditionalCheckFailedException or
// *TransactionCanceledException of package types, inside an *overtakable after
// a lost response); [webhook.ErrUnavailable] or [webhook.ErrUnknownOutcome],
// wrapping ctx.Err() if the context ended; or an internal error. An internal
// error after a lost response wraps webhook.ErrUnknownOutcome too.
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

// overtakable is the failed condition of a request that was sent before without
// a response. That earlier try may still be under way, and succeed when the
// condition holds again.
type overtakable struct{ error }

func (e *overtakable) Unwrap() error { return e.error }

// ended returns the error of an undecided call. It includes the latest failure
// only as text: that may wrap the end of a single try's context, which is not
// the caller's.
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

// try sends the request once, with its own time-out.
func (s *Store) try(ctx context.Context, send func(context.Context) error) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.tryTimeout)
	defer cancel()
	var progress progress
	err := send(httptrace.WithClientTrace(ctx, progress.trace()))
	return classify(err, &progress), err
}

// update makes an UpdateItem whose response is not needed.
func (s *Store) update(ctx context.Context, op string, rep repetition, in *dynamodb.UpdateItemInput) error {
	return s.call(ctx, op, rep, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, in)
		return err
	})
}

// pause waits after the given try, or until ctx ends.
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

// progress is how far a request came, as net/http reports it.
type progress struct {
	asked   atomic.Bool // asked for a connection
	started atomic.Bool // had a connection, so bytes may have been sent
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.started.Store(true) },
	}
}

// nothingSent reports whether the request was certainly not sent: it waited for
// a connection and got none.
func (p *progress) nothingSent() bool { return p.asked.Load() && !p.started.Load() }

// isContextError reports whether err means that a context ended.
func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
