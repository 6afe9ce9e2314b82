package deploytest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// startFront stands before the emulator, whose names of APIs no resolver knows.
// It passes requests on to the stack's API; stacks it describes as the emulator
// does, with itself as the API's address. It serves as long as the emulator does:
// the stack may outlive the part of the test that deployed it.
func (s *stack) startFront(t *testing.T) {
	t.Helper()
	recipient, err := url.Parse(s.emulator.url())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	s.front = "http://" + server.Listener.Addr().String()
	describes := func(r *http.Request) bool { return r.URL.Path == "/" }
	server.Config.Handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(recipient)
			if !describes(r.In) {
				r.Out.Host = s.resources["Api"] + ".execute-api." + s.emulator.address
			}
		},
		ModifyResponse: func(r *http.Response) error {
			public := s.outputs["OperatorUrl"]
			if !describes(r.Request) || public == "" {
				return nil
			}
			text, err := io.ReadAll(r.Body)
			text = bytes.ReplaceAll(text, []byte(public), []byte(s.front+"/operator"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("Content-Length", strconv.Itoa(len(text)))
			return err
		},
	}
	server.Start()
	s.emulator.cleanup(server.Close)
}

// isSignedUp has the program of docs/signup sign up a customer, whom it sends an
// event, and recover one that a 410 cost; requests are signed.
func (r *receiver) isSignedUp(t *testing.T, s *stack, _ []*customer) {
	program := filepath.Join(t.TempDir(), "signup")
	mustRun(t, root(t), os.Environ(), "go", "build", "-o", program, "./docs/signup")
	signup := func(args ...string) string {
		t.Helper()
		return mustRun(t, s.emulator.dir, append(s.environment(), "HOOKLINE_URL="+s.front), program, args...)
	}
	c := &customer{api: squake, account: webhook.Account{API: squake.name, ID: "signed-up"}, site: r.url}
	out := signup(c.account.String(), c.site+c.path)
	got := r.next(t)
	if !strings.Contains(string(got.body), `{"number":17}`) || !strings.HasPrefix(out, got.header.Get("Webhook-Id")+" order delivered") {
		t.Errorf("received %s, and the program printed %s", got.body, out)
	}

	r.disables(t, s, c, "outage")
	s.enable(t, c)
	out = "recovered 0\n"
	for out == "recovered 0\n" { // as it does what was attempted less than a second ago
		out = signup(c.account.String())
	}
	if out != "recovered 1\n" {
		t.Errorf("after an outage the program printed %s", out)
	}
	if got := r.next(t); !strings.Contains(string(got.body), `"outage"`) {
		t.Errorf("received %s", got.body)
	}
	s.areFinished(t, []*customer{c})
}
