// Package workertest is what the tests of the functions have in common that are
// built on functions/internal/worker.
package workertest

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"testing"
)

// Environment returns the environment that all these functions need, with
// changes: those of the function first. An empty value takes a variable away.
func Environment(changes ...map[string]string) map[string]string {
	env := map[string]string{
		"HOOKLINE_WEBHOOKS_TABLE":   "webhooks",
		"HOOKLINE_DELIVERIES_TABLE": "deliveries",
		"HOOKLINE_QUEUE_URL":        "https://sqs.eu-central-1.amazonaws.com/111122223333/attempts",
		"HOOKLINE_SLOW_QUEUE_URL":   "https://sqs.eu-central-1.amazonaws.com/111122223333/slow-attempts",
		"AWS_REGION":                "eu-central-1",
		"AWS_ACCESS_KEY_ID":         "AKIDHUSH",
		"AWS_SECRET_ACCESS_KEY":     "hush",
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
	}
	for _, c := range changes {
		maps.Copy(env, c)
	}
	return env
}

// NamesFaults fails t unless build refuses an environment with an error that
// has all texts and shows no secret.
func NamesFaults[F any](t *testing.T, build func(context.Context, map[string]string, *slog.Logger) (F, error), env map[string]string, texts ...string) {
	t.Helper()
	_, err := build(t.Context(), env, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
	if strings.Contains(strings.ToLower(err.Error()), "hush") {
		t.Errorf("%q holds a secret", err)
	}
}
