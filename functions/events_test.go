package functions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hookline/hookline/functions/internal/emulator"
)

// want is what events/<function>/<case>.want.json says. infra/doc.go tells more.
type want struct {
	// After are the cases to send before, by the same customer; Other those
	// that another one then sends.
	After []string `json:"after"`
	Other []string `json:"other"`
	// Deliveries says that the customer has those of events/deliveries.json.
	Deliveries bool              `json:"deliveries"`
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	// Body is a part of the answer's: fields that it leaves out may be any.
	Body json.RawMessage `json:"body"`
	// Status is CloudFormation's, in answers of custom resources.
	Status string `json:"Status"`
	// The rest is of functions that publish, deliver or sweep.
	Answer            int      `json:"answer"`
	Overdue           bool     `json:"overdue"`
	Received          int      `json:"received"`
	Sent              int      `json:"sent"`
	BatchItemFailures []string `json:"batchItemFailures"`
}

// check holds an answer to what is wanted.
func (w want) check(t *testing.T, name string, answer events.APIGatewayV2HTTPResponse) {
	t.Helper()
	if answer.StatusCode != w.StatusCode {
		t.Errorf("%s: status %d, want %d: %s", name, answer.StatusCode, w.StatusCode, answer.Body)
	}
	for header, value := range w.Headers {
		if got := headerOf(answer, header); got != value {
			t.Errorf("%s: header %s is %q, want %q", name, header, got, value)
		}
	}
	if answer.IsBase64Encoded {
		t.Errorf("%s: the body is in base64", name)
	}
	if err := contains(decode(t, []byte(answer.Body)), decode(t, w.Body)); err != nil {
		t.Errorf("%s: body %s\nis not as wanted: %v", name, answer.Body, err)
	}
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
	return parseWant(tb, folder, name, readEvent(tb, folder, name+".want"))
}

func parseWant(tb testing.TB, folder, name string, text []byte) want {
	tb.Helper()
	var w want
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		tb.Fatalf("events/%s/%s.want.json: %v", folder, name, err)
	}
	return w
}
