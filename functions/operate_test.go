package functions_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api/squake"
	"github.com/hookline/hookline/pkg/webhook"
)

// operate sends a request of the operator's, which must have the status, and
// returns the members of the answer.
func (p *pipeline) operate(t *testing.T, method, path, body string, status int) map[string]any {
	t.Helper()
	head := method + " /operator" + path + " HTTP/1.1"
	if body != "" {
		head += "\nContent-Type: application/json"
	}
	response, routed := p.request(t, head, body)
	if !routed || response.StatusCode != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, response.StatusCode, response.Body, status)
	}
	var members map[string]any
	if response.Body != "" {
		if err := json.Unmarshal([]byte(response.Body), &members); err != nil {
			t.Fatal(err)
		}
	}
	return members
}

// The operator signs a customer up, who registers; an event is published, held
// while the webhook is disabled, delivered, and attempted again when the operator says so, and so is another
// that was held. A test that is answered 410 leaves the webhook as it is. Then the customer leaves. Between them the requests take every right of the function.
func testOperate(t *testing.T, p *pipeline) {
	c := &client{
		customer: customer{webhook.Account{API: "squake", ID: "signs-up"}, map[string]string{}},
		pipeline: p, api: squake.API(), event: squake.API().Example.Event,
	}
	name := "/accounts/" + c.account.String()
	p.operate(t, "PUT", name, "", http.StatusCreated)
	p.operate(t, "PUT", name, "", http.StatusOK)
	p.operate(t, "GET", "/accounts?api=squake&limit=500", "", http.StatusOK)
	token := p.operate(t, "POST", name+"/tokens", "{}", http.StatusCreated)
	c.tokens["token"] = token["token"].(string)
	p.secrets = append(p.secrets, c.tokens["token"])
	c.send(t, "POST "+c.api.Example.Path, strings.ReplaceAll(c.api.Example.Body, "https://example.com/squake", p.endpoint.url+"/squake?shop=7"))

	registered := p.operate(t, "GET", name+"/webhooks", "", http.StatusOK)["webhooks"].([]any)[0].(map[string]any)
	hook := name + "/webhooks/" + registered["id"].(string)
	p.operate(t, "POST", hook+"/disable", "", http.StatusOK)
	p.operate(t, "GET", "/webhooks?api=squake&state=failing", "", http.StatusOK)
	event := c.occurrence("operated")
	if got := c.publish(t, event); !slices.Equal(got, []string{"held"}) {
		t.Errorf("published for a disabled webhook: %q, want held", got)
	}
	if got := c.publish(t, c.occurrence("recovered")); !slices.Equal(got, []string{"held"}) {
		t.Errorf("published for a disabled webhook: %q, want held", got)
	}
	p.operate(t, "POST", hook+"/enable", "", http.StatusOK)
	c.attempt(t, c.publishOne(t, event), http.StatusOK, 1, 0) // again
	p.operate(t, "GET", name+"/deliveries?status=delivered", "", http.StatusOK)
	delivery := name + "/deliveries/" + c.messages()[0].ID
	if got := p.operate(t, "GET", delivery, "", http.StatusOK); got["status"] != "delivered" {
		t.Errorf("the delivery is %v", got)
	}
	p.operate(t, "POST", delivery+"/retry", "", http.StatusAccepted)
	p.operate(t, "POST", delivery+"/retry", "", http.StatusConflict)
	if sent := c.messages(); len(sent) != 2 || sent[1].ID != sent[0].ID {
		t.Fatalf("messages %+v, want one more for the same delivery", sent)
	}
	c.attempt(t, c.messages()[1].body, http.StatusOK, 1, 0)
	from := `{"from":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"`
	if got := p.operate(t, "POST", name+"/recover", from+`,"dry_run":true}`, http.StatusOK); got["matching"] != 1.0 {
		t.Errorf("%v match, want 1", got)
	}
	p.operate(t, "POST", name+"/recover", from+`}`, http.StatusAccepted)
	c.attempt(t, c.messages()[2].body, http.StatusOK, 1, 0)

	tested := p.operate(t, "POST", hook+"/test", `{"event":"order"}`, http.StatusAccepted)
	sent := c.messages()
	if last := sent[len(sent)-1]; last.ID != tested["delivery"] {
		t.Fatalf("the last message is of %s, want that of the test %v", last.ID, tested)
	}
	c.attempt(t, sent[len(sent)-1].body, http.StatusGone, 1, 0)
	if got := p.operate(t, "GET", name+"/deliveries/"+sent[len(sent)-1].ID, "", http.StatusOK); got["status"] != "failed" || got["test"] != true {
		t.Errorf("the test is %v", got)
	}
	if got := p.operate(t, "GET", name+"/webhooks", "", http.StatusOK)["webhooks"].([]any)[0].(map[string]any); got["state"] != "healthy" {
		t.Errorf("after a test that failed the webhook is %v", got)
	}

	p.operate(t, "GET", name+"/tokens", "", http.StatusOK)
	p.operate(t, "DELETE", name+"/tokens/"+token["id"].(string), "", http.StatusNoContent)
	p.operate(t, "DELETE", hook, "", http.StatusNoContent)
	p.operate(t, "POST", name+"/tokens", "{}", http.StatusCreated)
	p.operate(t, "DELETE", name, "", http.StatusAccepted)
	if got := p.operate(t, "GET", name, "", http.StatusOK); got["closing"] != true {
		t.Errorf("the account is %v, want it closing", got)
	}
}
