package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

var errInternal = errors.New("an error that is none of the sentinels")

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
		"wrong request":                {[]step{refuses("ValidationException"), ok}, errInternal, 1},
		"no rights":                    {[]step{refuses("AccessDeniedException"), ok}, errInternal, 1},
		"no table":                     {[]step{refuses("ResourceNotFoundException"), ok}, ErrNoTable, 1},
		"wrong signature":              {[]step{refuses("InvalidSignatureException"), ok}, errInternal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.Create(t.Context(), single())
				switch {
				case tt.want == nil && (err != nil || len(got) != 1 || got[0].ID != "new-a"):
					t.Errorf("Create = %v, %v, want the new record", got, err)
				case errors.Is(tt.want, errInternal):
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
	again.Webhooks[0].RequestID = "claim-old"
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

// The outcome of a batch by what came back for it. A lost answer is made up for by
// the same transaction again.
func TestOutcomeOfBatch(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	for name, tt := range map[string]struct {
		steps    []step
		want     error
		requests int
	}{
		"done":                   {[]step{ok}, nil, 1},
		"closed":                 {[]step{fails(io.EOF), ok}, nil, 2},
		"silent":                 {[]step{silent, silent, ok}, nil, 3},
		"internal error":         {[]step{says(500, ``), ok}, nil, 2},
		"not JSON":               {[]step{says(http.StatusOK, `<html>`), ok}, nil, 2},
		"in progress":            {[]step{says(500, ``), refuses("TransactionInProgressException"), ok}, nil, 3},
		"conflict":               {[]step{cancels(reason("None"), reason("TransactionConflict")), ok}, nil, 2},
		"throttled":              {[]step{cancels(reason("ThrottlingError"), reason("None")), ok}, nil, 2},
		"throughput":             {[]step{cancels(reason("None"), reason("ProvisionedThroughputExceeded")), ok}, nil, 2},
		"reasons lost":           {[]step{cancels(), ok}, nil, 2},
		"wrong item":             {[]step{cancels(reason("ValidationError"), reason("ConditionalCheckFailed")), ok}, errInternal, 1},
		"other parameters":       {[]step{refuses("IdempotentParameterMismatchException"), ok}, errInternal, 1},
		"reasons for other puts": {[]step{cancels(reason("ConditionalCheckFailed")), ok}, errInternal, 1},
		"lost, then no rights":   {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.Create(t.Context(), pair())
				switch {
				case tt.want == nil && (err != nil || len(got) != 2):
					t.Errorf("Create = %v, %v, want two records", got, err)
				case errors.Is(tt.want, errInternal):
					mustBe(t, err)
				default:
					mustBe(t, err, tt.want)
				}
				if tt.want != nil && err == nil || len(sc.bodies) != tt.requests {
					t.Errorf("error = %v after %d requests, want %v after %d", err, len(sc.bodies), tt.want, tt.requests)
				}
				mustBeOneTransaction(t, sc.bodies)
			})
		})
	}
}

// mustBeOneTransaction fails the test unless all requests are the same with
// the same token.
func mustBeOneTransaction(t *testing.T, bodies []string) {
	t.Helper()
	token, first := requestToken(t, bodies[0])
	if token == "" {
		t.Error("the transaction has no ClientRequestToken")
	}
	for _, body := range bodies {
		if _, again := requestToken(t, body); again != first {
			t.Errorf("the transaction was repeated as\n%s\nnot as\n%s", again, first)
		}
	}
}

func TestBatchUnknownAtDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newScripted(t, silent, refuses("TransactionInProgressException"))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := s.Create(ctx, pair())
		mustBe(t, err, webhook.ErrUnknownOutcome, context.DeadlineExceeded)
	})
}

// All taken events are named, which a conflict on one of them may hide at
// first; failed conditions are no refusal to be repeated.
func TestBatchNamesAllTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sc := newScripted(t,
			cancels(holds("a", "old-a"), reason("TransactionConflict")),
			cancels(holds("a", "old-a"), holds("b", "old-b")))
		_, err := s.Create(t.Context(), pair())
		mustBe(t, err, webhook.ErrTaken)
		var taken *webhook.TakenError
		want := map[string]string{"a": "old-a", "b": "old-b"}
		if !errors.As(err, &taken) || !maps.Equal(taken.IDs, want) || len(sc.bodies) != 2 {
			t.Errorf("error = %v after %d requests, want %v after 2", err, len(sc.bodies), want)
		}
	})
}

// Own records among the taken ones are no conflict: what is missing is added
// by another transaction, with a token of its own.
func TestBatchAddsWhatIsMissing(t *testing.T) {
	s, sc := newScripted(t, cancels(holds("a", "old-a"), reason("None")), says(http.StatusOK, `{}`))
	c := pair()
	c.Webhooks[0].RequestID = "claim-old-a"
	got, err := s.Create(t.Context(), c)
	if err != nil || len(got) != 2 || got[0].ID != "old-a" || got[1].ID != "new-b" {
		t.Fatalf("Create = %v, %v, want old-a and new-b", got, err)
	}
	first, _ := requestToken(t, sc.bodies[0])
	second, _ := requestToken(t, sc.bodies[1])
	if first == second {
		t.Error("another transaction has the token of the first")
	}
}

func TestCreateRefusesWhatIsNoCreation(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	other := testWebhook("b", "new-b")
	other.Account.ID = "fleet-8"
	large := pair()
	for i := range 99 {
		large.Exclusions = append(large.Exclusions, webhook.Exclusion{Event: "a", By: fmt.Sprint("x", i)})
	}
	for name, c := range map[string]webhook.Creation{
		"nothing":      {},
		"two accounts": {Webhooks: []webhook.Webhook{testWebhook("a", "new-a"), other}},
		"too large":    large,
	} {
		_, err := s.Create(t.Context(), c)
		if mustBe(t, err, webhook.ErrInvalid); len(sc.bodies) != 0 {
			t.Errorf("%s: %d requests were made", name, len(sc.bodies))
		}
	}
}

// A refusal after a lost answer is given only once the earlier try can not
// happen any more: the token is spent on a transaction that changes nothing.
func TestRejectionAfterLostResponseIsFinal(t *testing.T) {
	ok, spent := says(http.StatusOK, `{}`), refuses("IdempotentParameterMismatchException")
	refused := cancels(reason("None"), holds("b", "other"))
	lost := fails(io.EOF)
	for name, tt := range map[string]struct {
		steps  []step
		want   error
		tokens string // of the requests: c for the change, f for the fence
	}{
		"refused at once":           {[]step{refused}, webhook.ErrTaken, "c"},
		"refused when tried again":  {[]step{refuses("ThrottlingException"), refused}, webhook.ErrTaken, "cc"},
		"lost, then refused":        {[]step{lost, refused, ok}, webhook.ErrTaken, "ccf"},
		"the fence is lost too":     {[]step{lost, refused, lost, ok}, webhook.ErrTaken, "ccff"},
		"it has happened meanwhile": {[]step{lost, refused, spent, ok}, nil, "ccfc"},
		"spent, and yet it has not": {[]step{lost, refused, spent, refused}, webhook.ErrTaken, "ccfc"},
		"the fence is refused":      {[]step{lost, refused, refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, "ccf"},
		"the fence is refused for ever": {
			append([]step{lost, refused}, refuses("ThrottlingException")), webhook.ErrUnknownOutcome, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				err := s.Change(t.Context(), changing("a", "b"))
				if tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("error = %v, want %v", err, tt.want)
				}
				mustBe(t, err, slices.DeleteFunc([]error{tt.want}, func(e error) bool { return e == nil })...)
				var kinds strings.Builder
				tokens := map[string]bool{}
				for _, body := range sc.bodies {
					kind := "c"
					if w := writes(t, body); len(w) == 1 && w[0].Kind == "Delete" && w[0].PK == "A#abbeycross#fleet-7" && w[0].SK == "FENCE" {
						kind = "f"
					}
					kinds.WriteString(kind)
					token, _ := requestToken(t, body)
					tokens[token] = true
				}
				if len(tokens) != 1 || tt.tokens != "" && kinds.String() != tt.tokens {
					t.Errorf("requests %s with tokens %v, want %s with one", &kinds, slices.Collect(maps.Keys(tokens)), tt.tokens)
				}
			})
		})
	}
}
