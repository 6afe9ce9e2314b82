package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/internal/test/browser"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// shownOperations are all that a page shows: "<method> <path>".
	shownOperations = `[...document.querySelectorAll("section.operation")].map(e => e.dataset.method + " " + e.dataset.path)`
	// shownLanguages are the languages of the code that is visible, each once.
	shownLanguages = `[...new Set([...document.querySelectorAll(".samples pre")].filter(e => e.offsetParent).map(e => e.className))]`
	// strayAddress is the first address in code that is not the server's own.
	strayAddress = `[...document.querySelectorAll(".samples")].map(e => e.textContent).find(text => text.includes("hookline.example")) || ""`
	// background is the page's.
	background = `getComputedStyle(document.body).backgroundColor`
	// overflow is by how much the page is wider than the window.
	overflow = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	// distance is how far below the top of the window the target of the link is.
	distance = `document.querySelector(":target").getBoundingClientRect().top`
)

// descriptions are those of the customers' APIs and of the operator's.
func descriptions() map[webhook.API]string {
	described := all.OpenAPI()
	described[operator.Name] = operator.OpenAPI()
	return described
}

// describedOperations are those of a description, requests to the API and
// deliveries, as shownOperations has them.
func describedOperations(t *testing.T, text string) []string {
	t.Helper()
	var operations []string
	var doc struct {
		Paths    map[string]map[string]any `yaml:"paths"`
		Webhooks map[string]map[string]any `yaml:"webhooks"`
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for _, items := range []map[string]map[string]any{doc.Paths, doc.Webhooks} {
		for path, item := range items {
			for method := range item {
				if method != "parameters" {
					operations = append(operations, strings.ToUpper(method)+" "+path)
				}
			}
		}
	}
	slices.Sort(operations)
	return operations
}

// evaluate gives the value of an expression in the page.
func evaluate[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// show opens a page in a window of a width, on a system in light or dark.
func show(ctx context.Context, t *testing.T, width int64, scheme, url string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err := errors.Join(err, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url))); err != nil {
		t.Fatal(err)
	}
}

// TestDocsInABrowser: the pages show every operation and delivery, light and
// dark, on a phone and on a desk, in each language; a link leads to its
// operation; and nothing is loaded from elsewhere.
func TestDocsInABrowser(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	var seen browser.Sightings
	ctx := browser.Open(t, &seen, 3*timeout)
	for api, text := range descriptions() {
		url := s.URL + "/docs/" + string(api)
		show(ctx, t, 360, "light", url)
		if wide := evaluate[int](ctx, t, overflow); wide > 0 {
			t.Errorf("%s is %d px too wide for a phone", url, wide)
		}
		show(ctx, t, 1400, "light", url)
		shown := evaluate[[]string](ctx, t, shownOperations)
		slices.Sort(shown)
		if want := describedOperations(t, text); len(want) < 4 || !slices.Equal(shown, want) {
			t.Errorf("%s shows:\n%s\nwant:\n%s", url, strings.Join(shown, "\n"), strings.Join(want, "\n"))
		}
		if stray := evaluate[string](ctx, t, strayAddress); stray != "" {
			t.Errorf("%s has %s", url, stray)
		}
	}
	inUse(ctx, t, s.URL)
	requests := seen.Requests()
	for _, trouble := range seen.Troubles() {
		t.Error(trouble)
	}
	for _, url := range requests {
		if !strings.HasPrefix(url, s.URL+"/docs") {
			t.Errorf("the page asks for %s", url)
		}
	}
	for _, path := range []string{"/docs/page.js", "/docs/page.css", "/docs/operator"} {
		if !slices.Contains(requests, s.URL+path) {
			t.Errorf("no request for %s was seen among %q", path, requests)
		}
	}
}

// inUse follows a link, switches language and theme, and finds both kept.
func inUse(ctx context.Context, t *testing.T, server string) {
	t.Helper()
	show(ctx, t, 1400, "light", server+"/docs/squake#registerWebhook")
	if top := evaluate[float64](ctx, t, distance); top < 0 || top > 200 {
		t.Errorf("the operation is at %g px", top)
	}
	if got := evaluate[[]string](ctx, t, shownLanguages); !slices.Equal(got, []string{"lang-shell"}) {
		t.Errorf("at first the code is %q", got)
	}
	light := evaluate[string](ctx, t, background)
	evaluate[chromedp.Void](ctx, t, `document.querySelector("#registerWebhook label[for=language-python]").click()`)
	evaluate[chromedp.Void](ctx, t, `document.getElementById("theme").click()`)
	show(ctx, t, 1400, "light", server+"/docs/shoptet")
	if got := evaluate[[]string](ctx, t, shownLanguages); !slices.Equal(got, []string{"lang-python"}) {
		t.Errorf("after Python was chosen the code is %q", got)
	}
	dark := evaluate[string](ctx, t, background)
	evaluate[chromedp.Void](ctx, t, `localStorage.removeItem("hookline-theme")`)
	show(ctx, t, 1400, "dark", server+"/docs")
	if system := evaluate[string](ctx, t, background); dark == light || system != dark {
		t.Errorf("the page is %s in light, %s in dark and %s on a dark system", light, dark, system)
	}
}
