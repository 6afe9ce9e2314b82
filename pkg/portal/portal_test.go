package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// journey is what a developer of one account does.
type journey struct {
	*reader
	account webhook.Account
	// event can be registered, other too, and wrong cannot.
	event, other, wrong string
	// instance is that of an event.
	instance string
	// keyTitle is shown with the key of a registration, if it has one of its
	// own. keyPage is where a new key is made, {id} for the webhook's id.
	keyTitle, keyPage string
	// changes says that the API changes webhooks.
	changes bool
	// id and key are those of the webhook that was registered.
	id, key string
}

// TestWithoutScripts goes through all that a developer does, as a browser
// without scripts.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	for _, j := range []journey{
		{account: squakeAccount, event: "order", other: "confirmation_document_available", wrong: "orders", keyTitle: "This signing key is shown once", changes: true},
		{account: shoptetAccount, event: "order:create", other: "order:paid", wrong: "order:creates", instance: "2018000012", keyPage: "/portal/key", changes: true},
		{account: abbeyAccount, event: "shipment.created", other: "shipment.delivered", wrong: "shipment/created", keyTitle: "This API secret key is shown once", keyPage: "/portal/webhooks/{id}/key"},
	} {
		t.Run(string(j.account.API), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			j.reader = e.enter(t, j.account, webhook.AllRights)
			j.shows(200, "No webhooks yet", j.account.String())
			j.register()
			j.deliver()
			j.test()
			j.recover()
			j.renewKey()
			j.change()
			j.remove()
			j.learn()
			j.leave()
		})
	}
}

// TestTestOfWhatChanges: a webhook that is disabled, moved to another event or
// deleted after its page was shown, even just before its test, is told of.
func TestTestOfWhatChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change string
		form   []string
		wrong  string
	}{
		{"/disable", nil, "Its webhook is disabled. Enable it to test it."},
		{"", []string{"event", "confirmation_document_available"}, "Choose one that has a webhook."},
		{"/delete", nil, "Nothing to send to"},
	} {
		e := newEnv(t)
		r, other := e.enter(t, squakeAccount, webhook.AllRights), e.enter(t, squakeAccount, webhook.AllRights)
		hook, _ := e.failed(t, r)
		r.get("/portal/test")
		e.beforeTest = func() {
			e.beforeTest = nil
			other.post("/portal/webhooks/"+hook+tt.change, append(tt.form, "url", e.receiver.URL)...)
		}
		for range 2 {
			r.post("/portal/test", "event", "order")
			r.shows(422, tt.wrong)
		}
		other.shows(200)
		if e.beforeTest != nil {
			t.Errorf("%s: there was no test", tt.change)
		}
	}
}

func (j *journey) register() {
	j.Helper()
	j.get("/portal/webhooks/new")
	j.shows(200, "Add a webhook")
	j.post("/portal/webhooks", "event", j.wrong, "url", `ftp://"<x>`)
	j.shows(422, "Nothing was done.", j.wrong+": ", "URL must", `value="ftp://&#34;&lt;x&gt;"`, `aria-invalid="true"`)
	j.post("/portal/webhooks", "event", j.event, "url", j.env.receiver.URL+"/one?a=1&b=2")
	j.shows(200, j.keyTitle)
	j.key = between(j.page, `class="key">`, "<")
	if (j.key != "") != (j.keyTitle != "") {
		j.Fatalf("key %q shown, want one: %v\n%s", j.key, j.keyTitle != "", j.page)
	}
	j.get("/portal/webhooks")
	j.shows(200, "never called", "/one?a=1&amp;b=2", j.event)
	if j.key != "" && strings.Contains(j.page, j.key) {
		j.Error("the key is shown twice")
	}
	j.id = between(j.page, `class="url" href="/portal/webhooks/`, `"`)
	j.get("/portal/webhooks/new")
	j.post("/portal/webhooks", "event", j.event, "url", j.env.receiver.URL)
	j.shows(422, "Webhook already exists for this event")
}

// deliver sees a delivery fail, and sends it again.
func (j *journey) deliver() {
	j.Helper()
	j.env.status.Store(500)
	id := j.env.publish(j.T, j.account, j.event, j.instance, `{"text":"<script>alert(1)</script>"}`, time.Now())
	j.env.attempted(j.T, j.account, id, 1)
	j.get("/portal/webhooks")
	j.shows(200, "failing", "the last answer was 500", "1 waiting")
	j.get("/portal/deliveries?status=retrying&event=" + url.QueryEscape(j.event))
	j.shows(200, j.event, "retrying", "500")
	j.get("/portal/deliveries?status=delivered")
	j.shows(200, "No such deliveries")
	j.get("/portal/deliveries/" + id)
	if strings.Contains(j.page, "answered 500") {
		j.Error("the status is said twice")
	}
	j.shows(200, "Attempt 1 failed", "HTTP 500", "Attempt 2", "{&#34;error&#34;:&#34;&lt;b&gt;database", "webhook-id: "+id, "not shown")
	j.env.status.Store(204)
	j.post("/portal/deliveries/" + id)
	j.shows(200, "Another attempt was asked for.")
	j.env.attempted(j.T, j.account, id, 2)
	j.get("/portal/deliveries/" + id)
	j.shows(200, "Attempt 2 succeeded", "delivered", "Attempt 1 failed")
	j.get("/portal/deliveries/" + id + "/body")
	j.shows(200)
	if j.header.Get("Content-Type") != "application/json" || j.page[0] != '{' {
		j.Errorf("body %q as %s", j.page, j.header.Get("Content-Type"))
	}
	j.get("/portal/webhooks")
}

func (j *journey) test() {
	j.Helper()
	j.get("/portal/test")
	j.post("/portal/test", "event", j.other)
	j.shows(422, "Choose one that has a webhook.")
	j.post("/portal/test", "event", j.event)
	j.shows(200, "The sample is on its way.")
	id := between(j.path, "/portal/deliveries/", "?")
	j.env.attempted(j.T, j.account, id, 1)
	j.get("/portal/deliveries/" + id)
	j.shows(200, "Attempt 1 succeeded", "delivered (test)", "It is a test, which is attempted once.")
	j.post("/portal/deliveries/" + id)
	j.shows(409, "It is a test, which is attempted once.")
	j.get("/portal/deliveries")
	j.shows(200, "delivered (test)")
	j.get("/portal/webhooks/" + j.id)
	j.shows(200, "delivered (test)", "1 in the last day: 1 delivered")
}

// recover disables the webhook, enables it, and sends what was held meanwhile.
func (j *journey) recover() {
	j.Helper()
	j.get("/portal/webhooks/" + j.id + "/disable")
	j.shows(200, "Disable this webhook?", "From now on nothing is sent")
	if strings.Contains(j.page, "All accounts") {
		j.Error("a customer is shown the way to all accounts")
	}
	j.post("/portal/webhooks/" + j.id + "/disable")
	j.shows(200, "The webhook is disabled.", "by hand")
	held := j.env.publish(j.T, j.account, j.event, j.instance, `{}`, time.Now())
	since := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	j.get("/portal/recover?event=&since=" + since)
	j.shows(200, "There is nothing to send again")
	j.get("/portal/webhooks/" + j.id + "/enable")
	j.post("/portal/webhooks/" + j.id + "/enable")
	j.shows(200, "The webhook is enabled.")
	j.get("/portal/recover?event=&since=nonsense")
	j.shows(422, "This must be a date and a time", `value="nonsense"`)
	j.get("/portal/recover?since=" + since + "&event=" + url.QueryEscape(" "+j.event+" "))
	j.shows(200, "1 to send again")
	j.get("/portal/recover?event=&since=" + since)
	j.shows(200, "1 to send again")
	j.post("/portal/recover", "since", since, "event", "", "as_of", between(j.page, `name="as_of" value="`, `"`))
	j.shows(200, "1 sent again.")
	j.env.attempted(j.T, j.account, held, 1)
	j.get("/portal/webhooks")
}

func (j *journey) renewKey() {
	j.Helper()
	page := strings.ReplaceAll(j.keyPage, "{id}", j.id)
	if page == "" {
		j.get("/portal/key")
		j.shows(404)
		j.get("/portal/webhooks/" + j.id + "/key")
		j.shows(404)
		return
	}
	j.get("/portal/webhooks/" + j.id)
	if strings.Contains(j.page, "An older key") {
		j.Error("an older key signs before there is one")
	}
	j.get(page)
	j.shows(200, "shown once")
	j.post(page)
	if made := between(j.page, `class="key">`, "<"); made == "" || made == j.key {
		j.Errorf("new key %q after %q", made, j.key)
	}
	if page != j.keyPage { // a webhook's, whose old key signs for a while
		j.get("/portal/webhooks/" + j.id)
		j.shows(200, "An older key still signs; it ends")
	}
}

func (j *journey) change() {
	j.Helper()
	j.get("/portal/webhooks/" + j.id)
	if !j.changes {
		j.shows(200, "cannot be changed")
		j.post("/portal/webhooks/"+j.id, "event", j.event, "url", j.env.receiver.URL+"/two")
		j.shows(404, "There is nothing here")
		return
	}
	j.post("/portal/webhooks/"+j.id, "event", j.event, "url", "nonsense")
	j.shows(422, "URL must", `value="nonsense"`)
	j.post("/portal/webhooks/"+j.id, "event", j.event, "url", j.env.receiver.URL+"/two")
	j.shows(200, "The webhook was changed.", "/two")
}

func (j *journey) remove() {
	j.Helper()
	j.get("/portal/webhooks/" + j.id + "/delete")
	j.shows(200, "Delete this webhook?", "can be registered again at once")
	j.post("/portal/webhooks/" + j.id + "/delete")
	j.shows(200, "The webhook was deleted.", "No webhooks yet")
}

func (j *journey) learn() {
	j.Helper()
	j.get("/portal/events?event=" + url.QueryEscape(j.other))
	j.shows(200, j.other, "Body of "+j.other)
	j.get("/portal/events?event=" + url.QueryEscape(j.wrong))
	j.shows(404, "There is no such event")
	j.get("/portal/verify")
	j.shows(200, "webhook-signature")
}

func (j *journey) leave() {
	j.Helper()
	token := between(j.page, `name="form_token" value="`, `"`)
	if token == "" {
		j.Fatalf("no form of\n%s", j.page)
	}
	j.post("/portal/leave")
	j.shows(200, "You have left")
	j.get("/portal/webhooks")
	j.shows(http.StatusForbidden, "You are not in the portal")
	logged := j.env.log.String()
	if !strings.Contains(logged, `"method":"POST","route":"/portal/webhooks"`) {
		j.Errorf("the log has no lines:\n%s", logged)
	}
	for _, secret := range []string{"hk_", token} { // of links and sessions, and of forms
		if strings.Contains(logged, secret) || j.key != "" && strings.Contains(logged, j.key) {
			j.Errorf("the log has a secret:\n%s", logged)
		}
	}
}
