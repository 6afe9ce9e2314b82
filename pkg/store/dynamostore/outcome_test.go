package dynamostore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

var errFault = errors.New("an error that is none of the sentinels")

// The outcome of a single registration by what came back for it.
func TestOutcomeOfSingle(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	for name, tt := range map[string]struct {
		steps    []step
		want     error
		requests int
	}{
		"done":                         {[]step{ok}, nil, 1},
		"throughput":                   {[]step{refuses("ProvisionedThroughputExceededException"), ok}, nil, 2},
		"throttled":                    {[]step{refuses("ThrottlingException"), refuses("RequestLimitExceeded"), ok}, nil, 3},
		"conflict with a transaction":  {[]step{refuses("TransactionConflictException"), ok}, nil, 2},
		"conflict between regions":     {[]step{refuses("ReplicatedWriteConflictException"), ok}, nil, 2},
		"too many requests":            {[]step{says(http.StatusTooManyRequests, "slow down"), ok}, nil, 2},
		"refusal cut in the middle":    {[]step{fails4xxCut, ok}, nil, 2},
		"no connection":                {[]step{unreachable, ok}, nil, 2},
		"no connection, untraced":      {[]step{undialled, ok}, nil, 2},
		"connection refused, then 500": {[]step{unreachable, says(500, `{}`)}, webhook.ErrUnknownOutcome, 2},
		"closed":                       {[]step{fails(io.EOF), ok}, webhook.ErrUnknownOutcome, 1},
		"reset":                        {[]step{fails(syscall.ECONNRESET), ok}, webhook.ErrUnknownOutcome, 1},
		"silent":                       {[]step{silent, ok}, webhook.ErrUnknownOutcome, 1},
		"internal error":               {[]step{says(500, `{"__type":"InternalServerError"}`), ok}, webhook.ErrUnknownOutcome, 1},
		"unavailable":                  {[]step{says(503, ``), ok}, webhook.ErrUnknownOutcome, 1},
		"gateway's time-out":           {[]step{says(http.StatusRequestTimeout, ``), ok}, webhook.ErrUnknownOutcome, 1},
		"redirected":                   {[]step{says(http.StatusFound, ``), ok}, webhook.ErrUnknownOutcome, 1},
		"not JSON":                     {[]step{says(http.StatusOK, `<html>`), ok}, webhook.ErrUnknownOutcome, 1},
		"JSON cut in the middle":       {[]step{says(http.StatusOK, `{"Consumed`), ok}, webhook.ErrUnknownOutcome, 1},
		"wrong request":                {[]step{refuses("ValidationException"), ok}, errFault, 1},
		"no rights":                    {[]step{refuses("AccessDeniedException"), ok}, errFault, 1},
		"no table":                     {[]step{refuses("ResourceNotFoundException"), ok}, ErrNoTable, 1},
		"wrong signature":              {[]step{refuses("InvalidSignatureException"), ok}, errFault, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.Create(t.Context(), single())
				switch {
				case tt.want == nil && (err != nil || len(got) != 1 || got[0].ID != "new-a"):
					t.Errorf("Create = %v, %v, want the new record", got, err)
				case errors.Is(tt.want, errFault):
					mustBe(t, err)
				default:
					mustBe(t, err, tt.want)
				}
				if tt.want != nil && err == nil || len(sc.bodies) != tt.requests {
					t.Errorf("error = %v after %d requests, want %v after %d", err, len(sc.bodies), tt.want, tt.requests)
				}
			})
		})
	}
}

// fails4xxCut refuses, but the connection breaks before the reason is told.
func fails4xxCut(r *http.Request) (*http.Response, error) {
	resp, err := says(http.StatusBadRequest, `{"__type":"com.am`)(r)
	resp.Body = io.NopCloser(io.MultiReader(resp.Body, brokenReader{}))
	return resp, err
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A failed condition comes with the record that stands.
func TestOutcomeOfFailedCondition(t *testing.T) {
	held := says(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",`+
		`"message":"m","Item":`+oldItem("a", "old")+`}`)
	s, _ := newScripted(t, held)

	_, err := s.Create(t.Context(), single())
	var taken *webhook.TakenError
	if mustBe(t, err, webhook.ErrTaken); !errors.As(err, &taken) || len(taken.IDs) != 1 || taken.IDs["a"] != "old" {
		t.Errorf("another's record: error = %v, want it taken by old", err)
	}

	again := single()
	again.Webhooks[0].Claim = "claim-old"
	got, err := s.Create(t.Context(), again)
	if err != nil || len(got) != 1 {
		t.Fatalf("own record of an earlier try: %v, %v", got, err)
	}
	if w := got[0]; w.ID != "old" || w.URL != "https://old.example" || w.Version != 4 || w.UpdatedAt.UnixMilli() != 2000 {
		t.Errorf("own record = %+v, want it as it stands", w)
	}

	s, _ = newScripted(t, refuses("ConditionalCheckFailedException"))
	_, err = s.Create(t.Context(), single())
	if mustBe(t, err); err == nil {
		t.Error("a failed condition without the record is no error")
	}
}

// Throttling lasts until the deadline: pauses double up to a limit, and
// nothing was written.
func TestThrottledUntilDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sc := newScripted(t, refuses("ThrottlingException"))
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		_, err := s.Create(ctx, single())
		mustBe(t, err, webhook.ErrUnavailable, context.DeadlineExceeded)
		const ms = time.Millisecond
		want := []time.Duration{25 * ms, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 800 * ms, 800 * ms, 800 * ms, 800 * ms}
		if !slices.Equal(sc.pauses, want) {
			t.Errorf("pauses %v, want %v", sc.pauses, want)
		}
	})
}

// A call has an end even if its context has none.
func TestCallWithoutDeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newScripted(t, silent)
		started := time.Now()
		_, err := s.Account(context.Background(), testAccount)
		mustBe(t, err, webhook.ErrUnavailable, context.DeadlineExceeded)
		if took := time.Since(started); took != defaultCallTimeout {
			t.Errorf("ended after %v, want %v", took, defaultCallTimeout)
		}
	})
}

// One lost packet costs a try, not the deadline.
func TestTryHasItsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newScripted(t, silent, says(http.StatusOK, `{"Item":{"c":{"N":"1000"}}}`))
		started := time.Now()
		if _, err := s.Account(t.Context(), testAccount); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took != defaultTryTimeout+firstPause {
			t.Errorf("took %v, want a try of %v and a pause of %v", took, defaultTryTimeout, firstPause)
		}
	})
}

// What a caller that leaves is told depends on how far the request came.
func TestCancellation(t *testing.T) {
	for name, tt := range map[string]struct {
		steps func(leave func()) []step
		call  func(context.Context, *Store) error
		want  error
	}{
		"single, before an answer": {
			func(leave func()) []step { return []step{after(leave, silent)} },
			createSingle, webhook.ErrUnknownOutcome,
		},
		"single, before a connection": {
			func(leave func()) []step { return []step{after(leave, unreachable)} },
			createSingle, webhook.ErrUnavailable,
		},
		"single, in a pause": {
			func(leave func()) []step { return []step{after(leave, refuses("ThrottlingException"))} },
			createSingle, webhook.ErrUnavailable,
		},
		"batch, before an answer": {
			func(leave func()) []step { return []step{after(leave, silent)} },
			createPair, webhook.ErrUnknownOutcome,
		},
		"batch, refused after a lost answer": {
			func(leave func()) []step { return []step{says(500, ``), after(leave, refuses("ThrottlingException"))} },
			createPair, webhook.ErrUnknownOutcome,
		},
		"read, before an answer": {
			func(leave func()) []step { return []step{after(leave, silent)} },
			func(ctx context.Context, s *Store) error { _, err := s.Webhooks(ctx, testAccount); return err },
			webhook.ErrUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, leave := context.WithCancel(t.Context())
				s, _ := newScripted(t, tt.steps(leave)...)
				mustBe(t, tt.call(ctx, s), tt.want, context.Canceled)
			})
		})
	}
}

func createSingle(ctx context.Context, s *Store) error {
	_, err := s.Create(ctx, single())
	return err
}

func createPair(ctx context.Context, s *Store) error {
	_, err := s.Create(ctx, pair())
	return err
}
