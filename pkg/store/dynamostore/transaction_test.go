package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The outcome of a batch by what came back for it. A lost answer is settled by
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
		"wrong item":             {[]step{cancels(reason("ValidationError"), reason("ConditionalCheckFailed")), ok}, errFault, 1},
		"other parameters":       {[]step{refuses("IdempotentParameterMismatchException"), ok}, errFault, 1},
		"reasons for other puts": {[]step{cancels(reason("ConditionalCheckFailed")), ok}, errFault, 1},
		"lost, then no rights":   {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.Create(t.Context(), pair())
				switch {
				case tt.want == nil && (err != nil || len(got) != 2):
					t.Errorf("Create = %v, %v, want two records", got, err)
				case errors.Is(tt.want, errFault):
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
	c.Webhooks[0].Claim = "claim-old-a"
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
