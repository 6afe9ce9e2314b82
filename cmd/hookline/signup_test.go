package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program of docs/signup signs up a customer, delivers an event, and recovers
// what a 410 cost, with a token and with signed requests.
func TestSignUpProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "signup")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../docs/signup").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	throughTheAPI(t, func(t *testing.T, way string) {
		site := openSite(t)
		s := boot(t, t.TempDir(), "--allow-http", "--allow-private")
		r := reachBy(t, way, s)
		signup := func(args ...string) string {
			t.Helper()
			command := exec.CommandContext(t.Context(), program, args...)
			command.Env = append(os.Environ(), "HOOKLINE_URL="+r.flags[1], "HOOKLINE_TOKEN="+r.environment["HOOKLINE_TOKEN"])
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("signup: %v\n%s", err, out)
			}
			return string(out)
		}
		out := signup("squake:acme", site.url+"/in")
		got := site.next(t)
		if !strings.Contains(got.body, `{"number":17}`) || out != got.header.Get("Webhook-Id")+" order delivered <nil>\n" {
			t.Errorf("received %s, and the program printed %s", got.body, out)
		}

		on := func(args ...string) string {
			t.Helper()
			out, _, err := r.run(t, unchanged, append(args, "--account", "squake:acme")...)
			if err != nil {
				t.Fatalf("%s: %v", args, err)
			}
			return out
		}
		site.status.Store(http.StatusGone)
		id := strings.TrimPrefix(on("publish", "--event", "order"), "accepted ")
		lost := site.next(t)
		failed := awaitDelivery(t, on, id, func(d deliveryDetails) bool { return d.Status == "failed" })
		site.status.Store(http.StatusOK)
		on("webhook", "enable", failed.Webhook)
		out = "recovered 0\n"
		for out == "recovered 0\n" { // as it does what was attempted less than a second ago
			out = signup("squake:acme")
		}
		if out != "recovered 1\n" {
			t.Errorf("after an outage the program printed %s", out)
		}
		if again := site.next(t); again.header.Get("Webhook-Id") != id || again.body != lost.body {
			t.Errorf("%s came again as %s", lost.body, again.body)
		}
		site.nothingMore(t)
	})
}
