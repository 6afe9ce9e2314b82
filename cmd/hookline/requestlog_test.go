package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// A server's log line shows no more of a method than a method needs, and a
// request to a path of no API is logged like every other.
func TestUnknownPathIsLogged(t *testing.T) {
	t.Parallel()
	s := boot(t, t.TempDir())
	junk := strings.Repeat("J", 60<<10)
	for i, tt := range []struct{ method, path, logged string }{
		{"GET", "/nothing", "GET"}, {"POST", "/docs/nothing", "POST"}, {"OPTIONS", "*", "OPTIONS"}, {"QUERY", "/", "QUERY"},
		{junk, "/nothing", junk[:24] + "…"}, {junk, "/v2/webhooks", junk[:24] + "…"}, {junk, "/events", junk[:24] + "…"}, {"GET", "/portal/nothing", "GET"}, {junk, "/portal/webhooks", junk[:24] + "…"},
	} {
		exchange(t, s.URL, tt.method, tt.path)
		var line struct {
			Message   string   `json:"msg"`
			RequestID string   `json:"request_id"`
			Method    string   `json:"method"`
			Route     *string  `json:"route"`
			Status    int      `json:"status"`
			Duration  *float64 `json:"duration_ms"`
		}
		last := nthRequest(t, s, i)
		decode(t, last, &line)
		if line.Message != "request" || len(line.RequestID) != 36 || line.Method != tt.logged || line.Route == nil || line.Status/100 != 4 || line.Duration == nil {
			t.Errorf("%.20s %s is logged as %.300s", tt.method, tt.path, last)
		}
		if len(last) > 500 {
			t.Errorf("%.20s %s has a log line of %d bytes", tt.method, tt.path, len(last))
		}
	}
}

// nthRequest waits until a request is logged, since its answer is there before.
func nthRequest(t *testing.T, s *instance, n int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for ; ; <-again.C {
		log := slices.Collect(strings.Lines(s.log.String()))
		log = slices.DeleteFunc(log, func(line string) bool { return !strings.Contains(line, `"msg":"request"`) })
		if len(log) > n {
			return log[n]
		}
		if ctx.Err() != nil {
			t.Fatalf("request %d is not in the log: %.1000s", n, s.log.String())
		}
	}
}
