package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// newPass makes a pass of an account, for a link or, without lasts, a session.
func newPass(info webhook.AccountInfo, lasts time.Duration) webhook.PortalPass {
	return webhook.PortalPass{
		Hash: webhook.HashToken(newID()), Account: info.Account, AccountCreatedAt: info.CreatedAt, Epoch: info.PortalEpoch,
		Rights: webhook.AllRights, ExpiresAt: at.Add(time.Hour), Session: lasts,
	}
}

// mustLink stores a link.
func (s *suite) mustLink(t *testing.T, link webhook.PortalPass) {
	t.Helper()
	if err := s.AddPortalLink(s.context(t), link); err != nil {
		t.Fatal(err)
	}
}

// mustBegin fails the test unless a session can be begun by a link, or is
// refused.
func (s *suite) mustBegin(t *testing.T, link webhook.TokenHash, session webhook.PortalPass, want error) {
	t.Helper()
	if err := s.BeginPortalSession(s.context(t), link, session); !errors.Is(err, want) {
		t.Fatalf("BeginPortalSession: %v, want %v", err, want)
	}
}

// mustHavePasses fails the test unless a link and a session are kept as want
// says, with their account. A zero pass is one that must not be there.
func (s *suite) mustHavePasses(t *testing.T, hash [2]webhook.TokenHash, want [2]webhook.PortalPass, account webhook.AccountInfo) {
	t.Helper()
	a := account.Account
	for i, read := range []func() (webhook.PortalPass, webhook.AccountInfo, error){
		func() (webhook.PortalPass, webhook.AccountInfo, error) {
			return s.PortalLink(s.context(t), a, hash[0])
		},
		func() (webhook.PortalPass, webhook.AccountInfo, error) {
			return s.PortalSession(s.context(t), a, hash[1])
		},
	} {
		got, info, err := read()
		if want[i] == (webhook.PortalPass{}) {
			if !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("pass %d: %+v, %v, want ErrNotFound", i, got, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("pass %d: %v", i, err)
		}
		same(t, "pass", []webhook.PortalPass{got}, []webhook.PortalPass{want[i]})
		same(t, "its account", []webhook.AccountInfo{info}, []webhook.AccountInfo{account})
		mustBeUTC(t, got.ExpiresAt, got.AccountCreatedAt)
	}
}

// A link begins one session, and is gone then. Each is found by its own account
// and kind alone. A session ends once; that it is gone is no error.
func testPortal(t *testing.T, s *suite) {
	account := s.newTokenAccount(t)
	info := webhook.AccountInfo{Account: account, CreatedAt: at}
	link, session := newPass(info, 8*time.Hour+time.Millisecond), newPass(info, 0)
	session.Rights, session.ExpiresAt = webhook.Read, at.Add(-time.Hour) // kept, though it has expired
	hashes := [2]webhook.TokenHash{link.Hash, session.Hash}
	none := webhook.PortalPass{}
	s.mustBegin(t, link.Hash, session, webhook.ErrNotFound)
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{none, none}, info)
	s.mustLink(t, link)
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{link, none}, info)
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{}, webhook.AccountInfo{Account: newAccount()})
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{}, webhook.AccountInfo{})
	s.mustHavePasses(t, [2]webhook.TokenHash{session.Hash, link.Hash}, [2]webhook.PortalPass{none, none}, info)
	s.mustBegin(t, link.Hash, session, nil)
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{none, session}, info)
	s.mustHavePasses(t, [2]webhook.TokenHash{session.Hash, link.Hash}, [2]webhook.PortalPass{none, none}, info)
	s.mustBegin(t, link.Hash, newPass(info, 0), webhook.ErrNotFound)
	s.mustBegin(t, session.Hash, newPass(info, 0), webhook.ErrNotFound)
	if err := s.EndPortalSession(s.context(t), webhook.Account{}, session.Hash); err != nil {
		t.Fatal(err)
	}
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{none, session}, info)
	for range 2 {
		if err := s.EndPortalSession(s.context(t), account, session.Hash); err != nil {
			t.Fatal(err)
		}
		s.mustHavePasses(t, hashes, [2]webhook.PortalPass{none, none}, info)
	}
	if err := s.AddPortalSession(s.context(t), session); err != nil {
		t.Fatal(err)
	}
	s.mustHavePasses(t, hashes, [2]webhook.PortalPass{none, session}, info)
}

// The epoch is the account's, and grows by what ends its passes alone. A pass
// shows its account as it is: also when it was deleted and created again.
func testPortalEpoch(t *testing.T, s *suite) {
	ctx, account := s.context(t), newAccount()
	if err := s.EndPortal(ctx, account); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("EndPortal of no account: %v, want ErrNotFound", err)
	}
	if _, err := s.Account(ctx, account); !errors.Is(err, webhook.ErrNotFound) {
		t.Fatalf("EndPortal made an account: %v", err)
	}
	info := webhook.AccountInfo{Account: account, CreatedAt: at, SealedKey: []byte("sealed"), PortalEpoch: 41}
	if err := s.CreateAccount(ctx, info); err != nil {
		t.Fatal(err)
	}
	link := newPass(info, time.Hour)
	s.mustLink(t, link)
	if err := s.EndPortal(ctx, account); err != nil {
		t.Fatal(err)
	}
	info.PortalEpoch++
	want := [2]webhook.PortalPass{link}
	s.mustHavePasses(t, [2]webhook.TokenHash{link.Hash}, want, info)
	if err := s.CloseAccount(ctx, account, at); err != nil {
		t.Fatal(err)
	}
	info.Closing = true
	s.mustHavePasses(t, [2]webhook.TokenHash{link.Hash}, want, info)
	if err := s.DeleteAccount(ctx, account); err != nil {
		t.Fatal(err)
	}
	if _, got, err := s.PortalLink(ctx, account, link.Hash); err != nil || got.Account != (webhook.Account{}) {
		t.Fatalf("link of an account that is gone: %+v, %v", got, err)
	}
	anew := webhook.AccountInfo{Account: account, CreatedAt: at.Add(time.Second)}
	if err := s.CreateAccount(ctx, anew); err != nil {
		t.Fatal(err)
	}
	s.mustHavePasses(t, [2]webhook.TokenHash{link.Hash}, want, anew)
}

// The operator's passes are those of the zero account, which has nothing but an
// epoch. An account's link begins no session of the operator, nor the other way
// round.
func testPortalOperator(t *testing.T, s *suite) {
	ctx := s.context(t)
	account := webhook.AccountInfo{Account: s.newTokenAccount(t), CreatedAt: at}
	for _, owners := range [][2]webhook.AccountInfo{{account, {}}, {{}, account}} {
		link := newPass(owners[0], time.Hour)
		s.mustLink(t, link)
		s.mustBegin(t, link.Hash, newPass(owners[1], 0), webhook.ErrNotFound)
		s.mustBegin(t, link.Hash, newPass(owners[0], 0), nil)
	}
	link := newPass(webhook.AccountInfo{}, time.Hour)
	s.mustLink(t, link)
	before, info, err := s.PortalLink(ctx, webhook.Account{}, link.Hash)
	if err != nil || before != link || info.CreatedAt != (time.Time{}) || info.Closing {
		t.Fatalf("PortalLink of the operator: %+v, %+v, %v", before, info, err)
	}
	if err := s.EndPortal(ctx, webhook.Account{}); err != nil {
		t.Fatal(err)
	}
	_, after, err := s.PortalLink(ctx, webhook.Account{}, link.Hash)
	if err != nil || after.PortalEpoch <= info.PortalEpoch || after.CreatedAt != (time.Time{}) || after.Account != (webhook.Account{}) {
		t.Fatalf("after EndPortal: %+v, %v, the epoch was %d", after, err, info.PortalEpoch)
	}
	stored, err := s.Account(ctx, webhook.Account{})
	if err != nil || stored.PortalEpoch < after.PortalEpoch || stored.Account != (webhook.Account{}) {
		t.Fatalf("Account of the operator: %+v, %v", stored, err)
	}
}

// Of concurrent sessions by one link one begins, and no other is kept.
func testPortalRace(t *testing.T, s *suite) {
	account := s.newTokenAccount(t)
	info := webhook.AccountInfo{Account: account, CreatedAt: at}
	for range s.rounds {
		link := newPass(info, time.Hour)
		s.mustLink(t, link)
		sessions, errs := make([]webhook.PortalPass, 8), make([]error, 8)
		for i := range sessions {
			sessions[i] = newPass(info, 0)
		}
		race(len(sessions), func(i int) { errs[i] = s.BeginPortalSession(s.context(t), link.Hash, sessions[i]) })
		winner := oneWinner(t, errs)
		for i, session := range sessions {
			want := [2]webhook.PortalPass{}
			if i == winner {
				want[1] = session
			} else if !errors.Is(errs[i], webhook.ErrNotFound) {
				t.Fatalf("BeginPortalSession: %v, want ErrNotFound", errs[i])
			}
			s.mustHavePasses(t, [2]webhook.TokenHash{link.Hash, session.Hash}, want, info)
		}
	}
}
