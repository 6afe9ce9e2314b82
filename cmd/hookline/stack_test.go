package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/signed"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/webhook"
)

// describedStacks stands in for CloudFormation's DescribeStacks (AWS
// CloudFormation API Reference), with the outputs of stacks by their names.
func describedStacks(t *testing.T, stacks map[string]map[string]string, note func(stack string)) {
	t.Helper()
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		name := r.FormValue("StackName")
		if r.FormValue("Action") != "DescribeStacks" {
			t.Errorf("CloudFormation was asked for %q", r.Form)
		}
		note(name)
		outputs, found := stacks[name]
		if !found {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>`+
				`<Message>Stack with id nothing does not exist</Message></Error><RequestId>1</RequestId></ErrorResponse>`)
			return
		}
		var members strings.Builder
		for key, value := range outputs {
			fmt.Fprintf(&members, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
		}
		_, _ = fmt.Fprint(w, `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>`+
			`<StackName>`+name+`</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-01-15T10:30:00Z</CreationTime>`+
			`<Outputs>`+members.String()+`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`)
	}))
	t.Cleanup(fake.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", fake.URL)
}

// TestStack finds a stack's API by its outputs. Requests are signed for the
// region that the stack says.
func TestStack(t *testing.T) {
	s := boot(t, t.TempDir())
	r := reachBy(t, "sigv4", s)
	t.Setenv("AWS_REGION", "us-east-1")
	describedStacks(t, map[string]map[string]string{
		"prod":  {outputOperatorURL: r.flags[1] + "/operator", outputRegion: signed.Region},
		"other": {"Bucket": "b"},
	}, func(string) {})
	r.flags = []string{"--stack", "prod"}
	if out, said, err := r.run(t, unchanged, "account", "create", "abbeycross:fleet-7"); err != nil || out != "created abbeycross:fleet-7" || said != "" {
		t.Errorf("account create: %q, %q, %v", out, said, err)
	}
	if out, _, err := r.run(t, unchanged, "token", "create", "--account", "abbeycross:fleet-7"); err != nil || !strings.HasPrefix(out, "hk_") {
		t.Errorf("token create: %v", err)
	}
	contains(t, fails(t, exitFailed, "hookline", "account", "create", "abbeycross:fleet-7", "--stack", "prod"), "abbeycross:fleet-7 already exists")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "nothing"), "Stack with id nothing does not exist", "AWS_REGION")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "other"), "other", "no output OperatorUrl")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--stack", "prod"), "403", "execute-api:Invoke")
}

// taken notes the rights that commands take on a stack.
type taken struct {
	mu    sync.Mutex
	lines map[string]bool
}

func (r *taken) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines[line] = true
}

// The operator's policy has the rights that the commands take on a stack, and
// no other: of the API, all of it.
func TestOperatorPolicy(t *testing.T) {
	const invoke = "execute-api:Invoke on arn:aws:execute-api:REGION:ACCOUNT:API_ID/$default/"
	site := openSite(t)
	s := boot(t, t.TempDir(), "--allow-http", "--allow-private")
	r := reachBy(t, "sigv4", s)
	recorded := &taken{lines: map[string]bool{}}
	r.note = func(method, path string) {
		switch {
		case method == http.MethodPost && path == "/events":
			recorded.add(invoke + "POST/events")
		case strings.HasPrefix(path, "/operator/"):
			recorded.add(invoke + "*/operator/*")
		default:
			recorded.add(method + " " + path)
		}
	}
	describedStacks(t, map[string]map[string]string{"prod": {outputOperatorURL: r.flags[1] + "/operator", outputRegion: signed.Region}}, func(stack string) {
		recorded.add("cloudformation:DescribeStacks on arn:aws:cloudformation:REGION:ACCOUNT:stack/" + strings.ReplaceAll(stack, "prod", "STACK") + "/*")
	})
	r.flags = []string{"--stack", "prod"}
	run := func(args ...string) string {
		t.Helper()
		out, _, err := r.run(t, unchanged, args...)
		if err != nil {
			t.Errorf("%s: %v", args, err)
		}
		return out
	}
	signUp(t, s, site, run)
	run("account", "delete", "squake:acme")

	if diff := cmp.Diff(slices.Sorted(maps.Keys(recorded.lines)), granted(t)); diff != "" {
		t.Errorf("rights (-taken by the commands +infra/policies/operator.json):\n%s", diff)
	}
}

// granted are the rights of the operator's policy.
func granted(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("../../infra/policies/operator.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct{ Action, Resource []string }
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				lines = append(lines, action+" on "+resource)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// signUp runs each command that works through the API, for a customer of
// Squake's that registers a webhook at a site, and gives the customer.
func signUp(t *testing.T, s *instance, c *site, run func(...string) string) *customerOf {
	t.Helper()
	account := []string{"--account", "squake:acme"}
	on := func(args ...string) string { t.Helper(); return run(append(args, account...)...) }
	run("account", "create", "squake:acme")
	contains(t, run("account", "list"), "squake:acme")
	customer := &customerOf{api: "squake", account: "squake:acme", event: "order", path: "/in", schemes: []string{"Squake-Signature"}}
	customer.auth = "Authorization: Bearer " + on("token", "create")
	customer.register(t, s, c.url+customer.path)
	on("token", "create", "--expires", "1h")
	var tokens []tokenResult
	decode(t, on("token", "list", "--json"), &tokens)
	if len(tokens) != 2 || tokens[0].Expires != nil || tokens[1].Expires == nil {
		t.Fatalf("tokens %+v", tokens)
	}
	on("token", "revoke", tokens[1].ID)
	var webhooks []webhookResult
	decode(t, on("webhook", "list", "--json"), &webhooks)
	if len(webhooks) != 1 {
		t.Fatalf("webhooks %+v", webhooks)
	}
	customer.id = webhooks[0].ID
	contains(t, on("webhook", "disable", customer.id), "disabled "+customer.id)
	contains(t, on("publish", "--event", "order"), "held ", "is disabled")
	contains(t, on("webhook", "enable", customer.id), "enabled "+customer.id)
	contains(t, on("webhook", "show", customer.id), "state            never_called")

	c.status.Store(http.StatusInternalServerError)
	id, accepted := strings.CutPrefix(on("publish", "--event", "order", "--payload", `{"n":1.0,"s":"<&>"}`), "accepted ")
	if !accepted {
		t.Fatalf("publish: %q", id)
	}
	first := c.next(t)
	customer.verified(t, first, id)
	if !strings.Contains(first.body, `{"n":1.0,"s":"<&>"}`) {
		t.Errorf("the payload arrived as %s", first.body)
	}
	awaitDelivery(t, on, id, func(d deliveryDetails) bool { return d.Attempts == 1 })
	c.status.Store(http.StatusOK)
	if said := on("delivery", "retry", id); said != "attempt 2 of "+id+" is due now" {
		t.Errorf("delivery retry said %q", said)
	}
	customer.verified(t, c.next(t), id)
	d := awaitDelivery(t, on, id, func(d deliveryDetails) bool { return d.Status == "delivered" })
	if len(d.Log) != 2 || d.Log[0].Code != http.StatusInternalServerError || d.Log[1].Reason != "" || d.Attempts != 2 || d.Next != nil ||
		string(d.Payload) != `{"n":1.0,"s":"<&>"}` || d.Webhook != customer.id || d.URL != c.url+customer.path {
		t.Errorf("delivery show: %+v", d)
	}
	var list []deliveryResult
	decode(t, run("delivery", "list", "--json", "--status", "delivered", "--since", "1h", "--limit", "1"), &list)
	if len(list) != 1 || list[0].ID != id {
		t.Errorf("delivery list: %+v", list)
	}
	contains(t, on("webhook", "delete", customer.id), "deleted "+customer.id)
	return customer
}

// awaitDelivery shows a delivery until it is as wanted.
func awaitDelivery(t *testing.T, on func(...string) string, id string, is func(deliveryDetails) bool) (d deliveryDetails) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(timeout); !is(d); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("delivery is %+v", d)
		}
		d = deliveryDetails{}
		decode(t, on("delivery", "show", "--json", id), &d)
	}
	return d
}

// Every command of a customer's life works through the API as on data, and
// tells refusals apart as there.
func TestDeliveriesThroughTheAPI(t *testing.T) {
	t.Parallel()
	throughTheAPI(t, func(t *testing.T, way string) {
		site := openSite(t)
		s := boot(t, t.TempDir(), "--allow-http", "--allow-private")
		r := reachBy(t, way, s)
		run := func(args ...string) string {
			t.Helper()
			out, said, err := r.run(t, unchanged, args...)
			if err != nil || said != "" {
				t.Errorf("%s: %q, %v", args, said, err)
			}
			return out
		}
		customer := signUp(t, s, site, run)
		site.nothingMore(t)
		held := strings.Fields(run("delivery", "list", "--account", customer.account, "--status", "cancelled"))
		id := held[slices.Index(held, "REASON")+1]
		for want, args := range map[string][]string{
			"cannot be attempted again":                         {"delivery", "retry", id, "--account", customer.account},
			"squake:acme has no webhook":                        {"webhook", "enable", customer.id, "--account", customer.account},
			"there is no account squake:nobody; create it with": {"publish", "--account", "squake:nobody", "--event", "order"},
			"rejected: payload: must have 200 KiB at most":      {"publish", "--account", customer.account, "--event", "order", "--payload", `"` + strings.Repeat("x", 300<<10) + `"`},
			"create it with: hookline " + r.flags[0] + " http:": {"token", "create", "--account", "squake:nobody"},
		} {
			if _, _, err := r.run(t, unchanged, args...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", args[:2], err, want)
			}
		}
		if out := run("publish", "--account", customer.account, "--event", "order"); !strings.HasPrefix(out, "no webhook: ") {
			t.Errorf("publish without a webhook: %q", out)
		}
	})
}

// An account is deleted by the server; --wait returns when it is gone, and
// running it again completes what was interrupted.
func TestDeleteThroughTheAPI(t *testing.T) {
	t.Parallel()
	throughTheAPI(t, func(t *testing.T, way string) {
		s := boot(t, t.TempDir())
		r := reachBy(t, way, s)
		store := dataDir{data: s.data}.open(t)
		a := webhook.Account{API: "squake", ID: "acme"}
		for _, args := range [][]string{{"account", "create", a.String()}, {"token", "create", "--account", a.String()}} {
			if _, _, err := r.run(t, unchanged, args...); err != nil {
				t.Fatal(err)
			}
		}
		if err := addWebhook(s.data, a, "w1", []string{"order", "price"}); err != nil {
			t.Fatal(err)
		}
		interrupted := func(p *program) {
			p.sleep = func(context.Context, time.Duration) error { return context.Canceled }
		}
		_, said, err := r.run(t, interrupted, "account", "delete", "--wait", a.String())
		if err == nil || !strings.Contains(err.Error(), "complete it with: hookline --url ") || !strings.HasPrefix(said, "deleting squake:acme with 1 token and 2 webhooks; this takes some minutes") {
			t.Fatalf("interrupted: %q, %v", said, err)
		}
		out, _, err := r.run(t, unchanged, "account", "delete", a.String())
		if err != nil || !strings.Contains(out, "to wait for that: hookline --url ") {
			t.Errorf("delete again: %q, %v", out, err)
		}
		for _, args := range [][]string{{"account", "create", a.String()}, {"token", "create", "--account", a.String()}} {
			if _, _, err := r.run(t, unchanged, args...); err == nil || !strings.Contains(err.Error(), "squake:acme is being deleted") {
				t.Errorf("%s of what is being deleted: %v", args[:2], err)
			}
		}
		waits := 0
		finished := func(p *program) {
			p.sleep = func(ctx context.Context, _ time.Duration) error {
				if waits++; waits == 1 {
					return nil // not yet
				}
				later := func() time.Time { return time.Now().Add(2 * registry.DeletionPause) }
				return registry.NewFinisher(store, later, slog.New(slog.DiscardHandler)).Finish(ctx)
			}
		}
		out, said, err = r.run(t, finished, "account", "delete", "--wait", "--json", a.String())
		if err != nil || said != "" || waits != 2 || out != `{"deleted":"squake:acme","tokens":0,"webhooks":2,"cancelled":null}` {
			t.Errorf("--wait: %q, %q after %d waits, %v", out, said, waits, err)
		}
		if _, _, err := r.run(t, unchanged, "account", "delete", a.String()); err == nil || !strings.Contains(err.Error(), "there is no account squake:acme; list them with: hookline --url ") {
			t.Errorf("delete what is gone: %v", err)
		}
	})
}
