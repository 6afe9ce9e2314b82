package infra_test

import "testing"

// The settings are for variables that the template gives that function.
func TestEventSettings(t *testing.T) {
	var settings map[string]map[string]string
	readJSON(t, "events/env.json", &settings)
	tm := readTemplate(t, "template.yaml")
	if len(settings) == 0 {
		t.Fatal("events/env.json is empty")
	}
	for function, variables := range settings {
		var f functionProperties
		tm.Resources[function].properties(t, &f)
		for name := range variables {
			if _, ok := f.Environment.Variables[name]; !ok {
				t.Errorf("events/env.json sets %s of %s, which the template does not", name, function)
			}
		}
	}
}
