package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	acme  = webhook.Account{API: "squake", ID: "acme"}
	other = webhook.Account{API: "squake", ID: "other"}
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// env is links over a real store, with a clock that the test moves.
type env struct {
	*access.Links
	store *sqlite.Store
	now   time.Time
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{store: memory.Open(t), now: start}
	clock := func() time.Time { return e.now }
	e.Links = access.NewLinks(e.store, keygen.New(rand.Reader, clock), clock)
	for _, a := range []webhook.Account{acme, other} {
		if err := e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func grant(a webhook.Account) access.Grant {
	return access.Grant{Account: a, Rights: webhook.AllRights, Link: access.DefaultLink, Session: access.DefaultSession}
}

func (e *env) link(t *testing.T, g access.Grant) webhook.Secret {
	t.Helper()
	secret, expires, err := e.Create(t.Context(), g)
	if err != nil || !expires.Equal(e.now.Add(g.Link)) {
		t.Fatalf("Create: expires %v, %v", expires, err)
	}
	return secret
}

func (e *env) enter(t *testing.T, link webhook.Secret) (webhook.Secret, access.Session) {
	t.Helper()
	secret, session, err := e.Enter(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	return secret, session
}

// TestEnter: a link shows whose it is as often as it is looked at, is good for
// one session, and the session has its rights and ends in time.
func TestEnter(t *testing.T) {
	for _, a := range []webhook.Account{acme, {}} {
		e := newEnv(t)
		var ways, others access.Access = e.Links, e.Operator()
		if a == (webhook.Account{}) {
			ways, others = others, ways
		}
		g := grant(a)
		g.Rights, g.Session = webhook.Read, 90*time.Minute
		link := e.link(t, g)
		for range 3 {
			if _, err := others.Look(t.Context(), link); !errors.Is(err, access.ErrNoLink) {
				t.Errorf("%v: the others look at the link: %v", a, err)
			}
			if _, _, err := others.Enter(t.Context(), link); !errors.Is(err, access.ErrNoLink) {
				t.Errorf("%v: the others enter by the link: %v", a, err)
			}
			got, err := ways.Look(t.Context(), link)
			want := access.Link{Account: a, Rights: webhook.Read, Expires: start.Add(g.Link)}
			if err != nil || got != want || got.Operator() != (a == webhook.Account{}) {
				t.Fatalf("Look = %+v, %v, want %+v", got, err, want)
			}
		}
		e.now = start.Add(g.Link - time.Millisecond)
		secret, session, err := ways.Enter(t.Context(), link)
		if err != nil {
			t.Fatal(err)
		}
		if err := others.Leave(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if _, err := others.Session(t.Context(), secret); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("%v: the session is one of the others': %v", a, err)
		}
		again, err := ways.Session(t.Context(), secret)
		if err != nil || again != session || session.Account != a || session.ByOperator || session.Rights != webhook.Read || !session.Expires.Equal(e.now.Add(g.Session)) {
			t.Fatalf("Session = %+v, %v, want %+v", again, err, session)
		}
		if _, _, err := ways.Enter(t.Context(), link); !errors.Is(err, access.ErrNoLink) {
			t.Errorf("the link is good again: %v", err)
		}
		if _, err := ways.Look(t.Context(), link); !errors.Is(err, access.ErrNoLink) {
			t.Errorf("a used link is shown: %v", err)
		}
		e.now = session.Expires
		if _, err := ways.Session(t.Context(), secret); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("the session is good after its time: %v", err)
		}
	}
}

// TestEnded: whatever ends links and sessions ends them at once, those of one
// account alone.
func TestEnded(t *testing.T) {
	gone := func(t *testing.T, e *env) {
		for _, err := range []error{e.store.CloseAccount(t.Context(), acme, e.now), e.store.DeleteAccount(t.Context(), acme)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, end := range map[string]func(t *testing.T, e *env, session webhook.Secret) error{
		"ended": func(t *testing.T, e *env, _ webhook.Secret) error { return e.End(t.Context(), acme) },
		"closing": func(t *testing.T, e *env, _ webhook.Secret) error {
			return e.store.CloseAccount(t.Context(), acme, e.now)
		},
		"deleted": func(t *testing.T, e *env, _ webhook.Secret) error { gone(t, e); return nil },
		"expired": func(_ *testing.T, e *env, _ webhook.Secret) error {
			e.now = e.now.Add(access.DefaultSession)
			return nil
		},
		"recreated": func(t *testing.T, e *env, _ webhook.Secret) error {
			gone(t, e)
			return e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: acme, CreatedAt: start.Add(time.Millisecond)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			long := grant(other)
			long.Session = access.MaxSession
			othersSession, _ := e.enter(t, e.link(t, long))
			unused := e.link(t, grant(acme))
			session, _ := e.enter(t, e.link(t, grant(acme)))
			if err := end(t, e, session); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Look(t.Context(), unused); !errors.Is(err, access.ErrNoLink) {
				t.Errorf("Look: %v", err)
			}
			if _, _, err := e.Enter(t.Context(), unused); !errors.Is(err, access.ErrNoLink) {
				t.Errorf("Enter: %v", err)
			}
			if _, err := e.Session(t.Context(), session); !errors.Is(err, access.ErrNoSession) {
				t.Errorf("Session: %v", err)
			}
			if _, err := e.Session(t.Context(), othersSession); err != nil {
				t.Errorf("another account's session: %v", err)
			}
		})
	}
}

// TestLeave: a browser that leaves ends its own session and no other.
func TestLeave(t *testing.T) {
	e := newEnv(t)
	first, a := e.enter(t, e.link(t, grant(acme)))
	second, b := e.enter(t, e.link(t, grant(acme)))
	if a.FormToken == b.FormToken || a.FormToken == "" {
		t.Errorf("form tokens %q and %q", a.FormToken, b.FormToken)
	}
	for range 2 {
		if err := e.Leave(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Session(t.Context(), first); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("Session after Leave: %v", err)
	}
	if _, err := e.Session(t.Context(), second); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

// TestForged: nothing but the whole secret is of any use, and a secret of one
// kind is of none as the other.
func TestForged(t *testing.T) {
	e := newEnv(t)
	link := e.link(t, grant(acme))
	used := e.link(t, grant(acme))
	session, _ := e.enter(t, used)
	_, random, _ := strings.Cut(link.Reveal(), ".")
	for _, text := range []string{
		"", ".", random, "." + random, other.String() + "." + random, link.Reveal() + "x", strings.TrimSuffix(link.Reveal(), "x") + " ",
		acme.String() + ".", acme.String(), "squake:acme\x00." + random, "squake:acme@0." + random, "squake:acme@." + random, "@0." + random, session.Reveal(), strings.Repeat("a", 5000) + "." + random,
	} {
		if _, err := e.Look(t.Context(), webhook.NewSecret(text)); !errors.Is(err, access.ErrNoLink) {
			t.Errorf("Look(%.80q): %v", text, err)
		}
		if text == session.Reveal() {
			text = link.Reveal()
		}
		if _, err := e.Session(t.Context(), webhook.NewSecret(text)); !errors.Is(err, access.ErrNoSession) {
			t.Errorf("Session(%.80q): %v", text, err)
		}
	}
}

// TestOneEnters: of browsers that use a link at once, one enters.
func TestOneEnters(t *testing.T) {
	e := newEnv(t)
	link := e.link(t, grant(acme))
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { _, _, errs[i] = e.Enter(t.Context(), link) })
	}
	wait.Wait()
	entered := 0
	for _, err := range errs {
		switch {
		case err == nil:
			entered++
		case !errors.Is(err, access.ErrNoLink):
			t.Error(err)
		}
	}
	if entered != 1 {
		t.Errorf("%d entered", entered)
	}
}

// TestGrant: what a link can be good for.
func TestGrant(t *testing.T) {
	e := newEnv(t)
	for name, change := range map[string]func(*access.Grant){
		"no time":          func(g *access.Grant) { g.Link = 0 },
		"too long":         func(g *access.Grant) { g.Link = access.MaxLink + 1 },
		"no session":       func(g *access.Grant) { g.Session = time.Millisecond },
		"too long session": func(g *access.Grant) { g.Session = access.MaxSession + 1 },
		"no rights":        func(g *access.Grant) { g.Rights = 0 },
		"writing alone":    func(g *access.Grant) { g.Rights = webhook.Write },
		"publishing":       func(g *access.Grant) { g.Rights = webhook.OperatorRights },
	} {
		g := grant(acme)
		change(&g)
		if _, _, err := e.Create(t.Context(), g); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, _, err := e.Create(t.Context(), grant(webhook.Account{API: "squake", ID: "nobody"})); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("an account that does not exist: %v", err)
	}
	if err := e.store.CloseAccount(t.Context(), acme, start); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Create(t.Context(), grant(acme)); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("an account that is closing: %v", err)
	}
}

// TestMissingArgument: links are not made without what they need.
func TestMissingArgument(t *testing.T) {
	store, keys := memory.Open(t), keygen.New(rand.Reader, time.Now)
	for name, build := range map[string]func() *access.Links{
		"store": func() *access.Links { return access.NewLinks(nil, keys, time.Now) },
		"keys":  func() *access.Links { return access.NewLinks(store, nil, time.Now) },
		"clock": func() *access.Links { return access.NewLinks(store, keys, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("without %s there is no panic", name)
				}
			}()
			build()
		}()
	}
}

// TestNothingStoredOpens: the files of the database hold no secret, only what
// its hash finds.
func TestNothingStoredOpens(t *testing.T) {
	dir := memory.Dir(t)
	store, err := sqlite.Open(filepath.Join(dir, "hookline.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{store: store, now: start}
	e.Links = access.NewLinks(store, keygen.New(rand.Reader, time.Now), func() time.Time { return e.now })
	unused := e.link(t, grant(webhook.Account{}))
	operators, o, err := e.Operator().Enter(t.Context(), e.link(t, grant(webhook.Account{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateAccount(t.Context(), webhook.AccountInfo{Account: acme, CreatedAt: start}); err != nil {
		t.Fatal(err)
	}
	entered, _, err := e.Operator().EnterAccount(t.Context(), o, acme)
	if err != nil {
		t.Fatal(err)
	}
	session, _ := e.enter(t, e.link(t, grant(acme)))
	var stored []byte
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, content...)
	}
	for _, secret := range []webhook.Secret{unused, operators, entered, session} {
		_, random, _ := strings.Cut(secret.Reveal(), ".hk_")
		hash := webhook.HashToken(secret.Reveal())
		if bytes.Contains(stored, []byte(random)) || !bytes.Contains(stored, hash[:]) {
			t.Errorf("a secret is stored, or its hash is not")
		}
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
