package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// Each way of reaching the data triggers a sample of each API to whoever
// listens, and tells what came of it.
func TestTrigger(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	for _, api := range all.APIs() {
		account, err := api.DemoAccount()
		if err != nil {
			t.Fatal(err)
		}
		l := startListen(t, append(where.flags(), "--json", "--account", account.String(), "--event", api.Example.Event)...)
		for _, way := range ways() {
			reached := &reach{flags: where.flags()}
			if way != "data" {
				reached = reachBy(t, way, s)
			}
			out, said, err := reached.run(t, unchanged, "trigger", string(api.Name), api.Example.Event, "--wait", "--json")
			var got triggerResult
			if err != nil {
				t.Fatalf("%s by %s: %v %s", api.Name, way, err, said)
			}
			decode(t, out, &got)
			shown := l.next(t)
			if got.Status != "accepted" || got.Result == nil || got.Result.Status != webhook.StatusDelivered.String() || got.Result.Code != http.StatusOK ||
				shown.ID != got.Delivery || !shown.Verified {
				t.Errorf("%s by %s: %s, shown as %+v", api.Name, way, out, shown)
			}
			if body := string(shown.Body); len(body) < 60 {
				t.Errorf("%s by %s: the sample is %s", api.Name, way, body)
			}
		}
	}
}

func TestTriggerTells(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	c.status.Store(http.StatusTeapot)
	mustRespond(t, http.StatusCreated, "POST", s.URL+"/v2/webhooks", `{"kind":"order","endpoint_url":"`+c.url+`/in"}`, "Authorization: Bearer "+s.token(t, "squake"))
	for _, tt := range []struct {
		code       int
		args, want string
	}{
		{exitFailed, "squake order --wait", "to " + c.url + "/in: answered 418"},
		{exitFailed, "squake certificate_document_available", "listen --account squake:demo --event certificate_document_available"},
		{exitFailed, "squake none", "the event was rejected: "},
		{exitFailed, "squake order --account squake:nobody", "there is no account squake:nobody"},
		{exitUsage, "squake order --account shoptet:1", "is no account of squake"},
		{exitUsage, "squake --wait", "give an event"},
		{exitUsage, "squake order --list", "give the API only"},
		{exitUsage, "squake order --timeout 0s", "--timeout"},
		{exitUsage, "none", "must be one of"},
	} {
		args := append([]string{"hookline", "trigger"}, strings.Fields(tt.args)...)
		contains(t, fails(t, tt.code, append(args, where.flags()...)...), tt.want)
	}
	for _, api := range all.APIs() {
		events := strings.Fields(where.run(t, "trigger", string(api.Name)))
		var list []string
		decode(t, where.run(t, "trigger", string(api.Name), "--list", "--json"), &list)
		if len(events) < 3 || strings.Join(events, " ") != strings.Join(list, " ") {
			t.Errorf("%s has %q, %q", api.Name, events, list)
		}
	}
}

// Without a server no attempt comes, and the waiting ends.
func TestTriggerWithoutServer(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	s := boot(t, where.data, "--dev")
	mustRespond(t, http.StatusCreated, "POST", s.URL+"/v2/webhooks", `{"kind":"order","endpoint_url":"http://127.0.0.1:1/in"}`, "Authorization: Bearer "+s.token(t, "squake"))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"hookline", "trigger", "squake", "order", "--wait", "--timeout", "1ms"}, where.flags()...)
	contains(t, fails(t, exitFailed, args...), "was not attempted within 1ms; does a server run on this data?")
}
