// Package visitor opens the pages of a portal as a browser without scripts
// does: it keeps cookies, sends forms, and follows where it is led.
package visitor

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Response is what came of a request. Location is empty unless it leads on.
type Response struct {
	Status         int
	Page, Location string
	Cookies        []*http.Cookie
}

// Config says where a visitor goes.
type Config struct {
	// Home is the origin that links name.
	Home url.URL
	// Send makes a request. A POST has a form.
	Send func(method, target, form string, cookies []*http.Cookie) Response
	// Logs is what is told beside a page that is not as it should be. It may be
	// nil.
	Logs func() string
}

// Visitor is at one page at a time.
type Visitor struct {
	*testing.T
	cfg Config
	jar http.CookieJar
	// Page is the latest one, Status its status, and Path where it is.
	Page, Path string
	Status     int
}

// New returns a visitor without cookies.
func New(t *testing.T, cfg Config) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{T: t, cfg: cfg, jar: jar}
}

func (v *Visitor) do(method, target, form string) {
	v.Helper()
	home := v.cfg.Home.ResolveReference(&url.URL{Path: "/"})
	response := v.cfg.Send(method, target, form, v.jar.Cookies(home))
	v.jar.SetCookies(home, response.Cookies)
	v.Page, v.Status, v.Path = response.Page, response.Status, target
	if response.Location != "" {
		v.Get(response.Location)
	}
}

// Get opens a page.
func (v *Visitor) Get(target string) { v.Helper(); v.do(http.MethodGet, target, "") }

// Post sends a form of pairs, with the token of the latest page.
func (v *Visitor) Post(target string, pairs ...string) {
	v.Helper()
	form := url.Values{"form_token": {v.Between(`name="form_token" value="`, `"`)}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	v.do(http.MethodPost, target, form.Encode())
}

// Between returns what stands between two texts of the page.
func (v *Visitor) Between(before, after string) string {
	_, rest, _ := strings.Cut(v.Page, before)
	found, _, _ := strings.Cut(rest, after)
	return html.UnescapeString(found)
}

// Shows fails the test unless the page has the status and all texts.
func (v *Visitor) Shows(status int, texts ...string) {
	v.Helper()
	for _, text := range texts {
		if v.Status == status && strings.Contains(v.Page, text) {
			continue
		}
		logs := ""
		if v.cfg.Logs != nil {
			logs = v.cfg.Logs()
		}
		v.Fatalf("%s: %d without %q, want %d\n%s\n%s", v.Path, v.Status, text, status, v.Page, logs)
	}
}

// Enter uses a link up.
func (v *Visitor) Enter(link string) {
	v.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != v.cfg.Home.Host {
		v.Fatalf("link %s, %v: want one to https://%s", link, err, v.cfg.Home.Host)
	}
	v.Get(u.RequestURI())
	v.Shows(http.StatusOK, "Link expires")
	v.Post(u.Path, "link", u.Query().Get("link"))
}
