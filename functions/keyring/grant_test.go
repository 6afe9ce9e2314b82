package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/hookline/hookline/pkg/webhook"
)

// lambdaTimeout is the function's, in template.yaml.
const lambdaTimeout = time.Minute

// lateRights refuses what is asked of it until they have arrived.
type lateRights struct {
	keyStore
	*generator
	arrive        time.Time
	code          string
	lists, stores int
}

func (l *lateRights) refuse() error {
	if time.Now().Before(l.arrive) {
		return fmt.Errorf("operation error: %w", coded{l.code})
	}
	return nil
}

func (l *lateRights) SealingKeys(ctx context.Context) ([]webhook.SealingKey, error) {
	l.lists++
	if err := l.refuse(); err != nil {
		return nil, err
	}
	return l.keyStore.SealingKeys(ctx)
}

func (l *lateRights) AddSealingKey(ctx context.Context, k webhook.SealingKey) (webhook.SealingKey, error) {
	l.stores++
	if err := l.refuse(); err != nil {
		return webhook.SealingKey{}, err
	}
	return l.keyStore.AddSealingKey(ctx, k)
}

// lateKMS is late, and the table is not.
type lateKMS struct{ *lateRights }

func (l lateKMS) Generate(ctx context.Context, id string) (webhook.SealingKey, error) {
	if err := l.refuse(); err != nil {
		return webhook.SealingKey{}, err
	}
	return l.generator.Generate(ctx, id)
}

// invoke creates the key as Lambda has it done, and gives how long that took.
func (s *stack) invoke(t *testing.T) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithDeadline(t.Context(), start.Add(lambdaTimeout))
	defer cancel()
	_, _, err := s.Handle(ctx, cfn.Event{
		RequestType: cfn.RequestCreate, ResourceProperties: map[string]any{versionProperty: "1"},
	})
	return time.Since(start), err
}

// Rights that arrive within grantTimeout are waited for, whoever refused.
func TestWaitsForRights(t *testing.T) {
	for _, code := range notYet {
		for _, delay := range []time.Duration{0, 100 * time.Millisecond, 2 * time.Second, 30 * time.Second, 34 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t)
				late := &lateRights{keyStore: s.store, generator: s.kms, arrive: time.Now().Add(delay), code: code}
				s.handler.store = late
				took, err := s.invoke(t)
				if err != nil || took < delay || took > delay+longestPause {
					t.Errorf("%s for %v: %v after %v", code, delay, err, took)
				}
				if late.lists > 20 || late.stores != 1 {
					t.Errorf("%s for %v: listed %d times, stored %d times", code, delay, late.lists, late.stores)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t)
				s.handler.generator = lateKMS{&lateRights{generator: s.kms, arrive: time.Now().Add(delay), code: code}}
				if took, err := s.invoke(t); err != nil || took < delay || took > delay+longestPause || len(s.kms.made) != 1 {
					t.Errorf("KMS: %s for %v: %v after %v, made %v", code, delay, err, took, s.kms.made)
				}
			})
		}
	}
}

// Rights that do not come are given up on in time to answer, with the code.
func TestGivesUpWaitingForRights(t *testing.T) {
	for name, deny := range map[string]func(*stack){
		"list":  func(s *stack) { s.store.list = coded{"AccessDeniedException"} },
		"store": func(s *stack) { s.store.add = coded{"AccessDeniedException"} },
		"KMS":   func(s *stack) { s.kms.fail = coded{"AccessDeniedException"} },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t)
			deny(s)
			took, err := s.invoke(t)
			if err == nil || !strings.Contains(err.Error(), "(AccessDeniedException)") {
				t.Errorf("%s: %v, want AccessDeniedException", name, err)
			}
			if took > grantTimeout || took < grantTimeout-longestPause {
				t.Errorf("%s: gave up after %v, want %v at most", name, took, grantTimeout)
			}
			if n := strings.Count(s.log.String(), `"level":"WARN"`); n < 5 || n > 20 {
				t.Errorf("%s: %d warnings", name, n)
			}
		})
	}
}

// The rights of one call do not give the next one the whole time again.
func TestRightsShareOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		s.handler.store = &lateRights{keyStore: s.store, generator: s.kms, arrive: time.Now().Add(30 * time.Second), code: "AccessDeniedException"}
		s.kms.fail = coded{"AccessDeniedException"}
		if took, err := s.invoke(t); err == nil || took > grantTimeout {
			t.Errorf("%v after %v, want a failure within %v", err, took, grantTimeout)
		}
	})
}

// Whatever else fails is not tried again, and a function that is about to end
// does not wait.
func TestDoesNotWaitForAnythingElse(t *testing.T) {
	for _, failure := range []error{errors.New("down"), coded{"ResourceNotFoundException"}, coded{"DisabledException"}, webhook.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t)
			s.store.list = failure
			if took, err := s.invoke(t); err == nil || took != 0 {
				t.Errorf("%v: %v after %v, want a failure at once", failure, err, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t)
		s.store.list = coded{"AccessDeniedException"}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := s.Handle(ctx, cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: map[string]any{versionProperty: "1"}})
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") || took > 10*time.Second-responseTime {
			t.Errorf("%v after %v, want the refusal with %v left to answer", err, took, responseTime)
		}
	})
}
