package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program of docs/signup signs up a customer and delivers an event, with a
// token and with signed requests.
func TestSignUpProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "signup")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../docs/signup").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	throughTheAPI(t, func(t *testing.T, way string) {
		site := openSite(t)
		s := boot(t, t.TempDir(), "--allow-http", "--allow-private")
		r := reachBy(t, way, s)
		command := exec.CommandContext(t.Context(), program, "squake:acme", site.url+"/in")
		command.Env = append(os.Environ(), "HOOKLINE_URL="+r.flags[1])
		for name, value := range r.environment {
			command.Env = append(command.Env, name+"="+value)
		}
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("signup: %v\n%s", err, out)
		}
		got := site.next(t)
		if !strings.Contains(got.body, `{"number":17}`) || string(out) != got.header.Get("Webhook-Id")+" order delivered <nil>\n" {
			t.Errorf("received %s, and the program printed %s", got.body, out)
		}
		site.nothingMore(t)
	})
}
