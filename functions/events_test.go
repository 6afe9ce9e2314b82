package functions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/unseal"
	"github.com/hookline/hookline/pkg/webhook"
)

// want is what events/<function>/<case>.want.json says.
type want struct {
	// After are the cases to send before, by the same customer.
	After      []string          `json:"after"`
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	// Body is a part of the answer's: fields that it leaves out may be any.
	Body json.RawMessage `json:"body"`
	// Status is CloudFormation's, in answers of custom resources.
	Status string `json:"Status"`
}

// TestEvents sends every event of events/ to its register function, each case
// as a customer of its own, and then looks for secrets in the table.
func TestEvents(t *testing.T) {
	for _, f := range registers() {
		t.Run(f.folder, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			function := emulator.Start(t, emulator.Program(t, f.resource), s.environment(t, f.resource))
			var secrets []string
			registered := 0
			for _, name := range cases(t, f.folder) {
				t.Run(name, func(t *testing.T) {
					c := s.newCustomer(t, f.api.Name)
					r := replay{function: function, folder: f.folder, customer: c}
					r.send(t, name)
					secrets = append(secrets, c.token, c.expired, c.readOnly)
					secrets = append(secrets, r.keys...)
					registered += s.checkStored(t, c.account, r.keys)
				})
			}
			if registered == 0 {
				t.Error("no case registered a webhook")
			}
			s.checkTable(t, secrets)
			checkOutput(t, function.Output(), secrets)
		})
	}
}

// replay sends cases as one customer and gathers the keys answered.
type replay struct {
	function *emulator.Function
	folder   string
	customer customer
	keys     []string
}

func (r *replay) send(t *testing.T, name string) {
	t.Helper()
	want := readWant(t, r.folder, name)
	for _, before := range want.After {
		r.send(t, before)
	}
	payload, err := r.function.Invoke(t.Context(), r.customer.fill(readEvent(t, r.folder, name)))
	answer := parseAnswer(t, payload, err)
	if answer.StatusCode != want.StatusCode {
		t.Errorf("%s: status %d, want %d: %s", name, answer.StatusCode, want.StatusCode, payload)
	}
	for header, value := range want.Headers {
		if got := headerOf(answer, header); got != value {
			t.Errorf("%s: header %s is %q, want %q", name, header, got, value)
		}
	}
	if answer.IsBase64Encoded {
		t.Errorf("%s: the body is in base64", name)
	}
	if err := contains(decode(t, []byte(answer.Body)), decode(t, want.Body)); err != nil {
		t.Errorf("%s: body %s\nis not as wanted: %v", name, answer.Body, err)
	}
	r.keys = append(r.keys, signingKeys(decode(t, []byte(answer.Body)))...)
}

// checkStored holds the records of an account to the keys that were answered,
// and gives their number. Shoptet's key is the account's: its records have
// none. AbbeyCross's records of one registration share one.
func (s *stack) checkStored(t *testing.T, account webhook.Account, answered []string) int {
	t.Helper()
	stored, err := s.store.Webhooks(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	opener := unseal.New(s)
	opened := map[string]bool{}
	for _, w := range stored {
		if w.SealedKey == nil {
			continue
		}
		key, err := opener.Open(t.Context(), seal.WebhookKey(account, w.ID), w.SealedKey)
		if err != nil {
			t.Errorf("event %s: %v", w.Event, err)
			continue
		}
		opened[key.Reveal()] = true
		if !slices.Contains(answered, key.Reveal()) {
			t.Errorf("event %s: the record opens to a key that was not answered", w.Event)
		}
	}
	if len(opened) != len(answered) {
		t.Errorf("records hold %d keys, %d were answered", len(opened), len(answered))
	}
	return len(stored)
}

// fill puts the customer's tokens into an event.
func (c customer) fill(event []byte) []byte {
	for placeholder, token := range map[string]string{
		"hk_test_PLACEHOLDER":          c.token,
		"hk_test_EXPIRED_PLACEHOLDER":  c.expired,
		"hk_test_READONLY_PLACEHOLDER": c.readOnly,
	} {
		event = bytes.ReplaceAll(event, []byte(placeholder), []byte(token))
	}
	return event
}

// signingKeys gives the keys that an answer shows.
func signingKeys(body any) []string {
	object, _ := body.(map[string]any)
	var keys []string
	for _, field := range []string{"signing_key", "apiSecretKey"} {
		if key, ok := object[field].(string); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// contains reports how got differs from want, where objects may have more
// fields than wanted.
func contains(got, want any) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%v, want an object", got)
		}
		for name, value := range want {
			field, ok := object[name]
			if !ok {
				return fmt.Errorf("%s: missing", name)
			}
			if err := contains(field, value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%v, want %d elements", got, len(want))
		}
		for i, element := range want {
			if err := contains(list[i], element); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	default:
		if got != want {
			return fmt.Errorf("%v, want %v", got, want)
		}
	}
	return nil
}

func parseAnswer(tb testing.TB, payload []byte, err error) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	var answer events.APIGatewayV2HTTPResponse
	if err := errors.Join(err, json.Unmarshal(payload, &answer)); err != nil {
		tb.Fatalf("%v: %s", err, payload)
	}
	return answer
}

func headerOf(answer events.APIGatewayV2HTTPResponse, name string) string {
	for header, value := range answer.Headers {
		if strings.EqualFold(header, name) {
			return value
		}
	}
	return ""
}

func decode(tb testing.TB, text []byte) any {
	tb.Helper()
	var value any
	if len(text) == 0 {
		return value
	}
	if err := json.Unmarshal(text, &value); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	return value
}

// cases lists the cases of a function's events.
func cases(tb testing.TB, folder string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(emulator.Root(tb), "events", folder, "*.want.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("events/%s has no cases: %v", folder, err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".want.json")
	}
	return files
}

func readEvent(tb testing.TB, folder, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(tb), "events", folder, name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func readWant(tb testing.TB, folder, name string) want {
	tb.Helper()
	var w want
	decoder := json.NewDecoder(bytes.NewReader(readEvent(tb, folder, name+".want")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		tb.Fatalf("events/%s/%s.want.json: %v", folder, name, err)
	}
	return w
}
