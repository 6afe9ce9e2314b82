package api_test

import (
	"testing"

	"github.com/hookline/hookline/pkg/api"
)

func TestSample(t *testing.T) {
	const list = "a:b 1 {\"x\":\"one word\"}\na:mass* - -\na:* 2 {}\n"
	for event, want := range map[string]string{
		"a:b": `1 {"x":"one word"}`, "a:massB": " nil", "a:bc": "2 {}", "a:": "2 {}", "a": " nil", "b:a": " nil", "": " nil",
	} {
		payload, instance := api.Sample(list, event)
		got := instance + " " + string(payload)
		if payload == nil {
			got = instance + " nil"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", event, got, want)
		}
	}
}
