package functions_test

import (
	"bytes"
	"crypto/md5" // SQS has it of each message
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/webhook"
)

// readSamples reads which files events/ has, in the form that `sam local invoke`
// takes, and the status of the answer that each gets in a stack without webhooks:
// functions/<name>/samples.json says it of events/<name>. It is 0 of what is no
// request.
func readSamples(tb testing.TB) map[string]int {
	tb.Helper()
	functions := filepath.Join(emulator.Root(tb), "functions")
	mains, err := filepath.Glob(filepath.Join(functions, "*", "main.go"))
	if err != nil || len(mains) == 0 {
		tb.Fatalf("no function in %s: %v", functions, err)
	}
	samples := map[string]int{}
	for _, main := range mains {
		folder := filepath.Dir(main)
		text, err := os.ReadFile(filepath.Join(folder, "samples.json"))
		if err != nil {
			tb.Fatal(err)
		}
		var statuses map[string]int
		if err := json.Unmarshal(text, &statuses); err != nil {
			tb.Fatalf("%s/samples.json: %v", folder, err)
		}
		for name, status := range statuses {
			samples[filepath.Base(folder)+"/"+name] = status
		}
	}
	return samples
}

// readSample reads events/<name>.json.
func readSample(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(tb), "events", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// fill puts the customer's token into a sample.
func (c customer) fill(sample []byte) []byte {
	return bytes.ReplaceAll(sample, []byte("hk_test_PLACEHOLDER"), []byte(c.tokens["token"]))
}

// TestSamples sends every file of events/ to its function, but for the
// keyring's, which TestKeyring sends.
func TestSamples(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	for _, own := range []string{"HOOKLINE_ABBEYCROSS_EVENTS", "HOOKLINE_ALLOW_PRIVATE"} {
		delete(p.settings, own) // what the stack and events/env.json say, instead
	}
	for name, status := range readSamples(t) {
		folder, _, _ := strings.Cut(name, "/")
		if folder == "keyring" {
			continue // TestKeyring sends them
		}
		t.Run(name, func(t *testing.T) {
			api, _, _ := strings.Cut(folder, "-")
			sample := p.stack.newCustomer(t, webhook.API(api)).fill(readSample(t, name))
			payload := p.invoke(t, emulator.ResourceName(folder), json.RawMessage(sample))
			if status == 0 {
				if bytes.Contains(payload, []byte("errorMessage")) {
					t.Errorf("answered %s", payload)
				}
			} else if response := parseResponse(t, payload, nil); response.StatusCode != status {
				t.Errorf("answered %d %s, want %d", response.StatusCode, response.Body, status)
			}
		})
	}
}

// Every function has samples, each of which is an event of its function's own
// type that the gateway would send to just that function; between them they take
// every route to it.
func TestSamplesAreEvents(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(emulator.Root(t), "events", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		name, _ := strings.CutSuffix(file, ".json")
		found = append(found, filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name))
	}
	slices.Sort(found)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(readSamples(t))), found); diff != "" {
		t.Errorf("samples (-functions/*/samples.json +events/*):\n%s", diff)
	}
	routes, taken := readRoutes(t), map[string]bool{}
	token := regexp.MustCompile(`hk_[A-Za-z0-9_-]*`)
	folders := map[string]bool{}
	for _, name := range found {
		t.Run(name, func(t *testing.T) {
			text := readSample(t, name)
			for _, credential := range token.FindAllString(string(text), -1) {
				if credential != "hk_test_PLACEHOLDER" {
					t.Errorf("holds %q, which could be taken for a real token", credential)
				}
			}
			folder, _, _ := strings.Cut(name, "/")
			folders[folder] = true
			switch folder {
			case "deliver":
				checkQueueEvent(t, text)
			case "sweep":
				checkScheduleEvent(t, text)
			case "keyring":
				checkCustomResourceEvent(t, text)
			default:
				key := checkRequestEvent(t, text, routes)
				if routes[key] != emulator.ResourceName(folder) {
					t.Errorf("route %q leads to %s", key, routes[key])
				}
				taken[key] = true
			}
		})
	}
	for key := range routes {
		if !taken[key] {
			t.Errorf("no sample takes the route %s", key)
		}
	}
	for name, r := range readTemplate(t).Resources {
		if r.Type == "AWS::Serverless::Function" && !folders[path.Base(r.Properties.CodeURI)] {
			t.Errorf("%s has no sample", name)
		}
	}
}

// read reads a sample as an event of a type.
func read[E any](t *testing.T, text []byte) E {
	t.Helper()
	var e E
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// checkRequestEvent holds a sample to what the HTTP API sends, payload 2.0, and
// returns its route.
func checkRequestEvent(t *testing.T, text []byte, routes routes) string {
	t.Helper()
	e := read[events.APIGatewayV2HTTPRequest](t, text)
	request := e.RequestContext.HTTP
	if e.Version != "2.0" || e.RequestContext.Stage != "$default" || e.RequestContext.TimeEpoch == 0 {
		t.Errorf("version %q, stage %q, time %d", e.Version, e.RequestContext.Stage, e.RequestContext.TimeEpoch)
	}
	if request.Path != e.RawPath || e.RequestContext.RouteKey != e.RouteKey {
		t.Error("the request context has another path or route")
	}
	if got := routes.key(request.Method, e.RawPath); got != e.RouteKey {
		t.Errorf("the gateway would route %s %s as %q, not %q", request.Method, e.RawPath, got, e.RouteKey)
	}
	_, greedy, _ := strings.Cut(strings.TrimSuffix(e.RouteKey, "{proxy+}"), " ")
	if got := e.PathParameters["proxy"]; strings.HasSuffix(e.RouteKey, "{proxy+}") != (got != "") || got != "" && greedy+got != e.RawPath {
		t.Errorf("path parameter proxy is %q", got)
	}
	if query, err := url.ParseQuery(e.RawQueryString); err != nil || !slices.Equal(slices.Sorted(maps.Keys(query)), slices.Sorted(maps.Keys(e.QueryStringParameters))) {
		t.Errorf("query %q has the parameters %v, %v", e.RawQueryString, e.QueryStringParameters, err)
	}
	for name := range e.Headers {
		if name != strings.ToLower(name) {
			t.Errorf("header %s is not in lower case, as the gateway has them", name)
		}
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			t.Errorf("body: %v", err)
		}
	}
	if got := e.Headers["content-length"]; len(body) > 0 && got != strconv.Itoa(len(body)) {
		t.Errorf("content-length %q of a body of %d bytes", got, len(body))
	}
	return e.RouteKey
}

// checkQueueEvent holds a sample to what Lambda hands over from a queue.
func checkQueueEvent(t *testing.T, text []byte) {
	t.Helper()
	e := read[events.SQSEvent](t, text)
	if len(e.Records) < 1 || len(e.Records) > 10 {
		t.Errorf("%d messages, want 1 to 10", len(e.Records))
	}
	for _, r := range e.Records {
		digest := md5.Sum([]byte(r.Body))
		if r.Md5OfBody != hex.EncodeToString(digest[:]) || r.ReceiptHandle == "" || r.Body == "" || r.MessageId == "" {
			t.Errorf("message %s has the digest %q or lacks what each has", r.MessageId, r.Md5OfBody)
		}
		if r.EventSource != "aws:sqs" || !strings.HasPrefix(r.EventSourceARN, "arn:aws:sqs:"+r.AWSRegion+":") {
			t.Errorf("message %s is from %s, %s in %s", r.MessageId, r.EventSource, r.EventSourceARN, r.AWSRegion)
		}
		// SQS's fair queues tell the accounts apart by it.
		if r.Attributes["MessageGroupId"] == "" || r.Attributes["ApproximateReceiveCount"] == "" {
			t.Errorf("message %s has the attributes %v", r.MessageId, r.Attributes)
		}
	}
}

// checkScheduleEvent holds a sample to what one of the schedules sends.
func checkScheduleEvent(t *testing.T, text []byte) {
	t.Helper()
	sample := read[map[string]any](t, text)
	for _, schedule := range readTemplate(t).Resources["Sweep"].Properties.Events {
		if maps.Equal(sample, read[map[string]any](t, []byte(schedule.Properties.Input))) {
			return
		}
	}
	t.Errorf("no schedule of template.yaml sends %s", text)
}

// checkCustomResourceEvent holds a sample to what CloudFormation sends for a
// custom resource.
func checkCustomResourceEvent(t *testing.T, text []byte) {
	t.Helper()
	e := read[struct {
		cfn.Event
		ServiceToken string
	}](t, text)
	switch e.RequestType {
	case cfn.RequestCreate, cfn.RequestUpdate, cfn.RequestDelete:
	default:
		t.Errorf("request type %q", e.RequestType)
	}
	if (e.RequestType == cfn.RequestCreate) != (e.PhysicalResourceID == "") {
		t.Errorf("a %s with the physical id %q", e.RequestType, e.PhysicalResourceID)
	}
	if (e.RequestType == cfn.RequestUpdate) != (e.OldResourceProperties != nil) {
		t.Errorf("a %s with the old properties %v", e.RequestType, e.OldResourceProperties)
	}
	if e.ServiceToken == "" || e.StackID == "" || e.LogicalResourceID == "" || e.RequestID == "" {
		t.Errorf("lacks what every request has: %+v", e)
	}
	if version, ok := e.ResourceProperties["SealingKeyVersion"].(string); !ok || strings.Trim(version, "0123456789") != "" {
		t.Errorf("version %v is no number", e.ResourceProperties["SealingKeyVersion"])
	}
	if to, err := url.Parse(e.ResponseURL); err != nil || to.Hostname() != "127.0.0.1" {
		t.Errorf("answers go to %q, %v; want a loopback placeholder", e.ResponseURL, err)
	}
}
