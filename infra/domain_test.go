package infra_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/api/all"
)

// A domain of one's own is made when it is asked for, leads to the whole API,
// and is what the outputs then say. AWS's own is closed only when that is asked
// for.
func TestDomain(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for name, condition := range map[string]string{"Domain": "HasDomain", "DomainMapping": "HasDomain", "DomainRecord": "HasHostedZone"} {
		if got := tm.Resources[name].Condition; got != condition {
			t.Errorf("%s is made on condition %q, want %q", name, got, condition)
		}
	}
	var mapping, api map[string]any
	tm.Resources["DomainMapping"].properties(t, &mapping)
	want := map[string]any{"ApiId": "!Ref Api", "DomainName": "!Ref Domain", "Stage": "!Ref Api.Stage"}
	if diff := cmp.Diff(want, mapping); diff != "" { // no ApiMappingKey: it would come before each path
		t.Errorf("mapping (-want +got):\n%s", diff)
	}
	tm.Resources["Api"].properties(t, &api)
	if diff := cmp.Diff(any(map[string]any{"!If": []any{"HasDefaultEndpoint", false, true}}), api["DisableExecuteApiEndpoint"]); diff != "" {
		t.Errorf("AWS's own endpoint (-want +got):\n%s", diff)
	}
	if got := tm.Conditions["HasDefaultEndpoint"]; fmt.Sprint(got) != "map[!Equals:[!Ref DefaultEndpoint true]]" {
		t.Errorf("it is open on condition %v", got)
	}
	checkURLs(t, tm)
}

// checkURLs holds the outputs that are URLs of the API to either domain.
func checkURLs(t *testing.T, tm template) {
	t.Helper()
	paths := map[string]string{"ApiUrl": "", "EventsUrl": "/events", "PortalUrl": "/portal"}
	for _, a := range all.APIs() {
		paths[emulator.ResourceName(string(a.Name)+"-register")+"Url"] = a.Example.Path
	}
	paths["DocsUrl"] = "/docs"
	for name, path := range paths {
		want := map[string]any{"!If": []any{
			"HasDomain", "!Sub https://${DomainName}" + path, "!Sub https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}" + path,
		}}
		if diff := cmp.Diff(any(want), tm.Outputs[name].Value); diff != "" {
			t.Errorf("output %s (-want +got):\n%s", name, diff)
		}
	}
}

// Everything that is an option is off: a stack without parameters beyond the
// one that has no default has no domain, no traces, and no key or network of
// one's own.
func TestOptionsAreOff(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for name, off := range map[string]string{
		"DomainName": "", "CertificateArn": "", "HostedZoneId": "", "DefaultEndpoint": "true", "Tracing": "false", "TableKeyArn": "", "ServeDocs": "false", "ServePortal": "false",
		"DeliverSubnetIds": "", "DeliverSecurityGroupIds": "", "DeliverDualStack": "false",
	} {
		if parameter, _ := tm.Parameters[name].(map[string]any); parameter["Default"] != off {
			t.Errorf("%s is %v by default, want %q", name, parameter["Default"], off)
		}
	}
	if got := fmt.Sprint(tm.Globals.Function.Tracing); got != "map[!If:[HasTracing Active PassThrough]]" {
		t.Errorf("functions are traced: %s", got)
	}
}

// A parameter says what it is, and a text that is not chosen from a list says
// what it may be. All are grouped for who fills them in.
func TestParametersExplainThemselves(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for name, parameter := range tm.Parameters {
		p, _ := parameter.(map[string]any)
		if text, _ := p["Description"].(string); len(text) < 30 || !strings.HasSuffix(text, ".") {
			t.Errorf("%s is described by %q", name, text)
		}
		bounded := p["AllowedValues"] != nil || p["AllowedPattern"] != nil && p["ConstraintDescription"] != nil || p["MinValue"] != nil
		if !bounded {
			t.Errorf("%s may be anything", name)
		}
	}
	var grouped []string
	for _, group := range tm.Metadata.Interface.ParameterGroups {
		grouped = append(grouped, group.Parameters...)
	}
	slices.Sort(grouped)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(tm.Parameters)), grouped); diff != "" {
		t.Errorf("groups (-parameters +groups):\n%s", diff)
	}
}
