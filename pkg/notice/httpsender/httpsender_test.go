package httpsender_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/notice/httpsender"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	now  = time.Date(2026, time.March, 1, 13, 0, 0, 0, time.UTC)
	key  = webhook.NewSecret("whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=")
	told = webhook.Notice{
		ID: "0195", Type: webhook.NoticeDisabled, At: now, Account: webhook.Account{API: "squake", ID: "acme"}, WebhookID: "w1",
		Events: []string{"order"}, StateSince: now, LastStatus: 410,
	}
)

func TestSend(t *testing.T) {
	body, err := notice.Body(told)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signing.Standard(told.ID, now, body, key)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		got, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || string(got) != string(body) || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s of %q", r.Method, got, r.Header.Get("Content-Type"))
		}
		for name, want := range signed {
			if value := r.Header.Get(name); value != want {
				t.Errorf("%s is %q, want %q", name, value, want)
			}
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer server.Close()
	client := sender.New(sender.Config{AllowHTTP: true, AllowPrivate: true})
	defer client.Close()
	s := httpsender.Sender{URL: server.URL + "/notices?secret=hush", Key: key, Client: client, Now: func() time.Time { return now }}
	for _, status = range []int{204, 200, 302, 410, 503} {
		err := s.Send(t.Context(), told)
		if (err == nil) != (status < 300) {
			t.Errorf("answered %d: %v", status, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), key.Reveal())) {
			t.Errorf("%v shows a secret", err)
		}
	}
	if asked != 5 {
		t.Errorf("asked %d times: a redirect was followed", asked)
	}
	// The rules of deliveries hold: no private address.
	strict := sender.New(sender.Config{})
	defer strict.Close()
	for _, url := range []string{server.URL, strings.Replace(server.URL, "http:", "https:", 1)} {
		s.URL, s.Client = url, strict
		if err := s.Send(t.Context(), told); err == nil || asked != 5 {
			t.Errorf("%s: %v, asked %d times", url, err, asked)
		}
	}
}
