package deploytest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/visitor"
	"github.com/hookline/hookline/pkg/webhook"
)

func (s *stack) visitor(t *testing.T) *visitor.Visitor {
	t.Helper()
	return visitor.New(t, visitor.Config{
		Home: url.URL{Scheme: "https", Host: domain}, Logs: s.emulator.functionLogs,
		Send: func(method, target, form string, cookies []*http.Cookie) visitor.Response {
			return s.browse(t, method, target, form, cookies)
		},
	})
}

// browse sends a request of a visitor, to the domain that links name, by way of
// the emulator's gateway.
func (s *stack) browse(t *testing.T, method, target, form string, cookies []*http.Cookie) visitor.Response {
	t.Helper()
	r := s.request(t, method, target, http.Header{}, form)
	if method == http.MethodPost {
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}}
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	client := *s.emulator.client
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return visitor.Response{Status: response.StatusCode, Page: string(body), Location: response.Header.Get("Location"), Cookies: response.Cookies()}
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
	operator.Enter(s.operate(t, "portal", "open", "--operator"))
	operator.Post("/portal/operator/accounts", "api", string(c.account.API), "id", c.account.ID)
	operator.Shows(http.StatusOK, c.account.String())

	v, link := s.visitor(t), s.operate(t, "portal", "open", "--account", c.account.String())
	v.Enter(link)
	v.Shows(http.StatusOK, "No webhooks yet", c.account.String())
	v.Post("/portal/webhooks", "event", c.events[0], "url", c.site+c.path)
	v.Shows(http.StatusOK, "This signing key is shown once")
	c.shown = v.Between(`class="key">`, "<")
	v.Get("/portal/test")
	v.Post("/portal/test", "event", c.events[0])
	v.Shows(http.StatusOK, "The sample is on its way.")
	c.verify(t, r.next(t))
	s.areFinished(t, []*customer{c})
	v.Get(v.Path)
	v.Shows(http.StatusOK, "delivered (test)", "Attempt 1 succeeded")
	v.Post("/portal/leave")
	for _, path := range []string{"/portal/webhooks", strings.TrimPrefix(link, "https://"+domain)} {
		v.Get(path)
		v.Shows(http.StatusForbidden, "Ask who")
	}

	operator.Post("/portal/operator/accounts/" + c.account.String() + "/enter")
	operator.Shows(http.StatusOK, c.events[0], "never called")
	s.without(t, "Portal", "webhooks", "A##", "A#elsewhere#", func() {
		operator.Get("/portal/webhooks")
		operator.Shows(http.StatusInternalServerError, "Something went wrong on our side")
	})
}
