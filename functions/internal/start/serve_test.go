package start

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/api/abbeycross"
	"github.com/hookline/hookline/pkg/api/squake"
)

// environment is a whole one, with changes; an empty value takes one away.
func environment(t *testing.T, changes map[string]string) map[string]string {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE":     "webhooks",
		"HOOKLINE_SEALING_KEY_ID":     "v1",
		"HOOKLINE_SEALING_PUBLIC_KEY": base64.StdEncoding.EncodeToString(private.PublicKey().Bytes()),
		"HOOKLINE_ABBEYCROSS_EVENTS":  "trip.started",
		"AWS_REGION":                  "eu-central-1",
		"AWS_ACCESS_KEY_ID":           "AKIDHUSH",
		"AWS_SECRET_ACCESS_KEY":       "hush",
		"AWS_SESSION_TOKEN":           "hush hush",
		"AWS_ENDPOINT_URL_DYNAMODB":   "http://127.0.0.1:1",
	}
	maps.Copy(env, changes)
	return env
}

func TestStart(t *testing.T) {
	for _, changes := range []map[string]string{
		{},
		{"HOOKLINE_ALLOW_HTTP": "true", "HOOKLINE_ALLOW_PRIVATE": "false"},
		{"AWS_SESSION_TOKEN": "", "HOOKLINE_ABBEYCROSS_HOURS": "Mon-Fri 08:00-18:00 Europe/Prague"},
	} {
		var logged bytes.Buffer
		if g, err := build(t.Context(), abbeycross.API(), nil, environment(t, changes), slog.New(slog.NewJSONHandler(&logged, nil))); err != nil || g == nil {
			t.Errorf("start with %v: %v", changes, err)
		}
		if logged.Len() > 0 {
			t.Errorf("start with %v logs %s", changes, &logged)
		}
	}
}

func TestReadConfig(t *testing.T) {
	changes := map[string]string{"HOOKLINE_ALLOW_PRIVATE": "true", "HOOKLINE_ALLOW_NETWORK": "10.20.0.0/16,fd12:3456::/32", "HOOKLINE_DELIVERIES_TABLE": "deliveries"}
	c, err := readConfig(environment(t, changes), []Table{Deliveries})
	if err != nil {
		t.Fatal(err)
	}
	if c.Webhooks != "webhooks" || c.Deliveries != "deliveries" || c.KeyID != "v1" || len(c.Key) != 65 || c.AllowHTTP || !c.AllowPrivate ||
		fmt.Sprint(c.Policy().AllowNetworks) != "[10.20.0.0/16 fd12:3456::/32]" ||
		c.SecretAccessKey.Reveal() != "hush" || c.SessionToken.Reveal() != "hush hush" || c.DynamoDBEndpoint != "http://127.0.0.1:1" {
		t.Errorf("read %+v", c)
	}
}

// Everything that is wrong is named at once, in one line without secrets.
func TestStartNamesEveryFault(t *testing.T) {
	tests := map[string]struct {
		needs   []Table
		changes map[string]string
		named   []string
	}{
		"missing": {
			[]Table{Deliveries},
			map[string]string{"HOOKLINE_WEBHOOKS_TABLE": "", "HOOKLINE_SEALING_KEY_ID": "", "HOOKLINE_SEALING_PUBLIC_KEY": "", "AWS_REGION": "", "AWS_SECRET_ACCESS_KEY": ""},
			[]string{"HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_SEALING_KEY_ID: must be set", "HOOKLINE_SEALING_PUBLIC_KEY: must be set", "AWS_REGION: must be set", "AWS_SECRET_ACCESS_KEY: must be set"},
		},
		"unreadable": {
			nil,
			map[string]string{"HOOKLINE_SEALING_PUBLIC_KEY": "*", "HOOKLINE_ALLOW_HTTP": "maybe", "HOOKLINE_ALLOW_PRIVATE": "2", "HOOKLINE_ABBEYCROSS_EVENTS": ""},
			[]string{"HOOKLINE_SEALING_PUBLIC_KEY: must be standard base64", "HOOKLINE_ALLOW_HTTP: must be true or false", "HOOKLINE_ALLOW_PRIVATE: must be true or false", "HOOKLINE_ABBEYCROSS_EVENTS"},
		},
		"link-local": {nil, map[string]string{"HOOKLINE_ALLOW_NETWORK": "10.0.0.0/8,169.254.0.0/16"}, []string{"HOOKLINE_ALLOW_NETWORK: must be networks"}},
		"loopback":   {nil, map[string]string{"HOOKLINE_ALLOW_NETWORK": "127.0.0.0/8"}, []string{"HOOKLINE_ALLOW_NETWORK: must be networks"}},
		"no point of the curve": {
			nil,
			map[string]string{"HOOKLINE_SEALING_PUBLIC_KEY": "AAAA", "HOOKLINE_ABBEYCROSS_HOURS": "always"},
			[]string{"HOOKLINE_SEALING_PUBLIC_KEY", "HOOKLINE_ABBEYCROSS_HOURS"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := build(t.Context(), abbeycross.API(), tt.needs, environment(t, tt.changes), slog.New(slog.DiscardHandler))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.named {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(strings.ToLower(err.Error()), "hush") {
				t.Errorf("%q has several lines, or holds a secret", err)
			}
		})
	}
}

// A DynamoDB that does not answer delays the start by connectLimit at most,
// and is no reason not to start.
func TestStartWithoutDynamoDB(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and says nothing to a TLS greeting
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, endpoint := range []string{"https://" + silent.Addr().String(), "https://127.0.0.1:1", "http://127.0.0.1:1"} {
		env := environment(t, map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint})
		if _, err := build(ctx, squake.API(), nil, env, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("start with %s: %v", endpoint, err)
		}
	}
}

// What is printed with package log, as the Lambda runtime does, is a line of
// JSON too.
func TestNewLog(t *testing.T) {
	before := slog.Default()
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(os.Stderr)
	}()
	var printed bytes.Buffer
	NewLog(&printed).Info("a")
	log.Print("b") //nolint:forbidigo // as the Lambda runtime does
	if got := printed.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"msg":"a"`) || !strings.Contains(got, `"msg":"b"`) {
		t.Errorf("printed %s", got)
	}
}
