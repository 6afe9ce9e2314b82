package deploytest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// lifecycle has each customer make a second webhook, change it, have a new key
// made for it where the API can, and delete it: each as its API has it. The
// customer is left with what it had.
func lifecycle(t *testing.T, s *stack, customers []*customer) {
	lives := map[string]func(*testing.T, *stack, *customer) (id string){
		"squake": lifeOfSquake, "shoptet": lifeOfShoptet, "abbeycross": lifeOfAbbeyCross,
	}
	for _, c := range customers {
		t.Run(string(c.name), func(t *testing.T) {
			before := fmt.Sprint(c.webhooks(t, s))
			id := lives[string(c.name)](t, s, c)
			c.call(t, s, http.MethodDelete, c.list+"/"+id, "").must(t, "delete again", http.StatusNotFound, "")
			if after := fmt.Sprint(c.webhooks(t, s)); after != before {
				t.Errorf("after the second webhook's life the customer has %s, want %s", after, before)
			}
		})
	}
}

func lifeOfSquake(t *testing.T, s *stack, c *customer) string {
	made := c.call(t, s, http.MethodPost, c.register, c.webhook(c.events[1])).must(t, "register", http.StatusCreated, "")
	id := fmt.Sprint(made.member(t, "id"))
	path := c.list + "/" + id
	c.call(t, s, http.MethodGet, path, "").must(t, "read", http.StatusOK, c.events[1])
	c.call(t, s, http.MethodPut, path, `{"endpoint_url":"https://example.com/new"}`).must(t, "change URL", http.StatusOK, "https://example.com/new")
	c.call(t, s, http.MethodPut, path, fmt.Sprintf(`{"kind":%q}`, c.events[0])).must(t, "change to a taken kind", c.taken, c.takenText)
	c.call(t, s, http.MethodPut, path, `{"kind":"confirmation_document_available"}`).must(t, "change kind", http.StatusOK, "confirmation")
	if n := len(c.webhooks(t, s).([]any)); n != 2 {
		t.Errorf("%d webhooks, want 2", n)
	}
	c.call(t, s, http.MethodDelete, path, "").must(t, "delete", http.StatusNoContent, "")
	return id
}

func lifeOfShoptet(t *testing.T, s *stack, c *customer) string {
	made := c.call(t, s, http.MethodPost, c.register, c.webhook(c.events[1])).must(t, "register", http.StatusCreated, "")
	webhooks, _ := made.member(t, "data", "webhooks").([]any)
	if len(webhooks) != 1 {
		t.Fatalf("registered %d webhooks, want 1", len(webhooks))
	}
	webhook, _ := webhooks[0].(map[string]any)
	id := fmt.Sprint(webhook["id"])
	path := c.list + "/" + id
	c.call(t, s, http.MethodGet, path, "").must(t, "read", http.StatusOK, c.events[1])
	c.call(t, s, http.MethodPatch, path, `{"data":{"url":"https://example.com/new"}}`).must(t, "change", http.StatusOK, "")
	c.call(t, s, http.MethodGet, path, "").must(t, "read again", http.StatusOK, "https://example.com/new")
	c.call(t, s, http.MethodGet, "/api/webhooks/notifications", "").must(t, "deliveries", http.StatusOK, "")
	former := c.shown
	if c.renewKey(t, s); c.shown == former {
		t.Error("the renewed key is the former one")
	}
	c.call(t, s, http.MethodDelete, path, "").must(t, "delete", http.StatusOK, "")
	return id
}

func lifeOfAbbeyCross(t *testing.T, s *stack, c *customer) string {
	before := idsOfAbbeyCross(t, s, c)
	c.call(t, s, http.MethodPost, c.register, c.webhook(c.events[1])).must(t, "register", http.StatusCreated, "")
	ids := idsOfAbbeyCross(t, s, c)
	if len(ids) != len(before)+1 || !slices.Equal(ids[:len(before)], before) {
		t.Fatalf("ids %v after registering, were %v", ids, before)
	}
	id := ids[len(before)]
	path := c.list + "/" + id
	first := c.call(t, s, http.MethodPost, path+"/rotate-secret", "").must(t, "rotate", http.StatusOK, "")
	second := c.call(t, s, http.MethodPost, path+"/rotate-secret", "").must(t, "rotate again", http.StatusOK, "")
	if first.body == second.body {
		t.Errorf("rotating twice shows the same key: %s", first.body)
	}
	c.call(t, s, http.MethodDelete, path, "").must(t, "delete", http.StatusNoContent, "")
	return id
}

// idsOfAbbeyCross lists the ids of the customer's registrations, the oldest first.
func idsOfAbbeyCross(t *testing.T, s *stack, c *customer) (ids []string) {
	t.Helper()
	list, _ := c.webhooks(t, s).(map[string]any)["webhooks"].([]any)
	for _, element := range list {
		webhook, _ := element.(map[string]any)
		ids = append(ids, fmt.Sprint(webhook["id"]))
	}
	return ids
}
