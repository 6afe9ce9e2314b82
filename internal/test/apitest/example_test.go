package apitest_test

import (
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestExampleEvent: the event that a development server shows is accepted, and
// is one that the registration shown beside it registers.
func TestExampleEvent(t *testing.T) {
	for _, a := range all.APIs() {
		example := a.Example
		e := webhook.Event{
			Account: webhook.Account{API: a.Name, ID: "1001"},
			Name:    example.Event, Instance: example.Instance, Payload: []byte(`{"test":true}`),
		}
		if err := apitest.Sending(t, a, nil).CheckEvent(e); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		for _, want := range []string{`"` + example.Event + `"`, `"` + api.ExampleReceiver + "/"} {
			if !strings.Contains(example.Body, want) {
				t.Errorf("%s: the body %s lacks %s", a.Name, example.Body, want)
			}
		}
	}
}
