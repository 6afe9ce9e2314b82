package operator_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/intercept"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// interruption is what becomes of one write and those after it.
type interruption struct {
	err error
	// written says that the write happens, and last that none happens after it.
	written, last bool
}

var interruptions = map[string]interruption{
	"throttled":     {err: webhook.ErrUnavailable},
	"answer lost":   {err: webhook.ErrUnknownOutcome, written: true},
	"killed before": {err: webhook.ErrUnavailable, last: true},
	"killed after":  {err: webhook.ErrUnavailable, written: true, last: true},
}

// interrupted returns a store that has one interruption, at the write with a
// number from 0, none at -1. made counts its writes.
func interrupted(s store.Store, i interruption, at int64) (_ store.Store, made *atomic.Int64) {
	made = &atomic.Int64{}
	return intercept.Store{Store: s, Do: intercept.Writes(func(write func() error) error {
		n := made.Add(1) - 1
		switch {
		case n == at && i.written:
			_ = write()
			return i.err
		case n == at, i.last && n > at:
			return i.err
		}
		return write()
	})}, made
}

// repeatedRoutes are those that may be repeated (docs/contracts/operator-api.md,
// Routes 5, 6), and a retry, which is asked for anew each time. gone is what a
// repeated one is answered if the first was carried out.
var repeatedRoutes = map[string]struct {
	method, path, body string
	status, gone       int
}{
	"create account":  {http.MethodPut, "/operator/accounts/squake:new", "", 201, 200},
	"exists":          {http.MethodPut, "/operator/accounts/squake:acme", "", 200, 200},
	"delete account":  {http.MethodDelete, "/operator/accounts/squake:acme", "", 202, 202},
	"revoke token":    {http.MethodDelete, "/operator/accounts/squake:acme/tokens/t1", "", 204, 404},
	"disable":         {http.MethodPost, "/operator/accounts/squake:acme/webhooks/webhook-0/disable", "", 200, 200},
	"enable":          {http.MethodPost, "/operator/accounts/squake:acme/webhooks/webhook-1/enable", "", 200, 200},
	"delete webhook":  {http.MethodDelete, "/operator/accounts/squake:acme/webhooks/webhook-0", "", 204, 404},
	"recover":         {http.MethodPost, "/operator/accounts/squake:acme/recover", `{"from":"2026-01-01T00:00:00Z","as_of":"2026-01-15T10:30:00Z"}`, 202, 202},
	"count":           {http.MethodPost, "/operator/accounts/squake:acme/recover", `{"from":"2026-01-01T00:00:00Z","dry_run":true}`, 200, 200},
	"publish":         {http.MethodPost, operator.Path, goodAndBad, 202, 202},
	"end links":       {http.MethodDelete, "/operator/accounts/squake:acme/portal-links", "", 204, 204},
	"end own links":   {http.MethodDelete, "/operator/portal-links", "", 204, 204},
	"retry what fell": {http.MethodPost, "/operator/accounts/squake:acme/deliveries/{failed}/retry", "", 202, 409},
}

// Whatever becomes of a request, one that is repeated leaves what a single one
// leaves, and no attempt is asked for twice, whether it was made by then or not.
func TestRepeatedRoutes(t *testing.T) {
	for name, route := range repeatedRoutes {
		t.Run(name, func(t *testing.T) {
			once := newRepeated(t)
			counting, made := interrupted(once.Store, interruption{}, -1)
			if status := once.call(t, counting, route.method, route.path, route.body); status != route.status {
				t.Fatalf("status %d, want %d", status, route.status)
			}
			want := once.state(t)
			isRetry := route.gone == http.StatusConflict // which may be made again once it was attempted
			repeat := func(r *repeated, what string) {
				t.Helper()
				if !isRetry {
					r.fail(t)
				}
				if status := r.call(t, r.Store, route.method, route.path, route.body); status != route.status && status != route.gone {
					t.Errorf("%s, and repeated: status %d, want %d or %d", what, status, route.status, route.gone)
				}
				if diff := cmp.Diff(want, r.state(t)); diff != "" {
					t.Errorf("%s, and repeated (-once +repeated):\n%s", what, diff)
				}
			}
			if !isRetry {
				repeat(once, "carried out")
			}
			for kind, i := range interruptions {
				for at := range int(made.Load()) {
					r := newRepeated(t)
					broken, _ := interrupted(r.Store, i, int64(at))
					r.call(t, broken, route.method, route.path, route.body)
					repeat(r, fmt.Sprintf("%s at write %d", kind, at))
				}
			}
		})
	}
}

// An account that is gone before it can be read is created.
func TestCreateAccountVanishes(t *testing.T) {
	r := newRepeated(t)
	vanishing := intercept.Store{Store: r.Store, Do: func(call string, do func() error) error {
		if call == "Account" {
			closeErr := r.CloseAccount(t.Context(), squakeAccount, apitest.Start)
			if err := errors.Join(closeErr, r.DeleteAccount(t.Context(), squakeAccount)); err != nil {
				t.Error(err)
			}
		}
		return do()
	}}
	status := r.call(t, vanishing, http.MethodPut, "/operator/accounts/squake:acme", "")
	info, err := r.Account(t.Context(), squakeAccount)
	if status != http.StatusCreated || err != nil || !info.CreatedAt.Equal(apitest.Start) {
		t.Errorf("status %d, account %+v, %v; want it created", status, info, err)
	}
}

// repeated is a store with accounts, and the queue of what is asked for.
type repeated struct {
	*sqlite.Store
	queue queue
	ids   map[string]string // of deliveries, by the event's id
}

func newRepeated(t *testing.T) *repeated {
	r := &repeated{Store: memory.Open(t), ids: map[string]string{}}
	populate(t, r.Store)
	addDeliveries(t, r.Store)
	for i := range 2 {
		token := webhook.Token{ID: fmt.Sprint("t", i), Account: squakeAccount, Hash: webhook.HashToken(fmt.Sprint(i)), Rights: webhook.Read, CreatedAt: apitest.Start}
		if err := r.CreateToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range r.deliveries(t) {
		r.ids[d.EventID] = d.ID()
	}
	return r
}

// call makes a request to handlers over a store, which may fail.
func (r *repeated) call(t *testing.T, s operator.Store, method, path, body string) int {
	now, log := func() time.Time { return apitest.Start }, slog.New(slog.DiscardHandler)
	keys := keygen.New(rand.Reader, now)
	setup := api.Setup{Getenv: func(string) string { return "" }, Now: now}
	var handler http.Handler = operator.NewManage(operator.ManageConfig{
		Store: s, Queue: &r.queue, APIs: all.APIs(), Sendings: sendings(t, setup), Keys: keys, Now: now, Log: log,
		Links: access.NewLinks(s.(access.Store), keys, now), PortalURL: portalURL,
	})
	if path == operator.Path {
		handler = operator.New(operator.Config{Publisher: publisher(t, s, &r.queue, log), Keys: keys, Now: now, Log: log})
	}
	request := httptest.NewRequestWithContext(t.Context(), method, strings.ReplaceAll(path, "{failed}", r.ids["failed"]), strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, request)
	return w.Code
}

// fail has attempts fail that were asked for, sent or left to the sweeper.
func (r *repeated) fail(t *testing.T) {
	for _, was := range r.deliveries(t) {
		if was.Open() && was.Next.Equal(apitest.Start) {
			now := was.Attempted(apitest.Start, http.StatusNotFound, "answered 404", time.Time{})
			if _, err := r.RecordAttempt(t.Context(), webhook.AttemptResult{Was: was, Now: now}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// state is all that there is once attempts were made. One that was asked for
// twice fails the test.
func (r *repeated) state(t *testing.T) (state struct {
	Accounts   []webhook.AccountInfo
	Ended      bool // the operator's links
	Webhooks   []webhook.Webhook
	Tokens     []webhook.Token
	Deliveries []webhook.Delivery
},
) {
	t.Helper()
	var err, webhooksErr, tokensErr error
	state.Accounts, err = r.Accounts(t.Context(), squakeAccount.API)
	state.Webhooks, webhooksErr = r.Webhooks(t.Context(), squakeAccount)
	state.Tokens, tokensErr = r.Tokens(t.Context(), squakeAccount)
	if err := errors.Join(err, webhooksErr, tokensErr); err != nil {
		t.Fatal(err)
	}
	for i := range state.Accounts { // ending links once more ends no more
		state.Accounts[i].PortalEpoch = min(state.Accounts[i].PortalEpoch, 1)
	}
	own, err := r.Account(t.Context(), webhook.Account{})
	state.Ended = err == nil && own.PortalEpoch > 0
	r.fail(t)
	state.Deliveries = r.deliveries(t)
	sent := map[string]bool{}
	for _, m := range r.queue.sent {
		if sent[m.ID] {
			t.Errorf("attempt %d of %s was asked for twice", m.Attempt, m.ID)
		}
		sent[m.ID] = true
	}
	return state
}

// deliveries are those of Squake's account.
func (r *repeated) deliveries(t *testing.T) (list []webhook.Delivery) {
	err := r.Deliveries(t.Context(), squakeAccount, time.Time{}, func(d webhook.Delivery) bool { list = append(list, d); return true })
	if err != nil {
		t.Fatal(err)
	}
	return list
}
