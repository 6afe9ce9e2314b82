package portal_test

import (
	"crypto/rand"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// nobody seals nothing.
type nobody struct{}

func (nobody) Seal(seal.Owner, webhook.Secret) ([]byte, error) { return nil, io.ErrUnexpectedEOF }

// TestAPIsAreDescribed: each API says what the portal calls its things, lists
// events that its own rules accept, and names the header that it signs with.
func TestAPIsAreDescribed(t *testing.T) {
	t.Parallel()
	setup := api.Setup{Store: memory.Open(t), Sealer: nobody{}, Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Getenv: func(name string) string {
		return map[string]string{"HOOKLINE_ABBEYCROSS_EVENTS": "shipment.created"}[name]
	}}
	for _, a := range all.APIs() {
		p, err := a.Portal(setup)
		if err != nil || p.Title == "" || p.Event == "" || p.URL == "" || p.Key == "" || p.Registry == nil || len(p.Events) == 0 {
			t.Fatalf("%s: %+v, %v", a.Name, p, err)
		}
		for _, name := range slices.Concat(p.Events, a.Events(setup.Getenv)) {
			if wrong := p.CheckEvent(name); wrong != "" {
				t.Errorf("%s: %s %s", a.Name, name, wrong)
			}
		}
		if p.CheckEvent("é") == "" {
			t.Errorf("%s accepts any name", a.Name)
		}
		sending, err := a.Sending(setup)
		if err != nil {
			t.Fatal(err)
		}
		signs := sending.Header(webhook.NewSecret("0"), time.Now(), nil)
		plain := sending.Header(webhook.Secret{}, time.Now(), nil)
		for name := range signs {
			if _, ok := plain[name]; !ok && name != p.Verification.Header {
				t.Errorf("%s signs with %s, and says %q", a.Name, name, p.Verification.Header)
			}
		}
		of := map[string]func(webhook.Secret, []byte) string{"sha1": signing.HexSHA1, "sha256": signing.HexSHA256}[p.Verification.Hash]
		if p.Verification.Header != "" && (of == nil || signs[p.Verification.Header] != of(webhook.NewSecret("0"), nil)) {
			t.Errorf("%s says that it signs by %+v", a.Name, p.Verification)
		}
	}
}

// TestFourthAPI: an API that nothing else names shows up with its own words.
func TestFourthAPI(t *testing.T) {
	t.Parallel()
	fourth := api.API{
		Name: "fourth",
		Portal: func(setup api.Setup) (api.Portal, error) {
			ids := func([]string) ([]string, error) { id, err := setup.Keys.UUID(); return []string{id}, err }
			return api.Portal{
				Title: "Fourth", Event: "topic", URL: "callback", Key: "shared secret",
				Registry: setup.Registry(registry.Rules{NewIDs: ids, NewKey: setup.Keys.Base64Key}), URLs: setup.URLs,
				Events: []string{"noon", "midnight"},
				CheckEvent: func(name string) string {
					return map[bool]string{false: "is no time of day"}[name == "noon" || name == "midnight"]
				},
				Closed: func(now time.Time) time.Duration { return map[bool]time.Duration{true: time.Hour}[now.Year() < 2000] },
			}, nil
		},
		Sending: func(api.Setup) (webhook.Sending, error) {
			return webhook.Sending{
				CheckEvent: api.NoInstance, Timeout: time.Second,
				Body:   func(d webhook.Delivery, _ webhook.Webhook) ([]byte, error) { return d.Payload, nil },
				Header: func(webhook.Secret, time.Time, []byte) map[string]string { return nil },
				Sample: func(string) ([]byte, string) { return []byte(`{"fourth":true}`), "" },
			}, nil
		},
	}
	e := newEnvOf(t, append(all.APIs(), fourth))
	r := e.enter(t, fourthAccount, webhook.AllRights)
	r.shows(200, "Fourth sends what happens")
	r.get("/portal/webhooks/new")
	r.shows(200, "Topic", "URL (callback)", "midnight")
	r.post("/portal/webhooks", "event", "dawn", "url", e.receiver.URL)
	r.shows(422, "dawn: It is no time of day.")
	r.post("/portal/webhooks", "event", "noon", "url", e.receiver.URL)
	r.shows(200, "This shared secret is shown once")
	r.get("/portal/events")
	r.shows(200, "&#34;fourth&#34;: true")
	r.get("/portal/verify")
	r.shows(200, "shared secret")
}
