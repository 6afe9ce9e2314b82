package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/gatewaytest"
)

// The pages lead to the portal of a stack that has one.
func TestPagesLeadToThePortal(t *testing.T) {
	for _, path := range []string{"", "/portal"} {
		function, err := build(func(name string) string { return map[string]string{"HOOKLINE_PORTAL_PATH": path}[name] }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		response, err := function.Respond(t.Context(), gatewaytest.Event(httptest.NewRequest(http.MethodGet, "/docs/squake", http.NoBody), ""))
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("answered %d, %v", response.StatusCode, err)
		}
		if got := strings.Contains(response.Body, `href="/portal">Portal<`); got != (path != "") {
			t.Errorf("with the portal at %q, the page leads to it: %t", path, got)
		}
	}
}
