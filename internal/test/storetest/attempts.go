package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// mustKeepAttempts fails the test unless a delivery's attempts are want.
func (s *suite) mustKeepAttempts(t *testing.T, d webhook.Delivery, want ...webhook.Attempt) {
	t.Helper()
	got, err := s.Attempts(s.context(t), d)
	if err != nil {
		t.Fatalf("Attempts(%s): %v", d.ID(), err)
	}
	same(t, "attempts", got, want)
	for _, a := range got {
		mustBeUTC(t, a.At)
	}
}

// failedAs gives d after one more failed attempt, and what is kept of it with
// a response.
func failedAs(s *suite, d webhook.Delivery, response []byte) (webhook.Delivery, webhook.Attempt) {
	now := failed(d, s.moment())
	now.Duration = time.Duration(now.Attempts)*time.Second + 7*time.Millisecond
	return now, webhook.Attempt{
		Number: now.Attempts, At: now.AttemptedAt, Duration: now.Duration,
		StatusCode: now.StatusCode, Reason: now.Reason, Response: response,
	}
}

// Each failed attempt is kept with how its response began, byte for byte, and
// the latest attempt whatever it came to. A cancellation or a retry is none.
func testAttempts(t *testing.T, s *suite) {
	for _, size := range []int{100, 2000} {
		d := newDue(newAccount(), s.moment())
		d.Payload = payload(size)
		was := s.mustKeep(t, d)
		s.mustKeepAttempts(t, was)
		beside := s.mustKeep(t, newDue(d.Account, s.moment()))
		var want []webhook.Attempt
		for _, response := range [][]byte{
			nil, allBytes(), bytes.Repeat([]byte{0xff, 0}, webhook.MaxKeptResponse/2), []byte("\x1b[2J{\"\u202e"), {0},
		} {
			now, attempt := failedAs(s, was, response)
			s.mustRecord(t, webhook.AttemptResult{Was: was, Now: now, Response: response})
			want = append(want, attempt)
			s.mustKeepAttempts(t, now, want...)
			s.mustKeepAttempts(t, was, want[:len(want)-1]...)
			was = now
		}
		now, attempt := failedAs(s, was, bytes.Repeat([]byte("x"), webhook.MaxKeptResponse))
		s.mustRecord(t, webhook.AttemptResult{Was: was, Now: now, Response: bytes.Repeat([]byte("x"), 4<<10)})
		want, was = append(want, attempt), now

		for _, none := range []webhook.Delivery{was.Cancelled("cancelled: said somebody"), was.Retried(s.moment()), was.GivenUp("given up")} {
			s.mustRecord(t, webhook.AttemptResult{Was: was, Now: none, Response: []byte("none")})
			s.mustKeepAttempts(t, none, want...)
			was = none
		}
		success := sent(was)
		success.Duration = 30 * time.Millisecond
		s.mustRecord(t, webhook.AttemptResult{Was: was, Now: success, Response: []byte("not kept")})
		last := webhook.Attempt{Number: success.Attempts, At: success.AttemptedAt, Duration: success.Duration, StatusCode: 204}
		s.mustKeepAttempts(t, success, append(want, last)...)
		s.mustStand(t, success)
		now, attempt = failedAs(s, success, nil) // the success is not the latest any more
		s.mustRecord(t, webhook.AttemptResult{Was: success, Now: now})
		s.mustKeepAttempts(t, now, append(want, attempt)...)
		s.mustKeepAttempts(t, beside)
	}
}

// A result that is refused keeps nothing, and the attempt that came first stays
// as it is.
func testAttemptsRefused(t *testing.T, s *suite) {
	ctx, store := s.context(t), s.Store
	unknown := newDue(newAccount(), s.moment())
	now, _ := failedAs(s, unknown, nil)
	if _, err := store.RecordAttempt(ctx, webhook.AttemptResult{Was: unknown, Now: now}); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("RecordAttempt of an unknown delivery: error = %v, want ErrNotFound", err)
	}
	was := s.mustKeep(t, unknown)
	s.mustKeepAttempts(t, was)
	first, attempt := failedAs(s, was, []byte("first"))
	s.mustRecord(t, webhook.AttemptResult{Was: was, Now: first, Response: attempt.Response})
	late := first
	late.AttemptedAt, late.StatusCode = late.AttemptedAt.Add(time.Second), 500
	second, third := sent(first), failed(sent(first), s.moment())
	for _, now := range []webhook.Delivery{first, second, third} {
		if _, err := store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: late, Response: []byte("late")}); !errors.Is(err, webhook.ErrChanged) {
			t.Fatalf("RecordAttempt of a second attempt 1: error = %v, want ErrChanged", err)
		}
		got, err := store.Attempts(ctx, now)
		if err != nil || len(got) == 0 {
			t.Fatalf("Attempts = %d, %v", len(got), err)
		}
		same(t, "first attempt", got[:1], []webhook.Attempt{attempt})
		if now.Attempts == 1 {
			s.mustRecord(t, webhook.AttemptResult{Was: first, Now: second})
		} else if now.Attempts == 2 {
			s.mustRecord(t, webhook.AttemptResult{Was: second, Now: third})
		}
	}
}

// Of concurrent failures of one attempt the one that is recorded is kept, with
// its own response, also when the next attempt has been made.
func testAttemptsRace(t *testing.T, s *suite) {
	const rivals = 4
	ctx, store := s.context(t), s.Store
	for range s.rounds {
		was := s.mustKeep(t, newDue(newAccount(), s.moment()))
		now, attempts, errs := make([]webhook.Delivery, rivals), make([]webhook.Attempt, rivals), make([]error, rivals)
		for i := range now {
			now[i], attempts[i] = failedAs(s, was, fmt.Append(nil, "rival ", i))
			now[i].AttemptedAt = at.Add(time.Duration(i) * time.Second)
			attempts[i].At = now[i].AttemptedAt
		}
		race(rivals, func(i int) {
			_, errs[i] = store.RecordAttempt(ctx, webhook.AttemptResult{Was: was, Now: now[i], Response: attempts[i].Response})
		})
		i := oneWinner(t, errs)
		s.mustKeepAttempts(t, now[i], attempts[i])
		next, attempt := failedAs(s, now[i], nil)
		s.mustRecord(t, webhook.AttemptResult{Was: now[i], Now: next})
		s.mustKeepAttempts(t, next, attempts[i], attempt)
	}
}
