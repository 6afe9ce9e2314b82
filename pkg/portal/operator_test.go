package portal_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// operator is the zero account.
var operator webhook.Account

// TestAccounts: the operator finds accounts and creates them.
func TestAccounts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range 60 {
		if err := e.store.CreateAccount(t.Context(), webhook.AccountInfo{Account: webhook.Account{API: "abbeycross", ID: fmt.Sprintf("many-%02d", i)}, CreatedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	r := e.enter(t, operator, webhook.AllRights)
	r.get("/portal/operator")
	r.shows(200, "all accounts", `href="/portal/operator/accounts/squake:acme"`, "squake:other", "30 days ago")
	r.get("/portal/operator/accounts?api=abbeycross&id=")
	r.shows(200, "abbeycross:fleet-7", "abbeycross:many-48", "Further")
	next := strings.ReplaceAll(between(r.page, `class="pages"`, "</nav>"), "&amp;", "&")
	r.get(between(next, `href="`, `"`))
	r.shows(200, "abbeycross:many-49", "abbeycross:many-59", "Back")
	if strings.Contains(r.page, "many-48") || strings.Contains(r.page, "Further") {
		t.Errorf("the last page has more:\n%s", r.page)
	}
	for _, id := range []string{"acme", "squake:acme", " acme "} {
		r.get("/portal/operator/accounts?api=squake&id=" + strings.ReplaceAll(id, " ", "+"))
		r.shows(200, "squake:acme", "Enter its pages", "None. The customer needs one to call the API.")
	}
	for id, wrong := range map[string]string{"nobody": "There is no account squake:nobody", "a/b": "The id must be 1 to 64", strings.Repeat("a", 65): "The id must be 1 to 64"} {
		r.get("/portal/operator/accounts?api=squake&id=" + id)
		r.shows(404, wrong, `value="`+id+`"`)
		if offered := strings.Contains(r.page, "Create it"); offered != (id == "nobody") {
			t.Errorf("%s: to create it is offered: %t", id, offered)
		}
	}
	r.get("/portal/operator/accounts/new?api=squake&id=nobody")
	r.shows(200, `value="nobody"`, `<option value="squake" selected>`)
	for _, wrong := range [][2]string{{"squake", ""}, {"squake", "a b"}, {"nothing", "a"}, {"shoptet", "letters"}} {
		r.post("/portal/operator/accounts", "api", wrong[0], "id", wrong[1])
		r.shows(422, "Nothing was done.", `value="`+wrong[1]+`"`)
	}
	r.post("/portal/operator/accounts", "api", "squake", "id", "nobody")
	r.shows(200, "The account was created.", "squake:nobody")
	r.get("/portal/operator/accounts/new")
	r.post("/portal/operator/accounts", "api", "squake", "id", "nobody") // sent twice
	r.shows(200, "The account exists already.", "squake:nobody")
	if err := e.store.CloseAccount(t.Context(), otherAccount, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.get("/portal/operator/accounts/squake:other")
	r.shows(200, "The account is being deleted.", "End all links and sessions")
	token := `name="form_token" value="` + between(r.page, `name="form_token" value="`, `"`)
	for _, path := range []string{"/enter", "/tokens", "/links"} {
		r.page = token
		r.post("/portal/operator/accounts/squake:other" + path)
		if r.status != 409 && r.status != 404 {
			t.Errorf("%s of an account that is being deleted: %d", path, r.status)
		}
	}
	for _, path := range []string{"/tokens/new", "/links/new"} {
		r.get("/portal/operator/accounts/squake:other" + path)
		r.shows(409, "or it is being deleted")
	}
}

// TestTokens: a token is made with its rights and its end, is shown once, and is
// revoked after it was said what that does.
func TestTokens(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, operator, webhook.AllRights)
	for _, tt := range []struct {
		account webhook.Account
		form    []string
		status  int
		rights  webhook.Rights
		lasts   time.Duration
	}{
		{squakeAccount, nil, 200, webhook.AllRights, 0},
		{squakeAccount, []string{"rights", "read", "lasts", "30d"}, 200, webhook.AllRights, 30 * 24 * time.Hour}, // it distinguishes none
		{shoptetAccount, []string{"rights", "read", "lasts", "1d"}, 200, webhook.Read, 24 * time.Hour},
		{shoptetAccount, []string{"rights", "write"}, 200, webhook.Write, 0},
		{shoptetAccount, []string{"rights", "publish"}, 422, 0, 0},
		{shoptetAccount, []string{"rights", "read,write", "lasts", "2d"}, 422, 0, 0},
	} {
		page := "/portal/operator/accounts/" + tt.account.String()
		before, err := e.store.Tokens(t.Context(), tt.account)
		if err != nil {
			t.Fatal(err)
		}
		r.get(page + "/tokens/new")
		r.shows(200, "Make a token")
		if asked := strings.Contains(r.page, `name="rights"`); asked != (tt.account == shoptetAccount) {
			t.Errorf("%v: rights are asked for: %t", tt.account, asked)
		}
		r.post(page+"/tokens", tt.form...)
		r.shows(tt.status)
		after, err := e.store.Tokens(t.Context(), tt.account)
		if err != nil || (len(after) > len(before)) != (tt.status == 200) {
			t.Fatalf("%v: %d tokens after %d, %v", tt, len(after), len(before), err)
		}
		if tt.status != 200 {
			continue
		}
		text := between(r.page, `class="key">`, "<")
		made, err := e.store.Token(t.Context(), webhook.HashToken(text))
		if err != nil || made.Account != tt.account || made.Rights != tt.rights {
			t.Fatalf("token %+v, %v, want %+v", made, err, tt)
		}
		if ends := made.CreatedAt.Add(tt.lasts); tt.lasts == 0 != made.ExpiresAt.IsZero() || tt.lasts != 0 && !made.ExpiresAt.Equal(ends) {
			t.Errorf("token expires at %v, want %v", made.ExpiresAt, ends)
		}
		r.get(page)
		r.shows(200, made.ID)
		if strings.Contains(r.page, text) || strings.Contains(e.log.String(), text) {
			t.Error("the token is shown twice, or logged")
		}
		revoke := page + "/tokens/" + made.ID + "/revoke"
		r.get(revoke)
		r.shows(200, "Revoke this token?", "are refused")
		if _, err := e.store.Token(t.Context(), made.Hash); err != nil {
			t.Fatalf("it is revoked before that was confirmed: %v", err)
		}
		confirmed := r.page
		for range 2 { // sent twice
			r.page = confirmed
			r.post(revoke)
			r.shows(200, "The token is revoked.")
		}
		if _, err := e.store.Token(t.Context(), made.Hash); err == nil {
			t.Error("it is not revoked")
		}
		r.get(revoke)
		r.shows(404)
	}
}

// TestOperatorEnters: the operator enters an account, with a way back, makes
// links for its customer and ends them; whoever leaves the operator's pages has
// left those of the account too, unless he came there by a link of it.
func TestOperatorEnters(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, operator, webhook.AllRights)
	customer := e.newReader(t)
	r.get("/portal/operator/accounts/squake:acme/links/new")
	r.post("/portal/operator/accounts/squake:acme/links", "rights", "read", "lasts", "1h")
	r.shows(200, "This link is shown once", "It is good once, until ")
	link := between(r.page, `class="key">`, "<")
	customer.get(strings.TrimPrefix(link, e.URL))
	customer.shows(200, "squake:acme", ">see<", "in 59 min")
	customer.post("/portal/enter", "link", strings.ReplaceAll(between(customer.page, `name="link" value="`, `"`), "&#43;", "+"))
	customer.shows(200, "read only")
	if strings.Contains(customer.page, "All accounts") {
		t.Error("a customer is shown the way to all accounts")
	}
	r.get("/portal/operator/accounts/squake:acme")
	r.post("/portal/operator/accounts/squake:acme/links", "rights", "write")
	r.shows(422, "Choose one of these.")
	r.get("/portal/operator/accounts/squake:acme")
	r.post("/portal/operator/accounts/squake:acme/enter")
	r.shows(200, "No webhooks yet", "squake:acme", `<a href="/portal/operator/accounts">All accounts</a>`)
	if r.path != "/portal/webhooks" {
		t.Errorf("entered at %s", r.path)
	}
	r.get("/portal/operator/accounts/squake:acme/links/end")
	r.shows(200, "End all links and sessions?", "is out at once")
	customer.get("/portal/webhooks")
	customer.shows(200)
	for _, path := range []string{"/portal/operator/accounts/squake:acme/links/end", "/portal/operator/accounts/squake:acme/tokens/new"} {
		if r.get(path); strings.Contains(r.page, ">All accounts<") {
			t.Errorf("%s has a way back to all accounts", path)
		}
	}
	r.post("/portal/operator/accounts/squake:acme/links/end")
	r.shows(200, "All links and sessions have ended.")
	for _, out := range []*reader{customer, r} {
		out.get("/portal/webhooks")
		out.shows(403, "You are not in the portal", "Ask whoever offers these webhooks")
	}
	for _, account := range []string{"squake:acme", "shoptet:315185-myaddon"} {
		r.get("/portal/operator/accounts/" + account)
		r.post("/portal/operator/accounts/" + account + "/enter")
		r.shows(200, account)
	}
	r.get("/portal/operator/accounts")
	r.post("/portal/operator/leave")
	r.shows(200, "You have left")
	for _, path := range []string{"/portal/webhooks", "/portal/operator/accounts"} {
		r.get(path)
		r.shows(403, "You are not in the portal")
	}
	r.shows(403, "hookline portal open --operator")
	own := e.ways.open(t, squakeAccount, webhook.AllRights)
	r.post("/portal/enter", "link", own)
	again := e.ways.open(t, operator, webhook.AllRights)
	r.post("/portal/operator/enter", "link", again)
	r.post("/portal/operator/leave")
	r.get("/portal/webhooks")
	r.shows(200, "squake:acme")
}

// TestOperatorEntersAnew: a session of an account ends when the operator enters
// his own pages anew. It had the rights of the former session.
func TestOperatorEntersAnew(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := e.enter(t, operator, webhook.AllRights)
	r.get("/portal/operator/accounts/squake:acme")
	r.post("/portal/operator/accounts/squake:acme/enter")
	r.shows(200, "squake:acme")
	entered := webhook.NewSecret(r.sessions()["hookline"])
	r.post("/portal/operator/enter", "link", e.ways.open(t, operator, webhook.Read))
	r.shows(200, "read only")
	if _, err := e.ways.Session(t.Context(), entered); !errors.Is(err, access.ErrNoSession) {
		t.Errorf("the session of the account: %v, want none", err)
	}
	if former, there := r.sessions()["hookline"]; there {
		t.Errorf("the browser keeps %.16s", former)
	}
}

// TestFailing: what fails or is disabled is listed over all accounts of an API,
// the longest first, by pages.
func TestFailing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := e.enter(t, operator, webhook.AllRights)
	r.get("/portal/operator/failing")
	r.shows(200, "No webhook of squake fails")
	for i := range 25 {
		a := []webhook.Account{shoptetAccount, {API: "shoptet", ID: "999-other"}}[i%2]
		w := webhook.Webhook{Account: a, Event: fmt.Sprintf("order:%02d", i), ID: fmt.Sprint(100 + i), RequestID: fmt.Sprint(i), URL: "https://example.com/" + fmt.Sprint(i), Version: 1, CreatedAt: now.Add(-48 * time.Hour), Statistics: webhook.Statistics{
			LastFailedAt: now, FailedAttempts: 1, Since: now.Add(time.Duration(i-100) * time.Minute), LastStatus: 503}}
		if i == 3 {
			w.Disabled, w.DisabledReason, w.DisabledAt = true, "answered 410", now.Add(-97*time.Minute)
		}
		if _, err := e.store.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			t.Fatal(err)
		}
	}
	r.get("/portal/operator/failing?api=shoptet")
	r.shows(200, "order:00", "order:19", "https://example.com/19", "the last answer was 503", "answered 410", `href="/portal/operator/accounts/shoptet:999-other"`, "Further")
	if strings.Index(r.page, "order:00") > strings.Index(r.page, "order:01") || strings.Contains(r.page, "order:20") {
		t.Errorf("not the longest first:\n%s", r.page)
	}
	r.get(strings.ReplaceAll(between(between(r.page, `class="pages"`, "</nav>"), `href="`, `"`), "&amp;", "&"))
	r.shows(200, "order:20", "order:24", "Back")
	for _, query := range []string{"?api=nothing", "?api=shoptet&after=nonsense"} {
		r.get("/portal/operator/failing" + query)
		r.shows(404, "There is nothing here", "See the accounts")
	}
}

// TestOperatorIsNotFramed: the operator's pages are in no frame, whatever the
// pages of accounts are.
func TestOperatorIsNotFramed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	settings, err := portal.ReadSettings(func(name string) string {
		return map[string]string{"HOOKLINE_PORTAL_FRAME_ANCESTORS": "https://app.example.com"}[name]
	}, "https://hooks.example.com")
	if err != nil {
		t.Fatal(err)
	}
	setup := api.Setup{Keys: keygen.New(strings.NewReader(strings.Repeat("x", 999)), time.Now), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	w := httptest.NewRecorder()
	portal.NewOperator(e.operatorConfig(setup, settings)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://hooks.example.com/portal/operator/accounts", nil))
	if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusForbidden || !strings.HasSuffix(policy, "frame-ancestors 'none'") {
		t.Errorf("status %d, policy %s", w.Code, policy)
	}
}
