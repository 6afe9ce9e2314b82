package operator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/apitest"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/webhook"
)

// errInside is what no answer may show.
var errInside = errors.New("table of-ours at 10.1.2.3")

// failing is a store whose reads and writes go wrong.
type failing struct {
	delivery.PublisherStore
	recipients, add func() error
}

func (f failing) Recipients(ctx context.Context, s []webhook.EventKey) ([]webhook.Recipient, error) {
	if f.recipients != nil {
		return nil, f.recipients()
	}
	return f.PublisherStore.Recipients(ctx, s)
}

func (f failing) AddDelivery(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	if f.add != nil && d.EventID == "bad" {
		return webhook.Delivery{}, f.add()
	}
	return f.PublisherStore.AddDelivery(ctx, d)
}

const goodAndBad = `{"events":[{"account":"squake:acme","event":"order","id":"bad","time":"2026-01-15T10:30:00Z"},` +
	`{"account":"squake:acme","event":"order","id":"good","time":"2026-01-15T10:30:00Z"},{"account":"squake:acme"}]}`

// TestOurFaultInAnEvent: what could not be stored is to be published again;
// the other events have results of their own, and the log says what it was.
func TestOurFaultInAnEvent(t *testing.T) {
	fail := func() error { return errInside }
	for name, tt := range map[string]struct {
		recipients, add func() error
		want            [3]string // none for 503
	}{
		"unavailable":         {func() error { return webhook.ErrUnavailable }, nil, [3]string{}},
		"unavailable for one": {nil, func() error { return fmt.Errorf("%w: %w", webhook.ErrUnavailable, errInside) }, [3]string{"failed", "accepted", "rejected"}},
		"read":                {fail, nil, [3]string{"failed", "failed", "rejected"}},
		"write":               {nil, fail, [3]string{"failed", "accepted", "rejected"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.Open(t)
			populate(t, s)
			var log bytes.Buffer
			status, got := post(t, handler(t, failing{s, tt.recipients, tt.add}, &log), goodAndBad)
			if tt.want[0] == "" {
				if status != http.StatusServiceUnavailable || got.Error.Code != "internal_error" || len(got.Results) > 0 {
					t.Errorf("%d %+v, want 503 without results", status, got)
				}
				return
			}
			if status != http.StatusAccepted || len(got.Results) != len(tt.want) {
				t.Fatalf("%d %+v", status, got)
			}
			for i, want := range tt.want {
				r := got.Results[i]
				if r.Status != want || (r.Delivery != nil) != (want == "accepted") || strings.Contains(r.Error, errInside.Error()) {
					t.Errorf("event %d: %+v, want %s", i, r, want)
				}
				if want == "failed" && r.Error != "internal error, publish it again" {
					t.Errorf("event %d: %+v", i, r)
				}
			}
			if !strings.Contains(log.String(), errInside.Error()) {
				t.Errorf("the log does not say what went wrong:\n%s", &log)
			}
		})
	}
}

// TestOurFault: an internal error that leaves no results is a 500 that says
// nothing of the inside, and whose id is in the log beside the error.
func TestOurFault(t *testing.T) {
	id := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	for name, serve := range map[string]func(log *bytes.Buffer, w http.ResponseWriter, r *http.Request){
		"panic": func(log *bytes.Buffer, w http.ResponseWriter, r *http.Request) {
			handler(t, failing{memory.Open(t), func() error { panic(errInside) }, nil}, log).ServeHTTP(w, r)
		},
		"adapter": func(log *bytes.Buffer, w http.ResponseWriter, r *http.Request) {
			handler(t, memory.Open(t), log).Fail(w, r, errInside)
		},
		"tokens": func(log *bytes.Buffer, w http.ResponseWriter, r *http.Request) {
			setup := apitest.NewFixture(t, newAPI(t), nil, log).Setup
			operator.New(operator.Config{
				Publisher: publisher(t, memory.Open(t), &queue{}, setup.Log), Tokens: noTokens{},
				Keys: setup.Keys, Now: setup.Now, Log: setup.Log,
			}).ServeHTTP(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			r := httptest.NewRequest(http.MethodPost, operator.Path, strings.NewReader(goodAndBad))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+apitest.NewFixture(t, newAPI(t), nil, nil).Tokens["token"])
			w := httptest.NewRecorder()
			serve(&log, w, r)
			var got published
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusInternalServerError {
				t.Fatalf("%d %v\n%s", w.Code, err, w.Body)
			}
			shown := id.FindString(got.Error.Message)
			want := "Internal error. Publish it again; in the log it has the id " + shown + "."
			if shown == "" || got.Error.Code != "internal_error" || got.Error.Message != want {
				t.Errorf("answer %s", w.Body)
			}
			if line := log.String(); !strings.Contains(line, `"request_id":"`+shown+`"`) || !strings.Contains(line, errInside.Error()) {
				t.Errorf("the log lacks the id %s or the error:\n%s", shown, line)
			}
		})
	}
}

// noTokens cannot be read.
type noTokens struct{}

func (noTokens) Token(context.Context, webhook.TokenHash) (webhook.Token, error) {
	return webhook.Token{}, errInside
}

// TestLogHoldsNoPayload: neither payloads nor ids of events are logged.
func TestLogHoldsNoPayload(t *testing.T) {
	s := memory.Open(t)
	populate(t, s)
	var log bytes.Buffer
	const secret = "no-line-may-hold-this"
	_, got := post(t, handler(t, s, &log), `{"events":[{"account":"squake:acme","event":"order","id":"`+secret+
		`","time":"2026-01-15T10:30:00Z","payload":"`+secret+`"},{"account":"`+secret+`","event":"`+secret+`"}]}`)
	if len(got.Results) != 2 || got.Results[0].Status != "accepted" || got.Results[1].Status != "rejected" {
		t.Fatalf("%+v", got)
	}
	if log.Len() == 0 || strings.Contains(log.String(), secret) {
		t.Errorf("log:\n%s", &log)
	}
}
