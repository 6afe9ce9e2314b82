package operator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// FuzzPublish sends any body. Whatever it is:
//   - The answer is a 400 with an error, and then nothing was stored, or a 202
//     with a result for each event as encoding/json counts them.
//   - What was accepted is stored once, under the id that was told, as the
//     event that stands at its place, with its payload in the publisher's own
//     spelling; and nothing else is stored.
//   - Published again, what has an id is a duplicate of itself, and what was
//     rejected is rejected for the same reason.
func FuzzPublish(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		h, s := inMemory(t)
		status, got := post(t, h, string(body))
		stored := map[string]webhook.Delivery{}
		for a := range registered {
			for id, d := range storedDeliveries(t, s, a) {
				stored[id] = d
			}
		}
		if status == http.StatusBadRequest {
			if len(stored) > 0 || len(got.Results) > 0 || got.Error.Code != "invalid_request" || got.Error.Message == "" {
				t.Fatalf("%+v, %d stored", got, len(stored))
			}
			return
		}
		events := plain(t, body)
		if status != http.StatusAccepted || len(got.Results) != len(events) || len(events) == 0 || len(events) > delivery.MaxEvents {
			t.Fatalf("status %d, %d results for %d events", status, len(got.Results), len(events))
		}
		accepted := map[string]bool{}
		for i, r := range got.Results {
			if r.Status == "accepted" || r.Status == "held" {
				accepted[*r.Delivery] = true
				checkStored(t, stored[*r.Delivery], events[i])
			} else if (r.Delivery != nil) != (r.Status == "duplicate") || r.Status == "failed" || (r.Status == "rejected") != (r.Error != "") {
				t.Errorf("event %d: %+v", i, r)
			}
		}
		if len(accepted) != len(stored) {
			t.Errorf("%d accepted, %d stored", len(accepted), len(stored))
		}
		_, again := post(t, h, string(body))
		for i, r := range got.Results {
			want := r.Status
			if _, named := events[i]["id"]; named && want == "accepted" {
				want = "duplicate"
			}
			if a := again.Results[i]; a.Status != want || a.Error != r.Error {
				t.Errorf("event %d: %+v, and again %+v", i, r, a)
			}
		}
	})
}

// plain reads the events of a body by the standard library alone.
func plain(t *testing.T, body []byte) []map[string]json.RawMessage {
	t.Helper()
	var sent map[string]json.RawMessage
	var list []json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil || !utf8.Valid(body) {
		t.Fatalf("accepted %q: %v", body, err)
	}
	if err := json.Unmarshal(sent["events"], &list); err != nil || len(sent) != 1 {
		t.Fatalf("accepted %q: %v", body, err)
	}
	events := make([]map[string]json.RawMessage, len(list))
	for i, text := range list {
		_ = json.Unmarshal(text, &events[i]) // what is no object has no fields
	}
	return events
}

// checkStored compares a delivery with the event that it was made of.
func checkStored(t *testing.T, d webhook.Delivery, e map[string]json.RawMessage) {
	t.Helper()
	var account, event, id, instance string
	for field, to := range map[string]*string{"account": &account, "event": &event, "id": &id, "instance": &instance} {
		if text, sent := e[field]; sent {
			if err := json.Unmarshal(text, to); err != nil {
				t.Errorf("%s is %s: %v", field, text, err)
			}
		}
	}
	if d.Account.String() != account || d.Event != event || d.Instance != instance || (e["id"] != nil && d.EventID != id) {
		t.Errorf("stored %+v of %s", d, e)
	}
	var spelled bytes.Buffer
	if text, sent := e["payload"]; sent {
		if err := json.Compact(&spelled, text); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(d.Payload, spelled.Bytes()) || (d.Payload == nil) != (e["payload"] == nil) {
		t.Errorf("payload %q, sent as %q", d.Payload, e["payload"])
	}
}

// seed adds the bodies of the golden exchanges, and events of every kind.
func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden exchanges: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if _, body, ok := strings.Cut(string(part.Data), "\n\n"); ok && strings.HasPrefix(part.Name, "request") {
				f.Add([]byte(strings.TrimSuffix(body, "\n")))
			}
		}
	}
	for _, payload := range []string{
		`null`, `-0`, `1E400`, `0.1000`, `12345678901234567890123`, "\"\u2028\\u2028\\/<>&\"", `"\ud83d\ude00"`, ` [ 1 , { "a" : [ ] } ] `,
		`{"a":1,"A":2,"":3}`, `"\u0000"`, strings.Repeat("[", 50) + strings.Repeat("]", 50),
	} {
		for _, of := range []string{
			`"account":"squake:acme","event":"order"`, `"account":"abbeycross:fleet-7","event":"shipment.created"`,
			`"account":"shoptet:315185-myaddon","event":"order:create","instance":"1"`,
		} {
			f.Add(fmt.Appendf(nil, `{"events":[{%s,"id":"1","time":"2026-01-15T10:30:00Z","payload":%s},{%s}]}`, of, payload, of))
		}
	}
}
