package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

// sightings are what a browser did while a page was open.
type sightings struct {
	mu       sync.Mutex
	requests []string
	troubles []string
}

func (s *sightings) see(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		s.requests = append(s.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		s.requests = append(s.requests, e.URL)
	case *network.EventLoadingFailed:
		s.troubles = append(s.troubles, "loading failed: "+e.ErrorText)
	case *runtime.EventExceptionThrown:
		s.troubles = append(s.troubles, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded: // what the page's policy refused, among others
		if e.Entry.Level == log.EntryLevelError {
			s.troubles = append(s.troubles, e.Entry.Text)
		}
	}
}

// openBrowser starts a headless Chromium of its own, which finds no host but
// this one, and gives the context of its one tab.
func openBrowser(t *testing.T, s *sightings) context.Context {
	t.Helper()
	var path string
	for _, name := range browsers {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatalf("none of %s is in PATH; on Debian: apt-get install chromium", strings.Join(browsers, ", "))
	}
	// A process that outlives the browser for a moment may still write here.
	profile, err := os.MkdirTemp("", "hookline-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	ctx, cancel := context.WithTimeout(context.Background(), 3*timeout)
	t.Cleanup(cancel)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(timeout),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(s.see))
	t.Cleanup(cancel)
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

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
	var seen sightings
	ctx := openBrowser(t, &seen)
	err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/docs"), chromedp.Poll[chromedp.Void](rendered, chromedp.WithPollingTimeout(timeout)))
	shown, shownErr := chromedp.Run(ctx, chromedp.Evaluate[[]string](shownOperations))
	err = errors.Join(err, shownErr, chromedp.Do(ctx,
		chromedp.Evaluate[chromedp.Void](openOperations),
		chromedp.Poll[chromedp.Void](opened, chromedp.WithPollingTimeout(timeout)),
	))
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(seen.troubles, "\n"))
	}
	slices.Sort(shown)
	if want := describedOperations(t); len(want) < 19 || !slices.Equal(shown, want) {
		t.Errorf("shown:\n%s\nwant:\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
	for _, trouble := range seen.troubles {
		t.Error(trouble)
	}
	for _, url := range seen.requests {
		if !strings.HasPrefix(url, s.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %s", url)
		}
	}
	paths := []string{"/docs", "/docs/page.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"}
	for api := range descriptions() {
		paths = append(paths, "/openapi/"+string(api)+".yaml")
	}
	for _, path := range paths {
		if !slices.Contains(seen.requests, s.URL+path) {
			t.Errorf("no request for %s was seen among %q", path, seen.requests)
		}
	}
}
