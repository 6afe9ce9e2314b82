package main

import (
	"strings"
	"testing"
)

// What a link cannot be good for is refused by the names of the flags.
func TestPortalOpenIsRefused(t *testing.T) {
	t.Parallel()
	for flag, value := range map[string]string{"--expires": "25h", "--session": "721h"} {
		line := fails(t, exitUsage, "hookline", "portal", "open", "--account", "squake:demo", flag, value)
		contains(t, line, flag+": invalid: it ")
	}
}

// A link leads to the server that runs on the data, and is not made once it has
// stopped, nor where a server has another store or has not noted its portal.
func TestPortalOpenFindsTheServer(t *testing.T) {
	t.Parallel()
	where := dataDir{data: t.TempDir()}
	open := append([]string{"portal", "open", "--operator"}, where.flags()...)
	refused := func() {
		t.Helper()
		contains(t, fails(t, exitFailed, append([]string{"hookline"}, open...)...), "no server that serves a portal runs on "+where.data, "--portal-url")
	}
	s := boot(t, where.data)
	leads := func(origin string) {
		t.Helper()
		if link := cli(t, open...); !strings.HasPrefix(link, origin+"/portal/operator/enter?link=") {
			t.Errorf("the link is %s, want one to %s", link, origin)
		}
	}
	leads(s.URL)
	if at, err := servedPortal(where.data, storeName{prefix: "other"}); err == nil {
		t.Errorf("the portal of another store is at %s", at)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	refused()

	s = boot(t, where.data, "--portal-url", "https://hooks.example.com")
	leads("https://hooks.example.com")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}

	taken := strings.TrimPrefix(boot(t, t.TempDir()).URL, "http://")
	fails(t, exitFailed, append([]string{"hookline", "serve", "--listen", taken}, where.flags()...)...)
	unlock, err := lockDataDir(where.data) // what the former server noted is gone
	if err != nil {
		t.Fatal(err)
	}
	refused()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}
