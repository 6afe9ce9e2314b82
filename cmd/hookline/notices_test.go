package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/receiver"
)

const notifyKey = "whsec_cG9ydGVyLWFuZC1hLXN0b3V0LXBsZWFzZS1zaXI="

func notifyKeyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify.key")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// A 410 is told to the operator's URL until it is taken, over a restart, and the
// webhook's next success after it was enabled.
func TestNoticesAreSent(t *testing.T) {
	t.Parallel()
	own, c := openSite(t), openSite(t)
	own.status.Store(http.StatusServiceUnavailable)
	where := dataDir{data: t.TempDir()}
	flags := []string{"--dev", "--notify-url", own.url + "/notices", "--notify-key-file", notifyKeyFile(t, notifyKey+"\n", 0o600)}
	s := boot(t, where.data, flags...)
	customer := customers(t, where, s, c)[0]
	told := func(a arrival, want ...string) {
		t.Helper()
		contains(t, a.body, append(want, `"account":"`+customer.account+`"`, `"webhook_id":"`+customer.id+`"`)...)
		if strings.Contains(a.body, c.url) || a.path != "/notices" {
			t.Errorf("%s: %s", a.path, a.body)
		}
		key, err := receiver.ParseKey(notifyKey)
		if err != nil {
			t.Fatal(err)
		}
		for _, check := range receiver.Verify(time.Now(), []receiver.Key{key}, a.header, []byte(a.body)) {
			if check.Error != nil {
				t.Error(check.Error)
			}
		}
	}
	c.status.Store(http.StatusGone)
	customer.published(t, where)
	c.next(t)
	refused := own.next(t)
	told(refused, `"type":"webhook.disabled"`, `"state":"disabled"`, `"last_status":410`)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}

	own.status.Store(http.StatusOK)
	boot(t, where.data, flags...)
	again := own.next(t)
	where.run(t, "webhook", "enable", customer.id, "--account", customer.account)
	c.status.Store(http.StatusOK)
	customer.published(t, where)
	c.next(t)
	recovered := own.next(t)
	for ; recovered.body == refused.body; recovered = own.next(t) { // refused more than once
		again = recovered
	}
	if a, b := refused.header.Get("Webhook-Id"), again.header.Get("Webhook-Id"); a != b || a == "" || refused.body != again.body {
		t.Errorf("it came as %q: %s, and again as %q: %s", a, refused.body, b, again.body)
	}
	told(recovered, `"type":"webhook.recovered"`, `"state":"healthy"`, `"last_status":200`)
}

// What is wrong with the settings is said before anything is served, without the
// URL or the key.
func TestNoticesRefused(t *testing.T) {
	t.Parallel()
	good := notifyKeyFile(t, notifyKey, 0o600)
	for name, tt := range map[string]struct {
		flags []string
		want  string
	}{
		"no key":         {[]string{"--notify-url", "https://own.example/?hush"}, "--notify-key-file must be given, too"},
		"no URL":         {[]string{"--notify-key-file", good}, "--notify-url must be given, too"},
		"http":           {[]string{"--notify-url", "http://own.example/?hush", "--notify-key-file", good}, "--notify-url: must be"},
		"private":        {[]string{"--notify-url", "https://10.0.0.1/?hush", "--notify-key-file", good}, "--notify-url: must"},
		"no file":        {[]string{"--notify-url", "https://own.example/?hush", "--notify-key-file", good + "x"}, "--notify-key-file: "},
		"open to all":    {[]string{"--notify-url", "https://own.example/?hush", "--notify-key-file", notifyKeyFile(t, notifyKey, 0o644)}, "chmod 600"},
		"no key in it":   {[]string{"--notify-url", "https://own.example/?hush", "--notify-key-file", notifyKeyFile(t, "whsec_hush", 0o600)}, "must hold a key"},
		"a key too long": {[]string{"--notify-url", "https://own.example/?hush", "--notify-key-file", notifyKeyFile(t, strings.Repeat("h", 2000), 0o600)}, "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			line := fails(t, exitFailed, serveArgs(t.TempDir(), tt.flags...)...)
			contains(t, line, tt.want)
			if strings.Contains(line, "hush") {
				t.Errorf("%q shows the URL or the key", line)
			}
		})
	}
}
