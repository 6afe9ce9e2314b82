package deploytest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// api is one of the registration APIs, as far as the steps need to know it.
type api struct {
	name     webhook.API
	register string // path to register at, by POST
	list     string // path to list at
	// events can be registered; the first one is by the register step.
	events [2]string
	// registration writes a registration of an event with a URL.
	registration func(event, url string) string
	// path is the last part of the URLs that are registered.
	path string
	// header writes a token into a request.
	header func(token string) http.Header
	// taken is what a second registration of an event is answered.
	taken     int
	takenText string
	// malformed is the status for a body that is no JSON.
	malformed int
	// key is where a registration's answer has the signing key; nil where the
	// account has one, which renewKey shows.
	key []string
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

var (
	squake = api{
		name: "squake", register: "/v2/webhooks", list: "/v2/webhooks",
		events: [2]string{"order", "certificate_document_available"},
		path:   "/squake",
		registration: func(event, url string) string {
			return fmt.Sprintf(`{"kind":%q,"endpoint_url":%q}`, event, url)
		},
		header: bearer, taken: http.StatusUnprocessableEntity, takenText: "Webhook already exists for this event",
		malformed: http.StatusUnprocessableEntity, key: []string{"signing_key"},
	}
	shoptet = api{
		name: "shoptet", register: "/api/webhooks", list: "/api/webhooks",
		events: [2]string{"order:create", "order:cancel"},
		path:   "/shoptet",
		registration: func(event, url string) string {
			return fmt.Sprintf(`{"data":[{"event":%q,"url":%q}]}`, event, url)
		},
		header: func(token string) http.Header { return http.Header{"Shoptet-Access-Token": {token}} },
		taken:  http.StatusUnprocessableEntity, takenText: "webhook-already-exists",
		malformed: http.StatusUnprocessableEntity,
	}
	abbeycross = api{
		name: "abbeycross", register: "/v1/webhooks/register", list: "/v1/webhooks",
		events: [2]string{"shipment.created", "shipment.delivered"},
		path:   "/abbeycross",
		registration: func(event, url string) string {
			return fmt.Sprintf(`{"url":%q,"events":[%q]}`, url, event)
		},
		header: bearer, taken: http.StatusBadRequest, takenText: "WEBHOOK_ALREADY_EXISTS",
		malformed: http.StatusBadRequest, key: []string{"apiSecretKey"},
	}
)

// customer is an account with a token, and what it was shown.
type customer struct {
	api
	account webhook.Account
	token   string
	// site is where it receives: the URLs of its webhooks begin with it.
	site string
	// shown is the signing key that it was shown last.
	shown string
}

// newCustomers makes an account and a token of each API, as an operator does.
func newCustomers(t *testing.T, s *stack, id, site string) []*customer {
	t.Helper()
	var customers []*customer
	for _, a := range []api{squake, shoptet, abbeycross} {
		c := &customer{api: a, account: webhook.Account{API: a.name, ID: id}, site: site}
		s.operate(t, "account", "create", c.account.String())
		c.token = s.operate(t, "token", "create", "--account", c.account.String())
		customers = append(customers, c)
	}
	return customers
}

// webhook writes a registration of an event with the customer's URL.
func (c *customer) webhook(event string) string { return c.registration(event, c.site+c.path) }

// call sends a request with the customer's token.
func (c *customer) call(t *testing.T, s *stack, method, path, body string) response {
	t.Helper()
	return s.call(t, method, path, c.header(c.token), body)
}

// webhooks lists what the customer has, without what differs from one answer
// to the next.
func (c *customer) webhooks(t *testing.T, s *stack) any {
	t.Helper()
	a := c.call(t, s, http.MethodGet, c.list, "").must(t, "list webhooks of "+c.account.String(), http.StatusOK, "")
	listed := a.member(t)
	if object, ok := listed.(map[string]any); ok {
		delete(object, "metadata") // the request's id
	}
	return listed
}

// renewKey has the account of Shoptet's API make a new signing key.
func (c *customer) renewKey(t *testing.T, s *stack) {
	t.Helper()
	a := c.call(t, s, http.MethodPost, "/api/webhooks/renew-signature-key", "").must(t, "renew key", http.StatusOK, "")
	c.shown, _ = a.member(t, "data", "signatureKey").(string)
}
