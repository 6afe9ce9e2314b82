// Package browser opens a headless Chromium for tests. It finds no host but
// this one, and notes what it was asked for and what it refused.
package browser

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// names are those that Chromium goes by.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// Sightings are what a browser did while a page was open.
type Sightings struct {
	mu       sync.Mutex
	requests []string
	troubles []string
}

// Requests returns the URLs that were asked for.
func (s *Sightings) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Troubles returns what went wrong: exceptions, requests that failed, and what
// the page's policy refused.
func (s *Sightings) Troubles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.troubles)
}

func (s *Sightings) see(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		s.requests = append(s.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		s.requests = append(s.requests, e.URL)
	case *network.EventLoadingFailed:
		if !e.Canceled { // as when a page is left while it loads
			s.troubles = append(s.troubles, "loading failed: "+e.ErrorText)
		}
	case *runtime.EventExceptionThrown:
		s.troubles = append(s.troubles, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded: // what the page's policy refused, among others
		if e.Entry.Level == log.EntryLevelError {
			s.troubles = append(s.troubles, e.Entry.Text)
		}
	}
}

// Open starts a Chromium of its own and returns the context of its one tab.
// Nothing that it does takes longer than timeout.
func Open(t *testing.T, s *Sightings, timeout time.Duration) context.Context {
	t.Helper()
	var path string
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatalf("none of %s is in PATH; on Debian: apt-get install chromium", strings.Join(names, ", "))
	}
	// A process that outlives the browser for a moment may still write here.
	profile, err := os.MkdirTemp("", "hookline-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
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

// Theme has pages shown as a reader's system has them: "light" or "dark".
func Theme(ctx context.Context, theme string) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
	return err
}

// Width sets the width of the window.
func Width(ctx context.Context, pixels int64) error {
	return chromedp.Do(ctx, chromedp.EmulateViewport(pixels, 800))
}
