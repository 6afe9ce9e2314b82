package dynamostore

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hookline/hookline/pkg/webhook"
)

// A refusal after a lost answer is given only once the earlier try can not
// happen any more: the token is spent on a transaction that changes nothing.
func TestRefusalAfterLostAnswerIsFinal(t *testing.T) {
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
