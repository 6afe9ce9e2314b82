package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api/all"
)

// publishedTo publishes an event to the demo account of an API, by the data.
func publishedTo(t testing.TB, where dataDir, account, event, instance string) {
	t.Helper()
	args := []string{"publish", "--account", account, "--event", event, "--payload", `{"n":1}`}
	if instance != "" {
		args = append(args, "--instance", instance)
	}
	contains(t, where.run(t, args...), "accepted")
}

// webhooksOf are the webhooks of an account.
func webhooksOf(t testing.TB, where dataDir, account string) (list []webhookResult) {
	t.Helper()
	decode(t, where.run(t, "webhook", "list", "--account", account, "--json"), &list)
	return list
}

// For each API, by the data and through the API, listen registers itself, has
// the key, passes on what it verified, and takes its webhook back.
func TestListenForAnAccount(t *testing.T) {
	t.Parallel()
	for _, way := range ways() {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			where := dataDir{data: t.TempDir()}
			s := boot(t, where.data, "--dev")
			flags, getenv := where.flags(), noSettings
			if way != "data" {
				reached := reachBy(t, way, s)
				flags, getenv = append(reached.flags, "--data", filepath.Join(t.TempDir(), "none")), reached.getenv
			}
			app := openSite(t)
			app.status.Store(http.StatusAccepted)
			for _, api := range all.APIs() {
				account, err := api.DemoAccount()
				if err != nil {
					t.Fatal(err)
				}
				listenForAccount(t, where, account.String(), api.Example.Event, api.Example.Instance, way, getenv, app, flags)
			}
		})
	}
}

func listenForAccount(t *testing.T, where dataDir, account, event, instance, way string, getenv func(string) string, app *site, flags []string) {
	t.Helper()
	args := append([]string{"--json", "--account", account, "--event", event, "--forward-to", app.url + "/hooks"}, flags...)
	if instance != "" && way != "data" { // Shoptet, whose keys belong to accounts
		var out strings.Builder
		err := testProgram(getenv, &out, &out).run(t.Context(), append([]string{"hookline", "listen", "--listen", "127.0.0.1:0"}, args...))
		if !errors.Is(err, errKeyUnknown) || out.Len() > 0 {
			t.Errorf("%v, and %q; want %v", err, out.String(), errKeyUnknown)
		}
		return
	}
	l := startListenWith(t, getenv, args...)
	list := webhooksOf(t, where, account)
	if len(list) != 1 || list[0].Event != event || !strings.HasPrefix(list[0].URL, l.url+ownPath) {
		t.Fatalf("registered %+v at %s", list, l.url)
	}
	publishedTo(t, where, account, event, instance)
	if got := l.next(t); !got.Verified || got.Status != http.StatusAccepted || got.Forward != app.url+"/hooks" {
		t.Errorf("%s: shown %+v", account, got)
	}
	if got := <-app.arrivals; got.path != "/hooks" {
		t.Errorf("%s: passed on to %s", account, got.path)
	}
	if err := l.stop(); err != nil {
		t.Error(err)
	}
	if list := webhooksOf(t, where, account); len(list) != 0 {
		t.Errorf("%s: listen left %+v", account, list)
	}
}

// A webhook that is there stays, whoever has it.
func TestListenReplacesNone(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	mustRespond(t, http.StatusCreated, "POST", s.URL+"/v2/webhooks", `{"kind":"order","endpoint_url":"http://127.0.0.1:1/theirs"}`,
		"Authorization: Bearer "+s.token(t, "squake"))
	l := startListen(t, append(where.flags(), "--account", "abbeycross:demo", "--event", "a.b")...)
	before := webhooksOf(t, where, "squake:demo")
	for _, tt := range []struct {
		code          int
		account, want string
	}{
		{exitFailed, "squake:demo --event order", "order of squake:demo has a webhook already: " + before[0].ID + ", to http://127.0.0.1:1/theirs; it stays"},
		{exitFailed, "abbeycross:demo --event a.b", "another hookline listen receives a.b of abbeycross:demo"},
		{exitFailed, "squake:nobody --event order", "there is no account squake:nobody"},
		{exitFailed, "squake:demo --event none", "must be one of order"},
		{exitUsage, "squake:demo", "--account and --event: give both"},
		{exitUsage, "nobody --event order", "account"},
		{exitUsage, "squake:demo --event order --forward-to localhost:3000", "--forward-to: "},
		{exitUsage, "squake:demo --event order --forward-to http://localhost:3000 --status 500", "your app responds"},
	} {
		args := append([]string{"hookline", "listen", "--listen", "127.0.0.1:0", "--account"}, strings.Fields(tt.account)...)
		contains(t, fails(t, tt.code, append(args, where.flags()...)...), tt.want)
	}
	if after := webhooksOf(t, where, "squake:demo"); len(after) != 1 || after[0] != before[0] {
		t.Errorf("%+v became %+v", before, after)
	}
	if list := webhooksOf(t, where, "abbeycross:demo"); len(list) != 1 || !strings.HasPrefix(list[0].URL, l.url) {
		t.Errorf("the first has %+v", list)
	}
}

// What a killed one left is taken over by the next, under another port and with
// another key; no key is in a file of its own.
func TestListenTakesOverItsOwn(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	boot(t, where.data, "--dev")
	args := append(where.flags(), "--account", "squake:demo", "--event", "order", "--json")
	command := exec.CommandContext(t.Context(), "hookline", append([]string{"listen", "--listen", "127.0.0.1:0"}, args...)...)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addressIn(t, line)
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // killed
	left := webhooksOf(t, where, "squake:demo")
	if len(left) != 1 {
		t.Fatalf("it left %+v", left)
	}

	l := startListen(t, args...)
	now := webhooksOf(t, where, "squake:demo")
	if len(now) != 1 || now[0].ID == left[0].ID || !strings.HasPrefix(now[0].URL, l.url) || !strings.HasSuffix(now[0].URL, left[0].URL[len(left[0].URL)-26:]) {
		t.Errorf("%+v became %+v", left, now)
	}
	publishedTo(t, where, "squake:demo", "order", "")
	if got := l.next(t); !got.Verified {
		t.Errorf("shown %+v", got)
	}
	files, err := filepath.Glob(filepath.Join(where.data, ownDir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		text, readErr := os.ReadFile(path)
		if err != nil || readErr != nil || info.Mode().Perm() != 0o600 || len(text) > 0 && !strings.HasSuffix(now[0].URL, string(text)) {
			t.Errorf("%s: %v %v %v, %q", path, info, err, readErr, text)
		}
	}
}

// A webhook that was changed by its customer meanwhile is no longer listen's.
func TestListenLeavesWhatWasChanged(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	l := startListen(t, append(where.flags(), "--account", "squake:demo", "--event", "order")...)
	id := webhooksOf(t, where, "squake:demo")[0].ID
	mustRespond(t, http.StatusOK, "PUT", s.URL+"/v2/webhooks/"+id, `{"endpoint_url":"http://127.0.0.1:1/theirs"}`, "Authorization: Bearer "+s.token(t, "squake"))
	if err := l.stop(); err != nil {
		t.Error(err)
	}
	if list := webhooksOf(t, where, "squake:demo"); len(list) != 1 || list[0].URL != "http://127.0.0.1:1/theirs" {
		t.Errorf("left %+v", list)
	}
}

// A key that an account has already is the one that verifies, and is not renewed.
func TestListenUsesTheAccountsKey(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	var renewed struct{ Data struct{ SignatureKey string } }
	decode(t, mustRespond(t, http.StatusOK, "POST", s.URL+"/api/webhooks/renew-signature-key", "", "Shoptet-Access-Token: "+s.token(t, "shoptet")), &renewed)
	own := startListen(t, append(where.flags(), "--account", "shoptet:1", "--event", "order:create", "--json")...)
	app := startListen(t, "--json", "--key", renewed.Data.SignatureKey)
	mustRespond(t, http.StatusCreated, "POST", s.URL+"/api/webhooks", `{"data":[{"event":"order:update","url":"`+app.url+`"}]}`, "Shoptet-Access-Token: "+s.token(t, "shoptet"))
	for event, l := range map[string]*receiving{"order:create": own, "order:update": app} {
		publishedTo(t, where, "shoptet:1", event, "1")
		if got := l.next(t); !got.Verified {
			t.Errorf("%s is shown as %+v", event, got)
		}
	}
}

// The registration is made with ctx, and taken back without.
func TestListenStopsWhileItRegisters(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	boot(t, where.data, "--dev")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	args := append([]string{"hookline", "listen", "--listen", "127.0.0.1:0", "--account", "squake:demo", "--event", "order"}, where.flags()...)
	if err := testProgram(noSettings, &out, &out).run(ctx, args); err == nil {
		t.Error("it registered")
	}
	if list := webhooksOf(t, where, "squake:demo"); len(list) != 0 {
		t.Errorf("left %+v", list)
	}
}
