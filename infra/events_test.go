package infra_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/events"
)

const wantSuffix = ".want.json"

// expectation is what a <case>.want.json file says.
type expectation struct {
	After      []string          `json:"after"`
	Other      []string          `json:"other"`
	Deliveries bool              `json:"deliveries"`
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       json.RawMessage   `json:"body"`
	Status     cfn.StatusType
	// Of functions that publish, deliver or sweep (doc.go).
	Answer            int      `json:"answer"`
	Overdue           bool     `json:"overdue"`
	Received          int      `json:"received"`
	Sent              int      `json:"sent"`
	BatchItemFailures []string `json:"batchItemFailures"`
}

// eventCases lists the cases of a function, sorted; each has both its files.
func eventCases(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "events", folder))
	if err != nil {
		t.Fatal(err)
	}
	var cases, wants []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), wantSuffix); ok {
			wants = append(wants, name)
		} else if name, ok := strings.CutSuffix(entry.Name(), ".json"); ok {
			cases = append(cases, name)
		} else {
			t.Errorf("events/%s/%s is no event file", folder, entry.Name())
		}
	}
	slices.Sort(cases)
	slices.Sort(wants)
	if len(cases) == 0 || !slices.Equal(cases, wants) {
		t.Fatalf("events/%s: cases %v, expectations of %v; want as many of both, at least one", folder, cases, wants)
	}
	return cases
}

func TestEveryEventFolderIsAFunction(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "events"))
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	if want := functionFolders(t); !slices.Equal(folders, want) {
		t.Errorf("folders of events are %v, functions are %v", folders, want)
	}
}

// Each file is an event of its function's own type, one that the gateway would
// send to just that function, and between them they take every route to it.
func TestEventFiles(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	all := slices.Concat(slices.Collect(maps.Values(functionRoutes))...)
	for _, folder := range functionFolders(t) {
		t.Run(folder, func(t *testing.T) {
			declared := routes(t, tm, resourceName(folder))
			cases := eventCases(t, folder)
			var taken []string
			for _, name := range cases {
				path := filepath.Join("events", folder, name)
				var want expectation
				readJSON(t, path+wantSuffix, &want)
				checkSequence(t, folder, name, want)
				switch {
				case triggers[resourceName(folder)] == "SQS":
					checkQueueEvent(t, path, want)
				case triggers[resourceName(folder)] == "Schedule":
					checkScheduleEvent(t, path, want)
				case len(declared) == 0:
					checkCustomResourceEvent(t, path, want)
				default:
					taken = append(taken, checkRequestEvent(t, path, all, want))
				}
			}
			slices.Sort(taken)
			if got := slices.Compact(taken); !slices.Equal(got, declared) {
				t.Errorf("events take the routes %q, want all of %q", got, declared)
			}
		})
	}
}

// checkSequence holds the cases that come before a case to be others, of its
// function or of another of the same API, and never to come back to it.
func checkSequence(t *testing.T, folder, name string, want expectation) {
	t.Helper()
	sent := map[string]bool{}
	api, _, _ := strings.Cut(folder, "-")
	var follow func(from string, before []string)
	follow = func(from string, before []string) {
		for _, entry := range before {
			in, of := caseOf(from, entry)
			if key := in + "/" + of; key == folder+"/"+name {
				t.Fatalf("events/%s/%s comes after itself", folder, name)
			} else if !sent[key] {
				sent[key] = true
				// Events are delivered of every API.
				if other, _, _ := strings.Cut(in, "-"); other != api && !slices.Contains(delivering, folder) {
					t.Errorf("events/%s/%s comes after %s of another API", folder, name, key)
				}
				var w expectation
				readJSON(t, filepath.Join("events", in, of+wantSuffix), &w)
				follow(in, slices.Concat(w.After, w.Other))
			}
		}
	}
	follow(folder, slices.Concat(want.After, want.Other))
	if want.Deliveries && folder != "shoptet-manage" {
		t.Errorf("events/%s/%s has deliveries, which only Shoptet's API shows", folder, name)
	}
	text, err := os.ReadFile(filepath.Join(root, "events", folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), idPlaceholder) && len(sent) == 0 {
		t.Errorf("events/%s/%s asks for the id of an earlier answer, and comes first", folder, name)
	}
}

// delivering are the functions of no API.
var delivering = []string{"publish", "deliver", "sweep"}

// idPlaceholder stands for the id of an earlier answer.
const idPlaceholder = "{id}"

// caseOf reads an entry of "after" or "other": a case of the same function, or
// "<function>/<case>".
func caseOf(folder, entry string) (in, name string) {
	if in, name, found := strings.Cut(entry, "/"); found {
		return in, name
	}
	return folder, entry
}

// checkRequestEvent holds an event of the HTTP API, payload 2.0, to what the
// gateway sends, all routes considered, and returns its route.
func checkRequestEvent(t *testing.T, path string, declared []string, want expectation) string {
	t.Helper()
	var e events.APIGatewayV2HTTPRequest
	readJSON(t, path+".json", &e)
	request := e.RequestContext.HTTP
	if e.Version != "2.0" || e.RequestContext.Stage != "$default" || e.RequestContext.TimeEpoch == 0 {
		t.Errorf("%s: version %q, stage %q, time %d", path, e.Version, e.RequestContext.Stage, e.RequestContext.TimeEpoch)
	}
	if request.Path != e.RawPath || e.RequestContext.RouteKey != e.RouteKey {
		t.Errorf("%s: the request context has another path or route", path)
	}
	if got := routeOf(request.Method, e.RawPath, declared); got != e.RouteKey {
		t.Errorf("%s: the gateway would route %s %s as %q, not %q", path, request.Method, e.RawPath, got, e.RouteKey)
	}
	_, greedy, _ := strings.Cut(strings.TrimSuffix(e.RouteKey, "{proxy+}"), " ")
	if got := e.PathParameters["proxy"]; strings.HasSuffix(e.RouteKey, "{proxy+}") != (got != "") || got != "" && greedy+got != e.RawPath {
		t.Errorf("%s: path parameter proxy is %q", path, got)
	}
	if query, err := url.ParseQuery(e.RawQueryString); err != nil || !slices.Equal(slices.Sorted(maps.Keys(query)), slices.Sorted(maps.Keys(e.QueryStringParameters))) {
		t.Errorf("%s: query %q has the parameters %v, %v", path, e.RawQueryString, e.QueryStringParameters, err)
	}
	for name := range maps.Keys(e.Headers) {
		if name != strings.ToLower(name) {
			t.Errorf("%s: header %s is not in lower case, as the gateway has them", path, name)
		}
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			t.Errorf("%s: body: %v", path, err)
		}
	}
	if got := e.Headers["content-length"]; len(body) > 0 && got != strconv.Itoa(len(body)) {
		t.Errorf("%s: content-length %q of a body of %d bytes", path, got, len(body))
	}
	if want.StatusCode < 200 || want.StatusCode > 599 || want.Status != "" {
		t.Errorf("%s: expects status code %d, status %q", path, want.StatusCode, want.Status)
	}
	return e.RouteKey
}

// routeOf picks the route as an HTTP API does: a full match of path and method,
// then of the path with ANY, then the longest prefix with {proxy+}.
func routeOf(method, path string, declared []string) string {
	for _, key := range []string{method + " " + path, "ANY " + path} {
		if slices.Contains(declared, key) {
			return key
		}
	}
	var best string
	for _, key := range declared {
		prefix, greedy := strings.CutSuffix(key, "{proxy+}")
		_, prefix, _ = strings.Cut(prefix, " ")
		if greedy && strings.HasPrefix(path, prefix) && len(path) > len(prefix) && len(key) > len(best) {
			best = key
		}
	}
	return best
}

// checkCustomResourceEvent holds an event to what CloudFormation sends for a
// custom resource.
func checkCustomResourceEvent(t *testing.T, path string, want expectation) {
	t.Helper()
	var e struct {
		cfn.Event
		ServiceToken string
	}
	readJSON(t, path+".json", &e)
	switch e.RequestType {
	case cfn.RequestCreate, cfn.RequestUpdate, cfn.RequestDelete:
	default:
		t.Errorf("%s: request type %q", path, e.RequestType)
	}
	if (e.RequestType == cfn.RequestCreate) != (e.PhysicalResourceID == "") {
		t.Errorf("%s: a %s with the physical id %q", path, e.RequestType, e.PhysicalResourceID)
	}
	if (e.RequestType == cfn.RequestUpdate) != (e.OldResourceProperties != nil) {
		t.Errorf("%s: a %s with the old properties %v", path, e.RequestType, e.OldResourceProperties)
	}
	if e.ServiceToken == "" || e.StackID == "" || e.LogicalResourceID == "" || e.RequestID == "" {
		t.Errorf("%s: lacks what every request has: %+v", path, e)
	}
	if _, err := strconv.Atoi(e.ResourceProperties["SealingKeyVersion"].(string)); err != nil {
		t.Errorf("%s: version: %v", path, err)
	}
	if to, err := url.Parse(e.ResponseURL); err != nil || to.Hostname() != "127.0.0.1" {
		t.Errorf("%s: answers go to %q, %v; want a loopback placeholder", path, e.ResponseURL, err)
	}
	if want.Status != cfn.StatusSuccess && want.Status != cfn.StatusFailed || want.StatusCode != 0 {
		t.Errorf("%s: expects status %q, status code %d", path, want.Status, want.StatusCode)
	}
}

// Nothing in an event file can be taken for a real credential.
func TestEventsHoldPlaceholdersOnly(t *testing.T) {
	token := regexp.MustCompile(`hk_[A-Za-z0-9_-]*`)
	placeholders := []string{
		"hk_test_PLACEHOLDER", "hk_test_READONLY_PLACEHOLDER", "hk_test_WRITEONLY_PLACEHOLDER",
		"hk_test_EXPIRED_PLACEHOLDER", "hk_test_UNKNOWN",
	}
	seen := map[string]bool{}
	for _, folder := range functionFolders(t) {
		for _, name := range eventCases(t, folder) {
			text, err := os.ReadFile(filepath.Join(root, "events", folder, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range token.FindAllString(string(text), -1) {
				seen[found] = true
				if !slices.Contains(placeholders, found) {
					t.Errorf("events/%s/%s.json holds %q", folder, name, found)
				}
			}
		}
	}
	for _, placeholder := range placeholders {
		if !seen[placeholder] {
			t.Errorf("no event uses %s", placeholder)
		}
	}
}

// sharedSettings names what events/env.json has for all functions.
const sharedSettings = "Parameters"

// The settings are for variables that the template gives that function, or, of
// the shared ones, any function. They have a value for each whose value `sam
// local invoke` cannot tell, since it is made by a deployment.
func TestEventSettings(t *testing.T) {
	var settings map[string]map[string]string
	readJSON(t, "events/env.json", &settings)
	tm := readTemplate(t, "template.yaml")
	if len(settings[sharedSettings]) == 0 {
		t.Fatal("events/env.json shares no setting")
	}
	all := map[string]bool{}
	for _, function := range tm.ofType(t, "AWS::Serverless::Function") {
		var f functionProperties
		tm.Resources[function].properties(t, &f)
		variables := maps.Clone(tm.Globals.Function.Environment.Variables)
		maps.Copy(variables, f.Environment.Variables)
		for name, value := range variables {
			all[name] = true
			_, shared := settings[sharedSettings][name]
			_, own := settings[function][name]
			if text := fmt.Sprint(value); (strings.HasPrefix(text, "!GetAtt") || strings.HasPrefix(text, "!Ref Attempts")) && !shared && !own {
				t.Errorf("events/env.json lacks %s of %s, which is %s in the template", name, function, text)
			}
		}
		for name := range settings[function] {
			if _, ok := variables[name]; !ok {
				t.Errorf("events/env.json sets %s of %s, which the template does not", name, function)
			}
		}
	}
	for name := range settings[sharedSettings] {
		if !all[name] {
			t.Errorf("events/env.json sets %s, which no function is told", name)
		}
	}
	for function := range settings {
		if tm.Resources[function].Type != "AWS::Serverless::Function" && function != sharedSettings {
			t.Errorf("events/env.json has settings of %s, which is no function", function)
		}
	}
}
