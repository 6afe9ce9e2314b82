package modeltest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	errRefused = errors.New("the edit does not want to")
	startTime  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	// runs keeps the accounts of sequences on one store apart. No answer
	// depends on it.
	runs atomic.Int64
)

// sequence plays operations against a store and the model.
type sequence struct {
	ctx        context.Context
	store      *interrupted
	model      *model
	registries [apis]*registry.Registry
	sending    sending
	response   delivery.Response // of the receiver, to the attempt under way
	sends      bool              // whether it has deliveries
	run        int64
	operations int
}

func newSequence(ctx context.Context, s store.Store) *sequence {
	q := &sequence{ctx: ctx, store: &interrupted{Store: s}, model: newModel(startTime), run: runs.Add(1)}
	is := &issuer{}
	for a := range api(apis) {
		q.registries[a] = newRegistry(a, q.store, is, func() time.Time { return q.model.now })
	}
	q.sending = q.newSending()
	return q
}

// account is that of a client, in this sequence.
func (q *sequence) account(client int) webhook.Account {
	name := fmt.Sprint(api(client%apis), q.apart())
	return webhook.Account{API: webhook.API(name), ID: fmt.Sprint("account", client/apis)}
}

// apart is what tells the accounts of this sequence from others.
func (q *sequence) apart() string { return fmt.Sprint("~", q.run) }

// interrupted is a store that does something else just before a write.
type interrupted struct {
	store.Store
	first func()
}

func (s *interrupted) interrupt() {
	if first := s.first; first != nil {
		s.first = nil
		first()
	}
}

func (s *interrupted) Change(ctx context.Context, c webhook.Change) error {
	s.interrupt()
	return s.Store.Change(ctx, c)
}

func (s *interrupted) Delete(ctx context.Context, webhooks []webhook.Webhook) error {
	s.interrupt()
	return s.Store.Delete(ctx, webhooks)
}

func (s *interrupted) RecordAttempt(ctx context.Context, r webhook.AttemptResult) (webhook.Delivery, error) {
	s.interrupt()
	return s.Store.RecordAttempt(ctx, r)
}

// DeliveryPage comes before a recovery's writes, which are made at once.
func (s *interrupted) DeliveryPage(ctx context.Context, a webhook.Account, r webhook.DeliveryRange) ([]webhook.Delivery, bool, error) {
	list, more, err := s.Store.DeliveryPage(ctx, a, r)
	s.interrupt()
	return list, more, err
}

// play does o, and says how its answer differs from the model's; "" if it
// does not.
func (q *sequence) play(o operation) string {
	q.model.now = q.model.now.Add(o.Advance)
	id, diff := q.model.recipient(o), ""
	a := q.account(o.Client)
	var v view
	if o.sends() {
		v = q.model.look(o, a)
	}
	if o.Do == "attempt" && !o.Early && v.delivery.Next.After(q.model.now) {
		q.model.now = v.delivery.Next
		v.at = q.model.now
	}
	if o.Meanwhile != nil {
		q.store.first = func() { diff = q.play(*o.Meanwhile) }
	}
	q.sends = q.sends || o.sends()
	got := q.do(o, id, v)
	q.store.first = nil
	q.operations++
	if diff != "" {
		return diff
	}
	want := q.model.step(o, a, id, v, got)
	return q.differ(fmt.Sprintf("%v (id %s)", o, id), got, want)
}

func (q *sequence) differ(what string, got, want any) string {
	if reflect.DeepEqual(want, got) { // much the faster
		return ""
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		// Told the same each time, or shrinking would take it for chance.
		return strings.ReplaceAll(fmt.Sprintf("%s: not as in the model (-model +store):\n%s", what, diff), q.apart(), "")
	}
	return ""
}

// do does o on the store.
func (q *sequence) do(o operation, id string, v view) (got reply) {
	a, r := q.account(o.Client), q.registries[o.api()]
	var err error
	var key webhook.Secret
	switch o.Do {
	case "register":
		var made registry.Registration
		made, err = r.Register(q.ctx, a, o.Items)
		got.Webhooks, key = made.Webhooks, made.SigningKey
	case "list":
		got.Webhooks, err = r.List(q.ctx, a)
	case "find":
		got.Webhooks, err = r.Find(q.ctx, a, id)
	case "change":
		got.Webhooks, err = r.Change(q.ctx, a, id, o.Edit.all)
	case "delete":
		err = r.Delete(q.ctx, a, id)
	case "rotate":
		key, err = r.RotateKey(q.ctx, a, id)
	case "slow":
		var records []webhook.Webhook
		if records, err = r.Find(q.ctx, a, id); err == nil {
			err = q.store.SetSlow(q.ctx, records[0], toggled(records[0].SlowSince, q.model.now))
		}
	case "renew":
		key, err = r.RenewAccountKey(q.ctx, a)
	case "enable", "disable":
		got.Webhooks, err = r.SetEnabled(q.ctx, a, id, o.Do == "enable")
	default:
		if o.sends() {
			got, err = q.deliver(o, a, v)
		} else {
			got, err = q.operate(o, a)
		}
	}
	got.Key = key.Reveal()
	return got.with(err)
}

// all applies the edit to all records of a registration.
func (e edit) all(records []webhook.Webhook) error {
	if e.Refuse {
		return errRefused
	}
	for i := range records {
		e.apply(&records[i])
	}
	return nil
}

// operate does what the operator does.
func (q *sequence) operate(o operation, a webhook.Account) (got reply, err error) {
	switch o.Do {
	case "create account":
		err = q.store.CreateAccount(q.ctx, webhook.AccountInfo{Account: a, CreatedAt: q.model.now})
	case "account":
		var info webhook.AccountInfo
		if info, err = q.store.Account(q.ctx, a); err == nil {
			got.Accounts = []webhook.AccountInfo{info}
		}
	case "accounts":
		got.Accounts, err = q.accounts(a.API)
	case "close":
		err = q.store.CloseAccount(q.ctx, a, q.model.now)
	case "remove":
		err = q.store.DeleteAccount(q.ctx, a)
	case "create token":
		err = q.store.CreateToken(q.ctx, o.token(a, q.model))
	case "token":
		var token webhook.Token
		if token, err = q.store.Token(q.ctx, o.token(a, q.model).Hash); err == nil {
			got.Tokens = []webhook.Token{token}
		}
	case "tokens":
		got.Tokens, err = q.store.Tokens(q.ctx, a)
	case "revoke token":
		err = q.store.RevokeToken(q.ctx, a, fmt.Sprint("t", o.Token))
	default:
		err = errors.New("no such operation")
	}
	return got, err
}

// accounts lists the accounts of an API, which are the same by pages of one.
func (q *sequence) accounts(api webhook.API) ([]webhook.AccountInfo, error) {
	list, err := q.store.Accounts(q.ctx, api)
	if err != nil {
		return nil, err
	}
	var paged []webhook.AccountInfo
	for after, more := "", true; more; more = after != "" {
		var page []webhook.AccountInfo
		if page, after, err = q.store.AccountsAfter(q.ctx, api, after, 1); err != nil {
			return nil, err
		}
		paged = append(paged, page...)
	}
	if !gocmp.Equal(list, paged, cmpopts.EquateEmpty()) {
		return nil, fmt.Errorf("accounts %v, by pages %v", list, paged)
	}
	return list, nil
}

// with gives the answer that an error makes of a.
func (a reply) with(err error) reply {
	var taken *webhook.TakenError
	var excluded *webhook.ExcludedError
	switch {
	case err == nil:
		return a
	case errors.As(err, &taken):
		return reply{Error: "taken", Taken: taken.IDs, Webhooks: a.Webhooks, Key: a.Key}
	case errors.As(err, &excluded):
		a.Error, a.Excluded = "excluded", excluded.Found
	case errors.Is(err, webhook.ErrNotFound):
		a.Error = "not found"
	case errors.Is(err, webhook.ErrExists):
		a.Error = "exists"
	case errors.Is(err, webhook.ErrChanged):
		a.Error = "changed"
	case errors.Is(err, webhook.ErrInvalid):
		a.Error = "invalid"
	case errors.Is(err, errRefused):
		a.Error = "refused"
	default:
		a.Error = err.Error()
	}
	return a
}

// compare says how what stands differs from the model; "" if it does not. It
// does not count as operations.
func (q *sequence) compare() string {
	defer func(played int) { q.operations = played }(q.operations)
	for client := range clients {
		a := q.account(client)
		stand, err := q.store.Webhooks(q.ctx, a)
		if err != nil {
			return err.Error()
		}
		if diff := q.differ(fmt.Sprintf("the webhooks of client %d", client), stand, q.model.byEvent(a)); diff != "" {
			return diff
		}
		for _, event := range events {
			w, err := q.store.Webhook(q.ctx, a, event)
			want, found := q.model.webhooks[a][event]
			if found != (err == nil) || !found && !errors.Is(err, webhook.ErrNotFound) {
				return fmt.Sprintf("the webhook of client %d for %s: %v, in the model: %t", client, event, err, found)
			}
			if diff := q.differ(fmt.Sprintf("the webhook of client %d for %s", client, event), w, want); diff != "" {
				return diff
			}
		}
		if q.sends {
			if diff := q.differSent(client); diff != "" {
				return diff
			}
		}
		for _, o := range []operation{{Do: "account"}, {Do: "accounts"}, {Do: "tokens"}} {
			o.Client = client
			if diff := q.play(o); diff != "" {
				return diff
			}
		}
	}
	return ""
}

// property is that a store answers every sequence as the model does, and that
// what stands at its end is what stands in the model.
// It begins with what is done first.
func property(drawn *rapid.Generator[operation], first []operation, open func() store.Store, ended func(*sequence)) func(*rapid.T) {
	return func(t *rapid.T) {
		q := newSequence(t.Context(), open())
		defer ended(q)
		for _, o := range first {
			if diff := q.play(o); diff != "" {
				t.Fatal(diff)
			}
		}
		q.operations = 0
		t.Repeat(map[string]func(*rapid.T){
			"operation": func(t *rapid.T) {
				if diff := q.play(drawn.Draw(t, "operation")); diff != "" {
					t.Fatal(diff)
				}
			},
		})
		if diff := q.compare(); diff != "" {
			t.Fatal(diff)
		}
	}
}

const (
	// lanes is how many sequences run at once on one store, each on accounts
	// of its own.
	lanes = 4
	// length is that of a sequence, on average, and checks how many are
	// played before a lane asks whether it is enough.
	length = "80"
	checks = "5"
)

func TestMain(m *testing.M) {
	// Flags on the command line are read later and win.
	if err := errors.Join(flag.Set("rapid.steps", length), flag.Set("rapid.checks", checks)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// testSequences plays sequences on a store until enough operations were
// played.
func testSequences(t *testing.T, drawn *rapid.Generator[operation], first []operation, s store.Store, enough int64) {
	var played, sequences atomic.Int64
	start := time.Now()
	check := property(drawn, first, func() store.Store { return s }, func(q *sequence) {
		played.Add(int64(q.operations))
		sequences.Add(1)
	})
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for played.Load() < enough {
					rapid.Check(t, check)
				}
			})
		}
	})
	t.Logf("%d operations in %d sequences in %v", played.Load(), sequences.Load(), time.Since(start).Round(time.Millisecond))
	if played.Load() < enough {
		t.Errorf("%d operations, want %d", played.Load(), enough)
	}
}
