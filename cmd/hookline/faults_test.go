package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	faultRate      = 0.35
	faultyBatch    = 10
	faultyClients  = 8
	faultyDeadline = 10 * time.Minute
	// faultyTry is how long a request to DynamoDB may take until it counts as
	// lost, as those do that are never answered.
	faultyTry = 3 * time.Second
)

// disturb has a program reach DynamoDB through the faults, and give up only what
// is lost each time.
func (f *faulty) disturb(p *program) {
	p.timeouts.try = faultyTry
	p.aws = func(ctx context.Context) (aws.Config, error) {
		cfg, err := awsConfig(ctx)
		cfg.BaseEndpoint, cfg.ConfigSources = &f.proxy.URL, nil // where the variable's endpoint is
		return cfg, err
	}
}

// faulty is a server on a DynamoDB that fails, and the same table without
// faults.
type faulty struct {
	*instance
	prefix string
	proxy  *faultproxy.Proxy
	store  store.Store
	client *http.Client

	mu  sync.Mutex
	own map[webhook.Account]map[string]string // what was answered 201: event to id
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	prefix := onDynamoDB(t)
	local := dynamolocal.Start(t)
	proxy := faultproxy.Start(t, local.URL)
	f := &faulty{prefix: prefix, proxy: proxy, client: newClient(t), own: map[webhook.Account]map[string]string{}}
	f.instance = bootLogged(t, f.disturb, t.TempDir(), "--dev", "--store", "dynamodb:"+prefix)
	f.store = dynamolocal.Store(t, local.URL, tablesOf(prefix))
	return f
}

// account makes an account of an API with a token.
func (f *faulty) account(t *testing.T, api, id string) (webhook.Account, string) {
	t.Helper()
	a := webhook.Account{API: webhook.API(api), ID: id}
	token, err := newKeys().Token()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: a, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	record := webhook.Token{ID: "t", Account: a, Hash: webhook.HashToken(token.Reveal()), Rights: webhook.AllRights, CreatedAt: time.Now()}
	if err := f.store.CreateToken(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	return a, token.Reveal()
}

// register registers events of a Shoptet account and notes the ids answered. A
// 500 is an honest answer under faults; a conflict with oneself is not.
func (f *faulty) register(ctx context.Context, a webhook.Account, token string, events []string) (created bool, err error) {
	items := make([]string, len(events))
	for i, event := range events {
		items[i] = fmt.Sprintf(`{"event":%q,"url":"https://receiver.example/hook"}`, event)
	}
	body := `{"data":[` + strings.Join(items, ",") + `]}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL+"/api/webhooks", strings.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Shoptet-Access-Token", token)
	r.Header.Set("Content-Type", "application/json")
	response, err := f.client.Do(r)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return false, err
	case response.StatusCode == http.StatusInternalServerError:
		return false, nil
	case response.StatusCode != http.StatusCreated:
		return false, fmt.Errorf("register %v for %v: status %d: %s", events, a, response.StatusCode, text)
	}
	return true, f.note(a, text)
}

func (f *faulty) note(a webhook.Account, response []byte) error {
	var got struct {
		Data struct {
			Webhooks []struct {
				ID    json.Number
				Event string
			}
		}
	}
	if err := json.Unmarshal(response, &got); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.own[a] == nil {
		f.own[a] = map[string]string{}
	}
	for _, w := range got.Data.Webhooks {
		f.own[a][w.Event] = w.ID.String()
	}
	return nil
}

// job is one registration.
type job struct {
	account webhook.Account
	token   string
	events  []string
	created bool // was answered 201
}

// jobs are n registrations of so many events each, of no event twice, by as
// many accounts as that takes. The accounts' ids begin at first.
func (f *faulty) jobs(t *testing.T, n, events, first int) []*job {
	t.Helper()
	all := plainEvents()
	var jobs []*job
	for id := first; len(jobs) < n; id++ {
		a, token := f.account(t, "shoptet", fmt.Sprint(id))
		for at := 0; at+events <= len(all) && len(jobs) < n; at += events {
			jobs = append(jobs, &job{account: a, token: token, events: all[at : at+events]})
		}
	}
	return jobs
}

// The registrations of customers meet a DynamoDB that drops, delays, cuts and
// refuses: what is answered 201 stands under that id, nobody is told that his
// own write was there already, and a batch stands whole or not at all.
func TestRegistrationsUnderFaults(t *testing.T) {
	t.Parallel()
	f := newFaulty(t)
	singles, batches := long.Pick(240, 2000), long.Pick(40, 200)
	jobs := slices.Concat(f.jobs(t, singles, 1, 10_000), f.jobs(t, batches, faultyBatch, 20_000))
	f.proxy.Reset()
	writes := []string{"PutItem", "TransactWriteItems"}
	f.proxy.Inject(faultproxy.Plan{Seed: 7, Rate: faultRate, Kinds: faultproxy.Kinds(), Operations: writes})

	ctx, cancel := context.WithTimeout(t.Context(), faultyDeadline)
	defer cancel()
	var all errgroup.Group
	all.SetLimit(faultyClients)
	for _, j := range jobs {
		all.Go(func() (err error) {
			j.created, err = f.register(ctx, j.account, j.token, j.events)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	c := f.proxy.Counts()
	written := 0 // the sweeper reads meanwhile, the more often the longer this takes
	for _, operation := range writes {
		written += c.Requests[operation]
	}
	if float64(c.Injected()) < 0.3*float64(written) {
		t.Errorf("%d faults in %d writes, want three tenths at least", c.Injected(), written)
	}
	gaveUp := f.mustStand(t, jobs)
	t.Logf("%d of %d registrations were answered 500 under %v", gaveUp, len(jobs), c.Faults)
	if gaveUp > len(jobs)/100 {
		t.Errorf("%d of %d registrations gave up", gaveUp, len(jobs))
	}
}

// mustStand compares what was answered with what is stored, and counts the
// registrations that were answered 500.
func (f *faulty) mustStand(t *testing.T, jobs []*job) (gaveUp int) {
	t.Helper()
	stored := map[webhook.Account]map[string]string{}
	for _, j := range jobs {
		if stored[j.account] == nil {
			stored[j.account] = f.existing(t, j.account)
		}
		stand := 0
		for _, event := range j.events {
			id, ok := stored[j.account][event]
			if ok {
				stand++
			}
			if want := f.own[j.account][event]; j.created && id != want {
				t.Errorf("%v, %s: answered id %s, stored %q", j.account, event, want, id)
			}
		}
		if stand != 0 && stand != len(j.events) {
			t.Errorf("%v: %d of %d events stand", j.account, stand, len(j.events))
		}
		if !j.created {
			gaveUp++
		}
	}
	return gaveUp
}

// existing reads what an account has: event to id.
func (f *faulty) existing(t *testing.T, a webhook.Account) map[string]string {
	t.Helper()
	list, err := f.store.Webhooks(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	byEvent := map[string]string{}
	for _, w := range list {
		byEvent[w.Event] = w.ID
	}
	return byEvent
}

// plainEvents are Shoptet's events that exclude no other.
func plainEvents() []string {
	var events []string
	for _, eventKey := range []string{"brand", "category", "creditNote", "deliveryNote", "invoice", "product", "productVariant", "proformaInvoice", "proofPayment", "quantityDiscount", "salesChannel", "supplier", "warranty"} {
		for _, change := range []string{"create", "update", "delete"} {
			events = append(events, eventKey+":"+change)
		}
	}
	return append(events, "stock:movement")
}
