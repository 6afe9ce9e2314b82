package infra_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/portal"
)

// functionRoutes returns the routes to each function. Registering has one of
// its own; all else of an API, known or not, goes to the function that manages.
func functionRoutes() map[string][]string {
	routes := map[string][]string{
		"Publish": {"POST /events"}, "Operate": {"ANY /operator/{proxy+}"},
		"Portal":         {"ANY /portal", "ANY /portal/{proxy+}"},
		"PortalOperator": {"ANY /portal/operator", "ANY /portal/operator/{proxy+}"},
	}
	for _, a := range all.APIs() {
		register, manage := apiFunctions(a)
		routes[register] = []string{"POST " + a.Example.Path}
		routes[manage] = []string{"ANY " + a.Example.Path, "ANY " + a.Prefix + "/{proxy+}"}
	}
	routes["Docs"] = []string{"ANY /docs", "ANY /docs/{proxy+}", "ANY /openapi/{proxy+}"}
	return routes
}

// apiFunctions returns the names of an API's two functions in the template.
func apiFunctions(a api.API) (register, manage string) {
	return emulator.ResourceName(string(a.Name) + "-register"), emulator.ResourceName(string(a.Name) + "-manage")
}

// timeouts are those of functions that have another than all have, in seconds.
// delivery_test.go says what they must suffice for.
var timeouts = map[string]int{"Publish": 20, "Operate": 20, "Portal": 20, "Deliver": 60, "DeliverSlow": 60, "Sweep": 55, "Keyring": 60}

// twins are functions that run the program of another, with its role and its
// log.
var twins = map[string]string{"DeliverSlow": "Deliver"}

// twinOf returns the function whose program, role and log a function has.
func twinOf(name string) string {
	if twin, has := twins[name]; has {
		return twin
	}
	return name
}

// maxTimeout is the time in seconds after which the HTTP API stops waiting for
// a function and answers in its own shape.
const maxTimeout = 30

func TestEveryFolderIsAFunction(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	var want []string
	for _, folder := range emulator.Folders(t) {
		want = append(want, emulator.ResourceName(folder)+" functions/"+folder)
	}
	for name, twin := range twins {
		want = append(want, name+" functions/"+strings.ToLower(twin))
	}
	var got []string
	for _, name := range tm.ofType(t, "AWS::Serverless::Function") {
		var f functionProperties
		tm.Resources[name].properties(t, &f)
		got = append(got, name+" "+f.CodeUri)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions of the template (-folders +template):\n%s", diff)
	}
}

func TestFunctionHasWhatItNeeds(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	global := tm.Globals.Function
	if global.Runtime != "provided.al2023" || global.Handler != "bootstrap" {
		t.Errorf("runtime %q, handler %q", global.Runtime, global.Handler)
	}
	if global.Timeout <= 0 || global.Timeout >= maxTimeout {
		t.Errorf("timeout is %d s, want less than the gateway's %d", global.Timeout, maxTimeout)
	}
	if _, ok := global.Environment.Variables["HOOKLINE_WEBHOOKS_TABLE"]; !ok {
		t.Error("the functions are not told the table")
	}
	for _, name := range tm.ofType(t, "AWS::Serverless::Function") {
		t.Run(name, func(t *testing.T) { checkFunction(t, tm, name) })
	}
}

func checkFunction(t *testing.T, tm template, name string) {
	r := tm.Resources[name]
	var f functionProperties
	r.properties(t, &f)
	if r.Metadata.BuildMethod != "go1.x" {
		t.Errorf("build method %q", r.Metadata.BuildMethod)
	}
	if f.Timeout != timeouts[name] || f.Runtime != "" || f.Handler != "" {
		t.Errorf("timeout %d, want %d; runtime and handler are those of all functions", f.Timeout, timeouts[name])
	}
	if len(functionRoutes()[name]) > 0 && f.Timeout >= maxTimeout {
		t.Errorf("timeout is %d s, want less than the gateway's %d", f.Timeout, maxTimeout)
	}
	if want := "!GetAtt " + twinOf(name) + "Role.Arn"; f.Role != want {
		t.Errorf("role is %v, want %s", f.Role, want)
	}
	if f.Policies != nil {
		t.Error("has policies beside its role's; SAM would make a role of them")
	}
	logs := twinOf(name) + "Logs"
	if want := "!Ref " + logs; f.LoggingConfig.LogGroup != want {
		t.Errorf("log group is %v, want %s", f.LoggingConfig.LogGroup, want)
	}
	var group struct{ RetentionInDays any }
	if tm.Resources[logs].Type != "AWS::Logs::LogGroup" {
		t.Fatalf("%s is no log group", logs)
	}
	tm.Resources[logs].properties(t, &group)
	if group.RetentionInDays == nil {
		t.Errorf("%s keeps its logs for ever", logs)
	}
	if diff := cmp.Diff(environment()[twinOf(name)], f.Environment.Variables); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(functionRoutes()[name], routes(t, tm, name)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

// environment returns what each function is told beside the table of webhooks.
func environment() map[string]map[string]any {
	told := map[string]map[string]any{}
	for _, a := range all.APIs() {
		register, manage := apiFunctions(a)
		told[register], told[manage] = apiEnvironment(), apiEnvironment()
	}
	maps.Copy(told, ownEnvironment)
	return told
}

// ownEnvironment is that of the functions which are told more, or something
// else, than every function that serves an API.
var ownEnvironment = map[string]map[string]any{
	"ShoptetManage":      apiEnvironment(map[string]any{"HOOKLINE_DELIVERIES_TABLE": "!GetAtt Data.Outputs.DeliveriesTable"}),
	"AbbeycrossRegister": apiEnvironment(abbeycrossSettings),
	"AbbeycrossManage":   apiEnvironment(abbeycrossSettings),
	"Keyring":            {"HOOKLINE_SEALING_KEY_ARN": "!GetAtt Data.Outputs.SealingKmsKeyArn"},
	"Publish":            deliveryEnvironment(map[string]any{"HOOKLINE_ABBEYCROSS_EVENTS": "!Ref AbbeycrossEvents"}),
	"Deliver": deliveryEnvironment(map[string]any{
		"HOOKLINE_NOTICE_BUS":      "!Ref NoticeBus",
		"HOOKLINE_SEALING_KEY_ARN": "!GetAtt Data.Outputs.SealingKmsKeyArn",
		"HOOKLINE_ALLOW_HTTP":      "!Ref AllowHttp",
		"HOOKLINE_ALLOW_PRIVATE":   "!Ref AllowPrivate",
		"HOOKLINE_ALLOW_NETWORK":   "!Ref AllowNetworks",
	}),
	"Operate": deliveryEnvironment(map[string]any{"HOOKLINE_PORTAL": "!Ref ServePortal", "HOOKLINE_PORTAL_URL": ownPortalURL}),
	"Portal": apiEnvironment(abbeycrossSettings, deliveryEnvironment(portalSettings), map[string]any{
		"HOOKLINE_PORTAL_REFRESH_URL":     "!Ref PortalRefreshUrl",
		"HOOKLINE_PORTAL_FRAME_ANCESTORS": "!Ref PortalFrameAncestors",
	}),
	"PortalOperator": settings(portalSettings, map[string]any{
		"HOOKLINE_DELIVERIES_TABLE": "!GetAtt Data.Outputs.DeliveriesTable",
		"HOOKLINE_PORTAL_URL":       ownPortalURL,
	}),
	"Docs":  {"HOOKLINE_PORTAL_PATH": map[string]any{"!If": []any{"HasPortal", portal.Prefix, ""}}},
	"Sweep": deliveryEnvironment(map[string]any{"HOOKLINE_NOTICE_BUS": "!Ref NoticeBus"}),
}

// ownPortalURL is where the portal is in a stack with a domain of its own.
var ownPortalURL any = map[string]any{"!If": []any{"HasDomain", "!Sub https://${DomainName}", ""}}

// portalSettings are those of all pages.
var portalSettings = map[string]any{"HOOKLINE_PORTAL_NAME": "!Ref PortalName", "HOOKLINE_PORTAL_ACCENT": "!Ref PortalAccent"}

// settings joins settings.
func settings(all ...map[string]any) map[string]any {
	joined := map[string]any{}
	for _, some := range all {
		maps.Copy(joined, some)
	}
	return joined
}

// deliveryEnvironment is that of a function which publishes, delivers or sweeps.
func deliveryEnvironment(own map[string]any) map[string]any {
	return settings(map[string]any{
		"HOOKLINE_DELIVERIES_TABLE": "!GetAtt Data.Outputs.DeliveriesTable",
		"HOOKLINE_QUEUE_URL":        "!Ref Attempts",
		"HOOKLINE_SLOW_QUEUE_URL":   "!Ref SlowAttempts",
	}, own)
}

var abbeycrossSettings = map[string]any{
	"HOOKLINE_ABBEYCROSS_EVENTS": "!Ref AbbeycrossEvents",
	"HOOKLINE_ABBEYCROSS_HOURS":  "!Ref AbbeycrossHours",
}

// apiEnvironment is that of a function which serves an API: it can seal, by the
// public key, and open nothing.
func apiEnvironment(own ...map[string]any) map[string]any {
	return settings(append(own, map[string]any{
		"HOOKLINE_SEALING_KEY_ID":     "!GetAtt SealingKey.KeyId",
		"HOOKLINE_SEALING_PUBLIC_KEY": "!GetAtt SealingKey.PublicKey",
		"HOOKLINE_ALLOW_HTTP":         "!Ref AllowHttp",
		"HOOKLINE_ALLOW_PRIVATE":      "!Ref AllowPrivate",
		"HOOKLINE_ALLOW_NETWORK":      "!Ref AllowNetworks",
	})...)
}

// routes lists the route keys that lead to a function, sorted. What triggers
// it beside them, delivery_test.go checks.
func routes(t *testing.T, tm template, name string) []string {
	t.Helper()
	var f functionProperties
	tm.Resources[name].properties(t, &f)
	var keys []string
	for event, e := range f.Events {
		if e.Type == triggers[name] {
			continue
		}
		if e.Type != "HttpApi" || e.Properties.ApiId != "!Ref Api" {
			t.Errorf("%s: event %s is a %s of %q, want the API's", name, event, e.Type, e.Properties.ApiId)
		}
		keys = append(keys, e.Properties.Method+" "+e.Properties.Path)
	}
	slices.Sort(keys)
	return keys
}
