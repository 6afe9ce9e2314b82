package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// spoken is all that commands wrote, results and else.
type spoken struct {
	dataDir
	text strings.Builder
}

// say runs a command, which may fail, and keeps what it writes.
func (s *spoken) say(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var out, log bytes.Buffer
	p := testProgram(noSettings, &out, &log)
	p.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	report(&log, p.run(ctx, append(append([]string{"hookline"}, args...), s.flags()...)))
	s.text.WriteString(out.String() + log.String())
}

// Whatever is done with events and deliveries, right or wrong, no token, key or
// payload stands in what commands write or in the server's log; delivery show
// alone shows a payload, which is its purpose.
func TestSecretsStayOutOfOutput(t *testing.T) {
	t.Parallel()
	where := &spoken{dataDir: dataDir{data: t.TempDir()}}
	s := boot(t, where.data, "--dev")
	c := openSite(t)
	operator := newOperator(t, where.dataDir, s)
	secrets := []string{operator.token, marker}
	list := customers(t, where.dataDir, s, c)
	for _, customer := range list {
		_, token, _ := strings.Cut(customer.auth, "hk_")
		secrets = append(secrets, customer.key, "hk_"+token)
	}
	at := time.Now().UTC().Truncate(time.Second)
	const payload = `{"said":"` + marker + `"}`
	for _, customer := range list {
		for _, response := range []int{200, 503, 410} {
			c.status.Store(int64(response))
			id := *operator.publish(t, customer.eventOf(t, http.StatusText(response), at, payload))[0].Delivery
			c.next(t)
			where.becomes(t, customer.account, id, attempted(1))
			account := []string{"--account", customer.account}
			for _, args := range [][]string{
				customer.publish("--id", http.StatusText(response), "--time", at.Format(time.RFC3339), "--payload", payload), // a duplicate
				customer.publish("--id", http.StatusText(response), "--time", at.Format(time.RFC3339)),                       // another
				customer.publish("--time", "2020-01-01T00:00:00Z", "--json", "--payload", payload),
				{"publish", "--account", customer.account, "--event", "no such", "--payload", payload},
				{"delivery", "list"},
				{"delivery", "list", "--json"},
				append([]string{"webhook", "show", customer.id}, account...),
				append([]string{"webhook", "show", "--json", customer.id}, account...),
				append([]string{"webhook", "list", "--json"}, account...),
				append([]string{"token", "list", "--json"}, account...),
				{"token", "list", "--operator"},
				{"account", "list"},
				customer.test("--json"),
			} {
				where.say(t, args...)
			}
			if text := where.run(t, "delivery", "show", id, "--account", customer.account); strings.Count(text, marker) != 1 {
				t.Errorf("delivery show:\n%s, want the payload once", text)
			}
		}
		where.say(t, "delivery", "retry", "00", "--account", customer.account)
		where.say(t, "account", "delete", "--wait", customer.account)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	text := where.text.String()
	for _, word := range secrets {
		if strings.Contains(text, word) {
			t.Errorf("a command writes %q", word)
		}
	}
	contains(t, text, "duplicate ", "was rejected", "410 Gone", "cancelled")
	s.searchLogFor(t, append(secrets, "query-7f3a")...)
	contains(t, s.log.String(), `"msg":"attempt"`, `"reason":`)
}
