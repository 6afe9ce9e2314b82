package deploytest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// visitor is a browser without scripts at a stack's portal. It keeps cookies and
// sends forms.
type visitor struct {
	*testing.T
	stack *stack
	jar   http.CookieJar
	// page is the latest one, status its status, and path where it is.
	page, path string
	status     int
}

func (s *stack) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{T: t, stack: s, jar: jar}
}

// do sends a request to the domain that links name, by way of the emulator's
// gateway, and follows where it leads.
func (v *visitor) do(method, target, form string) {
	v.Helper()
	home := &url.URL{Scheme: "https", Host: domain, Path: "/"}
	r := v.stack.request(v.T, method, target, http.Header{}, form)
	if method == http.MethodPost {
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}}
	}
	for _, c := range v.jar.Cookies(home) {
		r.AddCookie(c)
	}
	client := *v.stack.emulator.client
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	v.jar.SetCookies(home, response.Cookies())
	v.page, v.status, v.path = string(body), response.StatusCode, target
	if to := response.Header.Get("Location"); to != "" {
		v.do(http.MethodGet, to, "")
	}
}

func (v *visitor) get(target string) { v.Helper(); v.do(http.MethodGet, target, "") }

// post sends a form of pairs, with the token of the latest page.
func (v *visitor) post(target string, pairs ...string) {
	v.Helper()
	form := url.Values{"form_token": {v.between(`name="form_token" value="`, `"`)}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	v.do(http.MethodPost, target, form.Encode())
}

// between returns what stands between two texts of the page.
func (v *visitor) between(before, after string) string {
	_, rest, _ := strings.Cut(v.page, before)
	found, _, _ := strings.Cut(rest, after)
	return html.UnescapeString(found)
}

// shows fails the test unless the page has the status and all texts.
func (v *visitor) shows(status int, texts ...string) {
	v.Helper()
	for _, text := range texts {
		if v.status != status || !strings.Contains(v.page, text) {
			v.Fatalf("%s: %d without %q, want %d\n%s\n%s", v.path, v.status, text, status, v.page, v.stack.emulator.functionLogs())
		}
	}
}

// enter uses a link up.
func (v *visitor) enter(link string) {
	v.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != domain {
		v.Fatalf("link %s, %v: want one to https://%s", link, err, domain)
	}
	v.get(u.RequestURI())
	v.shows(http.StatusOK, "Link expires")
	v.post(u.Path, "link", u.Query().Get("link"))
}

// hasAPortal has the operator enter by a link and create an account, and its
// customer enter by another, register, send a test, see it arrive, and leave. A
// link is good once.
func (r *receiver) hasAPortal(t *testing.T, s *stack, _ []*customer) {
	if got := s.outputs["PortalUrl"]; got != "https://"+domain+"/portal" {
		t.Errorf("output PortalUrl is %s", got)
	}
	c := &customer{api: squake, account: webhook.Account{API: squake.name, ID: "visited"}, site: r.url}
	operator := s.visitor(t)
	operator.enter(s.operate(t, "portal", "open", "--operator"))
	operator.post("/portal/operator/accounts", "api", string(c.account.API), "id", c.account.ID)
	operator.shows(http.StatusOK, c.account.String())

	v, link := s.visitor(t), s.operate(t, "portal", "open", "--account", c.account.String())
	v.enter(link)
	v.shows(http.StatusOK, "No webhooks yet", c.account.String())
	v.post("/portal/webhooks", "event", c.events[0], "url", c.site+c.path)
	v.shows(http.StatusOK, "This signing key is shown once")
	c.shown = v.between(`class="key">`, "<")
	v.get("/portal/test")
	v.post("/portal/test", "event", c.events[0])
	v.shows(http.StatusOK, "The sample is on its way.")
	c.verify(t, r.next(t))
	s.areFinished(t, []*customer{c})
	v.get(v.path)
	v.shows(http.StatusOK, "delivered (test)", "Attempt 1 succeeded")
	v.post("/portal/leave")
	for _, path := range []string{"/portal/webhooks", strings.TrimPrefix(link, "https://"+domain)} {
		v.get(path)
		v.shows(http.StatusForbidden, "Ask who")
	}

	operator.post("/portal/operator/accounts/" + c.account.String() + "/enter")
	operator.shows(http.StatusOK, c.events[0], "never called")
	s.without(t, "Portal", "webhooks", "A##", "A#elsewhere#", func() {
		operator.get("/portal/webhooks")
		operator.shows(http.StatusInternalServerError, "Something went wrong on our side")
	})
}
