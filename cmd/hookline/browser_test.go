package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/internal/test/browser"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// rendered is true when every description is shown, or could not be.
	rendered = `(() => {
		const all = [...document.querySelectorAll("[data-openapi]")];
		return all.length > 0 && all.every(e => e.querySelector(".opblock, .errors-wrapper, .failed-config"));
	})()`
	// shownOperations are all that is shown: "<api> <method> <path>".
	shownOperations = `[...document.querySelectorAll(".opblock")].map(e => e.closest("main > section").id
		+ " " + e.querySelector(".opblock-summary-method").textContent
		+ " " + e.querySelector(".opblock-summary-path, .opblock-summary-path__deprecated").dataset.path)`
	// openOperations opens all of them.
	openOperations = `document.querySelectorAll(".opblock:not(.is-open) .opblock-summary-control").forEach(e => e.click())`
	// opened is true when all are open and each shows its answers.
	opened = `[...document.querySelectorAll(".opblock")].every(e => e.querySelector(".responses-table .response"))`
)

// descriptions are those of the customers' APIs and of the operator's.
func descriptions() map[webhook.API]string {
	described := all.OpenAPI()
	described[operator.Name] = operator.OpenAPI()
	return described
}

// describedOperations are those of all descriptions, requests to the API and
// deliveries, as shownOperations has them.
func describedOperations(t *testing.T) []string {
	t.Helper()
	var operations []string
	for api, text := range descriptions() {
		var doc struct {
			Paths    map[string]map[string]any `yaml:"paths"`
			Webhooks map[string]map[string]any `yaml:"webhooks"`
		}
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Webhooks) == 0 && api != operator.Name {
			t.Errorf("%s describes no deliveries", api)
		}
		for _, items := range []map[string]map[string]any{doc.Paths, doc.Webhooks} {
			for path, item := range items {
				for method := range item {
					if method != "parameters" {
						operations = append(operations, fmt.Sprintf("%s %s %s", api, strings.ToUpper(method), path))
					}
				}
			}
		}
	}
	slices.Sort(operations)
	return operations
}

// TestDocsInABrowser: the page shows every operation and delivery of every API,
// opens each of them, and loads nothing from elsewhere.
func TestDocsInABrowser(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	var seen browser.Sightings
	ctx := browser.Open(t, &seen, 3*timeout)
	err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/docs"), chromedp.Poll[chromedp.Void](rendered, chromedp.WithPollingTimeout(timeout)))
	shown, shownErr := chromedp.Run(ctx, chromedp.Evaluate[[]string](shownOperations))
	err = errors.Join(err, shownErr, chromedp.Do(ctx,
		chromedp.Evaluate[chromedp.Void](openOperations),
		chromedp.Poll[chromedp.Void](opened, chromedp.WithPollingTimeout(timeout)),
	))
	troubles, requests := seen.Troubles(), seen.Requests()
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(troubles, "\n"))
	}
	slices.Sort(shown)
	if want := describedOperations(t); len(want) < 19 || !slices.Equal(shown, want) {
		t.Errorf("shown:\n%s\nwant:\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
	for _, trouble := range troubles {
		t.Error(trouble)
	}
	for _, url := range requests {
		if !strings.HasPrefix(url, s.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %s", url)
		}
	}
	paths := []string{"/docs", "/docs/page.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"}
	for api := range descriptions() {
		paths = append(paths, "/openapi/"+string(api)+".yaml")
	}
	for _, path := range paths {
		if !slices.Contains(requests, s.URL+path) {
			t.Errorf("no request for %s was seen among %q", path, requests)
		}
	}
}
