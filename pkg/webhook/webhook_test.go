package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestParseAccount(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want webhook.Account
	}{
		{"squake:acme", webhook.Account{API: "squake", ID: "acme"}},
		{"shoptet:315185-my_addon", webhook.Account{API: "shoptet", ID: "315185-my_addon"}},
		{"abbeycross:" + strings.Repeat("x", 64), webhook.Account{API: "abbeycross", ID: strings.Repeat("x", 64)}},
	} {
		got, err := webhook.ParseAccount(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("ParseAccount(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
		if got.String() != tt.in {
			t.Errorf("%#v.String() = %q, want %q", got, got.String(), tt.in)
		}
	}
	for _, in := range []string{"", "acme", ":acme", "squake:", "squake:a b", "squake:a:b", "squake:ä", "squake:" + strings.Repeat("x", 65)} {
		if _, err := webhook.ParseAccount(in); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("ParseAccount(%q) error = %v, want ErrInvalid", in, err)
		}
	}
}

func TestRights(t *testing.T) {
	for _, in := range []string{"read", "write", "read,write", "publish"} {
		got, err := webhook.ParseRights(in)
		if err != nil || got.String() != in {
			t.Errorf("ParseRights(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "admin", "read;write", "read,"} {
		if _, err := webhook.ParseRights(in); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("ParseRights(%q) error = %v, want ErrInvalid", in, err)
		}
	}
	if webhook.Read.Has(webhook.AllRights) || !webhook.AllRights.Has(webhook.Write) {
		t.Error("Has does not tell read from read and write")
	}
}

func TestTokenExpired(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		expires time.Time
		want    bool
	}{{time.Time{}, false}, {at, true}, {at.Add(time.Millisecond), false}, {at.Add(-1), true}} {
		if got := (webhook.Token{ExpiresAt: tt.expires}).Expired(at); got != tt.want {
			t.Errorf("expires %v: Expired = %v, want %v", tt.expires, got, tt.want)
		}
	}
}

func TestSecretHidesItself(t *testing.T) {
	const text = "whsec_c2VjcmV0"
	holder := struct{ Key webhook.Secret }{webhook.NewSecret(text)}
	if holder.Key.Reveal() != text {
		t.Fatal("Reveal lost the secret")
	}
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", holder.Key, "holder", holder)
	for name, shown := range map[string]string{
		"%v":   fmt.Sprintf("%v %+v %s", holder, holder, holder.Key),
		"%#v":  fmt.Sprintf("%#v %#v", holder, holder.Key),
		"json": string(marshalled),
		"slog": log.String(),
	} {
		if strings.Contains(shown, text) || !strings.Contains(shown, "[secret]") {
			t.Errorf("%s shows %q", name, shown)
		}
	}
}

func TestErrorsMatch(t *testing.T) {
	taken := fmt.Errorf("create: %w", &webhook.TakenError{IDs: map[string]string{"b": "2", "a": "1"}})
	if !errors.Is(taken, webhook.ErrTaken) || !strings.HasSuffix(taken.Error(), ": a, b") {
		t.Errorf("TakenError: %v", taken)
	}
	excluded := fmt.Errorf("create: %w", &webhook.ExcludedError{Found: []webhook.Exclusion{{Event: "a", By: "b"}}})
	if !errors.Is(excluded, webhook.ErrExcluded) || errors.Is(excluded, webhook.ErrTaken) {
		t.Errorf("ExcludedError: %v", excluded)
	}
}
