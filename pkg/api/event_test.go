package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/webhook"
)

func TestDepth(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`]}`, n/2) }
	for text, want := range map[string]int{
		``: 0, `7`: 0, `"[[["`: 0, `[]`: 1, `{}`: 1, `[[],[[]],[]]`: 3, `{"a":{"b":[]},"c":[]}`: 3,
		`"\"[[[\\"`: 0, `["\\",["]"]]`: 2, `{"[":"]","\"{":[]}`: 2, "\n[\n{ } ]": 2,
		deep(api.MaxDepth): api.MaxDepth, strings.Repeat("[", 200_000): 200_000,
		`]]][`: 0, `"[`: 0, // not JSON
	} {
		if got := api.Depth([]byte(text)); got != want {
			t.Errorf("Depth(%.40s) = %d, want %d", text, got, want)
		}
	}
	if err := api.CheckPayload([]byte(deep(api.MaxDepth))); err != nil {
		t.Errorf("a payload of the greatest depth: %v", err)
	}
	err := api.CheckPayload([]byte("[" + deep(api.MaxDepth) + "]"))
	if !errors.Is(err, webhook.ErrInvalid) || err.Error() != "payload: is nested more than 500 deep" {
		t.Errorf("a deeper one: %v", err)
	}
}
