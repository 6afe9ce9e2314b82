package deploytest

import (
	"net/http"
	"testing"
)

// register has each customer register a webhook, by the functions that may only
// register. A second one for the same event is refused, and so is whoever has
// no good token; what no route is for is answered in the API's own shape.
func register(t *testing.T, s *stack, customers []*customer) {
	for _, c := range customers {
		t.Run(string(c.name), func(t *testing.T) {
			body := c.webhook(c.events[0])
			made := c.call(t, s, http.MethodPost, c.register, body).must(t, "register", http.StatusCreated, "")
			if c.key == nil {
				c.renewKey(t, s)
			} else {
				c.shown, _ = made.member(t, c.key...).(string)
			}
			if c.shown == "" {
				t.Error("no signing key was shown")
			}
			stillRegistered(t, s, c)
			s.call(t, http.MethodPost, c.register, c.header("hk_unknown"), body).must(t, "unknown token", http.StatusUnauthorized, "")
			s.call(t, http.MethodPost, c.register, http.Header{}, body).must(t, "no token", http.StatusUnauthorized, "")
			c.call(t, s, http.MethodPost, c.register, "{").must(t, "broken body", c.malformed, "{")
			c.call(t, s, http.MethodPatch, c.register, "").must(t, "method of no route", http.StatusMethodNotAllowed, "{")
			c.call(t, s, http.MethodGet, c.list+"/no/such/path", "").must(t, "path of no route", http.StatusNotFound, "{")
		})
	}
}

// stillRegistered tries to register the customer's first event again.
func stillRegistered(t *testing.T, s *stack, c *customer) {
	t.Helper()
	c.call(t, s, http.MethodPost, c.register, c.webhook(c.events[0])).must(t, "register again", c.taken, c.takenText)
}
