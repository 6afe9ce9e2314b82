package infra_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

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
			if text := fmt.Sprint(value); (strings.HasPrefix(text, "!GetAtt") || strings.HasSuffix(text, "Attempts")) && !shared && !own {
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
