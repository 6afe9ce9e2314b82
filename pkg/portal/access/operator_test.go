package access_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// operator is a session of the operator, and its secret.
func (e *env) operator(t *testing.T, rights webhook.Rights) (webhook.Secret, access.Session) {
	t.Helper()
	g := grant(webhook.Account{})
	g.Rights = rights
	secret, session, err := e.Operator().Enter(t.Context(), e.link(t, g))
	if err != nil {
		t.Fatal(err)
	}
	return secret, session
}

// TestEnterAccount: the operator's session begins sessions of accounts, which
// have its rights and its end.
func TestEnterAccount(t *testing.T) {
	for _, rights := range []webhook.Rights{webhook.Read, webhook.AllRights} {
		e := newEnv(t)
		own, o := e.operator(t, rights)
		e.now = e.now.Add(time.Hour)
		secret, session, err := e.Operator().EnterAccount(t.Context(), o, acme)
		if err != nil || session.Account != acme || !session.ByOperator || session.Rights != rights || !session.Expires.Equal(o.Expires) || session.FormToken == o.FormToken {
			t.Fatalf("EnterAccount = %+v, %v, by %+v", session, err, o)
		}
		if !access.IsByOperator(secret) || access.IsByOperator(own) {
			t.Error("a secret does not say whether the operator entered")
		}
		if again, err := e.Session(t.Context(), secret); err != nil || again != session {
			t.Fatalf("Session = %+v, %v, want %+v", again, err, session)
		}
		if _, err := e.Operator().Session(t.Context(), secret); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("the account's session is one of the operator: %v", err)
		}
		for range 2 {
			if err := e.Operator().LeaveAccount(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Session(t.Context(), secret); !errors.Is(err, access.ErrNoSession) {
				t.Errorf("after LeaveAccount: %v", err)
			}
		}
		if _, err := e.Operator().Session(t.Context(), own); err != nil {
			t.Errorf("leaving the account ended the operator's session: %v", err)
		}
	}
}

// TestEnterAccountIsRefused: an account is entered by a session of the operator
// alone, while it is good, and only if the account is open.
func TestEnterAccountIsRefused(t *testing.T) {
	e := newEnv(t)
	_, o := e.operator(t, webhook.AllRights)
	_, customer := e.enter(t, e.link(t, grant(acme)))
	if err := e.store.CloseAccount(t.Context(), other, start); err != nil {
		t.Fatal(err)
	}
	late := o
	late.Expires = e.now
	for name, tt := range map[string]struct {
		session access.Session
		account webhook.Account
		want    error
	}{
		"a customer":   {customer, acme, access.ErrNoSession},
		"nobody":       {access.Session{}, acme, access.ErrNoSession},
		"too late":     {late, acme, access.ErrNoSession},
		"the operator": {o, webhook.Account{}, access.ErrNoSession},
		"closing":      {o, other, webhook.ErrNotFound},
		"unknown":      {o, webhook.Account{API: "squake", ID: "nobody"}, webhook.ErrNotFound},
	} {
		if secret, _, err := e.Operator().EnterAccount(t.Context(), tt.session, tt.account); !errors.Is(err, tt.want) || secret.Reveal() != "" {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestOperatorIsEnded: ending the operator's links and sessions ends also those
// that he began of accounts, and no others; a later session of his is good.
func TestOperatorIsEnded(t *testing.T) {
	e := newEnv(t)
	customers, _ := e.enter(t, e.link(t, grant(acme)))
	for range 2 { // the first one makes the operator's record
		own, o := e.operator(t, webhook.AllRights)
		entered, _, err := e.Operator().EnterAccount(t.Context(), o, acme)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Session(t.Context(), entered); err != nil {
			t.Fatal(err)
		}
		if err := e.Operator().End(t.Context(), webhook.Account{}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Operator().Session(t.Context(), own); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("the operator's session: %v", err)
		}
		if _, err := e.Session(t.Context(), entered); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("the account's session that he began: %v", err)
		}
		if late, _, err := e.Operator().EnterAccount(t.Context(), o, acme); err != nil {
			t.Fatal(err)
		} else if _, err := e.Session(t.Context(), late); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("the account's session that he began meanwhile: %v", err)
		}
	}
	if _, err := e.Session(t.Context(), customers); err != nil {
		t.Errorf("the customer's own session: %v", err)
	}
}
