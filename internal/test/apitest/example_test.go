package apitest_test

import (
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

// TestExampleEvent: the event that a development server shows is accepted, and
// is one that the registration shown beside it registers.
func TestExampleEvent(t *testing.T) {
	for _, s := range testedAPIs {
		example := s.api.Example
		e := webhook.Event{
			Account: webhook.Account{API: s.api.Name, ID: "1001"},
			Name:    example.Event, Instance: example.Instance, Payload: []byte(`{"test":true}`),
		}
		if err := apitest.Sending(t, s.api, nil).CheckEvent(e); err != nil {
			t.Errorf("%s: %v", s.api.Name, err)
		}
		for _, want := range []string{`"` + example.Event + `"`, `"` + api.ExampleReceiver + "/"} {
			if !strings.Contains(example.Body, want) {
				t.Errorf("%s: the body %s lacks %s", s.api.Name, example.Body, want)
			}
		}
	}
}
